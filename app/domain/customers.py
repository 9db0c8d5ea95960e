"""A customer's own fields: what may be written and how it is normalised."""

import secrets
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from typing import Any

from app.domain import payment_cards, values
from app.domain.fields import Checker
from app.domain.texts import N_

# No 0, O, 1, I: the display id is read aloud.
DISPLAY_ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
DISPLAY_ID_LENGTH = 6

MAX_ATTRIBUTES = 20
EMAIL_TAKEN = N_("A customer with this e-mail address exists already.")

# The fields that a person may change, with the words that pages and history use for them.
FIELD_LABELS = {
    "email": N_("E-mail"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "phone_number": N_("Phone"),
    "country_code": N_("Country"),
}


NO_PHONE: tuple[str, str | None] = ("", None)


class LinkReason(StrEnum):
    """Why a store first came to know a customer."""

    CREATED = "created"
    OPTED_IN = "opted_in"
    ORDERED = "ordered"
    ADDED = "added"


# The same in words.
LINK_REASONS = {
    LinkReason.CREATED: N_("Created"),
    LinkReason.OPTED_IN: N_("Opted in"),
    LinkReason.ORDERED: N_("Ordered"),
    LinkReason.ADDED: N_("Added to a store"),
}


class Unset:
    """The type of UNSET: a field that was not sent, which differs from one set to empty."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


@dataclass(frozen=True, kw_only=True)
class CustomerInput:
    """A new customer as somebody gave it; `check()` gives what may be stored."""

    email: str
    first_name: str = ""
    last_name: str = ""
    phone_number: str = ""
    country_code: str = ""

    def check(self, *, region: str | None = None, strict: bool = True) -> dict[str, str | None]:
        """Return the columns to write.

        `region` is the country for phone numbers without `+` when the customer's is not given;
        `strict` as in values.phone. Raises Invalid with the reasons by field.
        """
        return _check({item.name: getattr(self, item.name) for item in fields(self)}, region, strict)


@dataclass(frozen=True, kw_only=True)
class CustomerChanges:
    """Fields to change; what is UNSET stays as it is."""

    email: str | Unset = UNSET
    first_name: str | Unset = UNSET
    last_name: str | Unset = UNSET
    phone_number: str | Unset = UNSET
    country_code: str | Unset = UNSET

    def check(self, *, region: str | None = None, strict: bool = True) -> dict[str, str | None]:
        """Return the columns to write; see CustomerInput.check."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return _check({name: value for name, value in given.items() if value is not UNSET}, region, strict)


def _check(given: dict[str, Any], region: str | None, strict: bool) -> dict[str, str | None]:
    checker = Checker()
    columns: dict[str, str | None] = {}
    for name in ("first_name", "last_name"):
        if name in given:
            columns[name] = checker.take(
                name, partial(payment_cards.text, given[name], max_length=values.MAX_NAME), ""
            )
    if "email" in given:
        email = checker.take("email", lambda: values.email(given["email"]), "")
        columns |= {"email": email, "email_key": values.email_key(email)}
    if "country_code" in given:
        columns["country_code"] = checker.take(
            "country_code", lambda: values.country(given["country_code"]), ""
        )
    if "phone_number" in given:
        typed, e164 = checker.take(
            "phone_number",
            lambda: values.phone(
                payment_cards.text(given["phone_number"], max_length=values.MAX_PHONE),
                region=columns.get("country_code") or region,
                strict=strict,
            ),
            NO_PHONE,
        )
        columns |= {"phone_number": typed, "phone_e164": e164}
    checker.done()
    return columns


def new_display_id() -> str:
    """Return a random display id; whoever stores it makes sure that it is not taken."""
    number = secrets.randbelow(len(DISPLAY_ID_LETTERS) ** DISPLAY_ID_LENGTH)
    letters = []
    for _ in range(DISPLAY_ID_LENGTH):
        number, letter = divmod(number, len(DISPLAY_ID_LETTERS))
        letters.append(DISPLAY_ID_LETTERS[letter])
    return "".join(letters)


def may_be_display_id(text: str) -> bool:
    """True for what has the length and the kind of letters of a display id."""
    return len(text) == DISPLAY_ID_LENGTH and text.isascii() and text.isalnum()
