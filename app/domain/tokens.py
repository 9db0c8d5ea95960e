"""Secrets of API clients and their tokens: made, recognised, never kept in the clear."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from app.domain import values
from app.domain.fields import Checker
from app.domain.permissions import Scope
from app.domain.texts import N_, Text

# As long as the prefix that is kept: enough to find a leaked secret, far from enough to guess it.
PREFIX_LENGTH = 12


class TokenKind(StrEnum):
    """What a token is for."""

    ACCESS = "access"
    REFRESH = "refresh"


# Each kind of secret begins with its own letters, so that scanners for leaks can find them.
SECRET_BEGINS = "clks_"  # noqa: S105 -- how each begins
TOKEN_BEGINS = {TokenKind.ACCESS: "clka_", TokenKind.REFRESH: "clkr_"}


def generate(begins: str) -> str:
    """Return a new secret of 256 random bits, in letters that need no quoting anywhere."""
    return begins + secrets.token_urlsafe(32)


def prefix(secret: str) -> str:
    """Return the first letters, which are kept and shown to tell one from the other."""
    return secret[:PREFIX_LENGTH]


def split_scopes(given: str) -> frozenset[str]:
    """Return the scopes of a text that OAuth writes with blanks between them."""
    return frozenset(given.split())


def join_scopes(scopes: frozenset[str]) -> str:
    """Return the scopes as one text, always in the same order."""
    return " ".join(scope.value for scope in Scope if scope.value in scopes)


@dataclass(frozen=True, kw_only=True)
class ApiClientInput:
    """An API client as somebody gave it; `check()` gives what may be stored."""

    name: str
    scopes: frozenset[str]
    store_ids: frozenset[UUID] = frozenset()
    every_store: bool = False

    def check(self) -> dict[str, Any]:
        """Return the columns to write; the stores stand in `store_ids` as they are.

        Raises Invalid with the reasons by field.
        """
        checker = Checker()
        name = checker.take("name", partial(values.text, self.name, max_length=values.MAX_NAME), "")
        if not (name or checker.reasons):
            checker.refuse("name", N_("Enter a name that says which program this is."))
        if not self.scopes:
            checker.refuse("scopes", N_("Choose at least one: without any the client could do nothing."))
        elif not self.scopes <= set(Scope):
            checker.refuse("scopes", Text.of(N_("Choose one of: %(names)s."), names=", ".join(Scope)))
        if not self.every_store and not self.store_ids:
            checker.refuse("store_ids", N_("Choose at least one store, or all stores."))
        checker.done()
        return {
            "name": name,
            "name_key": name.casefold(),
            "scopes": join_scopes(self.scopes),
            "every_store": self.every_store,
        }
