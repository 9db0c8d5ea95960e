"""An associate's account: what may be written and how it is normalised."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.domain import values
from app.domain.fields import Checker
from app.domain.permissions import ASSIGNABLE, EVERY_STORE, Role
from app.domain.texts import N_, Text


@dataclass(frozen=True, kw_only=True)
class AssociateInput:
    """An associate as somebody gave it; `check()` gives what may be stored."""

    email: str
    first_name: str
    last_name: str
    role: str = Role.ASSOCIATE.value
    store_ids: frozenset[uuid.UUID] = frozenset()

    def check(self) -> dict[str, Any]:
        """Return the columns to write; the stores stand in `store_ids` as they are.

        Raises Invalid with the reasons by field.
        """
        checker = Checker()
        columns: dict[str, Any] = {}
        for name in ("first_name", "last_name"):
            columns[name] = checker.take(
                name, partial(values.text, getattr(self, name), max_length=values.MAX_NAME), ""
            )
        if not (columns["first_name"] or columns["last_name"] or checker.reasons):
            checker.refuse("first_name", N_("Enter a first or a last name."))
        columns["email"] = checker.take("email", lambda: values.email(self.email), "")
        columns["email_key"] = values.email_key(columns["email"])
        columns["role"] = self.role
        if self.role not in [role.value for role in ASSIGNABLE]:
            checker.refuse(
                "role",
                Text.of(N_("Choose one of: %(names)s."), names=", ".join(role.value for role in ASSIGNABLE)),
            )
        elif Role(self.role) not in EVERY_STORE and not self.store_ids:
            checker.refuse("store_ids", N_("Choose at least one store; only administrators need none."))
        checker.done()
        return columns
