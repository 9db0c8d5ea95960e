"""Extended attributes: the types of definitions, and reading a value by its definition."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from app.domain import folding, payment_cards
from app.domain.customers import MAX_ATTRIBUTES
from app.domain.fields import Checker
from app.domain.texts import N_, Text
from app.domain.values import BadValue

MAX_KEY = 60
MAX_VALUE = 500
SEPARATOR = ", "


class AttributeType(StrEnum):
    """How an attribute is asked and checked."""

    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"

    @property
    def label(self) -> str:
        """Name the type for people."""
        return {
            "text": N_("Text"),
            "choice": N_("One of several choices"),
            "choices": N_("Several choices"),
            "number": N_("Number"),
            "date": N_("Date"),
            "yes_no": N_("Yes or no"),
        }[self.value]


class Definition(NamedTuple):
    """How an attribute is asked, checked and shown, as far as that concerns a customer's own values."""

    key: str
    label: str
    type: str
    choices: Sequence[str]
    group: str
    is_sensitive: bool
    is_active: bool


def read(definition: Definition | None, value: object, *, stored: str = "") -> str:
    """Return the value as it is stored, "" for none.

    A name without a definition takes any text (API v0 keeps what it does not know). Several
    choices are stored joined by ", ", in the definition's order. What a customer has already
    (`stored`) stays acceptable, whatever the definition has come to say since.
    Raises BadValue with what would be accepted.
    """
    cleaned = payment_cards.text(value, max_length=MAX_VALUE)
    if definition is None or not cleaned or cleaned == stored:
        return cleaned
    match AttributeType(definition.type):
        case AttributeType.TEXT:
            return cleaned
        case AttributeType.CHOICE:
            return _choice(definition, cleaned)
        case AttributeType.CHOICES:
            wide = definition._replace(choices=choices_of(definition, stored))
            chosen = {_choice(wide, part.strip()) for part in cleaned.split(",") if part.strip()}
            if chosen == set(split_choices(stored)):
                return stored
            return SEPARATOR.join(choice for choice in wide.choices if choice in chosen)
        case AttributeType.NUMBER:
            return _number(cleaned)
        case AttributeType.DATE:
            return _date(cleaned)
        case AttributeType.YES_NO:
            return _yes_no(cleaned)


def _choice(definition: Definition, given: str) -> str:
    for choice in definition.choices:
        if folding.fold(choice) == folding.fold(given):
            return choice
    raise BadValue(Text.of(N_("Choose one of: %(names)s."), names=", ".join(definition.choices)))


def _number(given: str) -> str:
    plain = given.replace(",", ".") if given.count(",") == 1 and "." not in given else given
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", plain):
        raise BadValue(N_("Enter a number, like 42 or 42.5."))
    return format(Decimal(plain), "f")


def _date(given: str) -> str:
    try:
        written = date.fromisoformat(given).isoformat()
    except ValueError:
        written = ""
    # Python reads 19900531 and 1990-W22-4, too; people may mean something else by them.
    if not written or written != given:
        raise BadValue(N_("Enter a date as year-month-day, like 1990-05-31."))
    return written


def _yes_no(given: str) -> str:
    answer = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}.get(
        given.casefold()
    )
    if answer is None:
        raise BadValue(N_("Answer yes or no."))
    return answer


def choices_of(definition: Definition, stored: str) -> list[str]:
    """Return what can be chosen: the definition's choices, and those of the value that it no longer has."""
    held = split_choices(stored) if definition.type == AttributeType.CHOICES else [stored]
    known = {folding.fold(choice) for choice in definition.choices}
    return [*definition.choices, *(one for one in held if one and folding.fold(one) not in known)]


def check(
    definitions: Mapping[str, Definition],
    given: Mapping[str, object],
    *,
    held: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return {name: stored value} without the empty ones; `held` is what the customer has already.

    Raises Invalid with reasons under `attribute.NAME`, or "" when there are more than 20.
    """
    checker = Checker()
    stored: dict[str, str] = {}
    for name, value in given.items():
        field = f"attribute.{name}"
        key = checker.take(field, partial(payment_cards.text, name, max_length=MAX_KEY), "")
        old = (held or {}).get(key, "")
        taken = checker.take(field, partial(read, definitions.get(key), value, stored=old), "")
        if key and taken:
            stored[key] = taken
    if len(stored) > MAX_ATTRIBUTES:
        checker.refuse(
            "",
            Text.of(
                N_("Keep at most %(max_attributes)s attributes; remove %(extra)s."),
                max_attributes=MAX_ATTRIBUTES,
                extra=len(stored) - MAX_ATTRIBUTES,
            ),
        )
    checker.done()
    return stored


def split_choices(value: str) -> Sequence[str]:
    """Return the single choices of a stored value of several."""
    return [part for part in value.split(SEPARATOR) if part]
