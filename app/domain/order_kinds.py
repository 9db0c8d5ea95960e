"""The kinds of value in an order: how each is read, and what is said when it cannot be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from app.domain.payment_cards import last_four, mask_cards

MAX_PROBLEMS: Final = 50
MAX_AMOUNT_DIGITS: Final = 18
MAX_DECIMALS: Final = 20
MAX_FREE_DEPTH: Final = 8
MAX_FREE_PARTS: Final = 500
_FIRST_YEAR, _LAST_YEAR = 1900, 2199

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
# Controls, halves of surrogate pairs, and marks that reorder text on a screen; as `values.text` refuses them.
_ODD: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_ODD_BUT_BREAKS: Final = re.compile(_ODD.pattern.replace("\x00-\x1f", "\x00-\x08\x0b\x0c\x0e-\x1f"))


class TooManyProblemsError(Exception):
    """The list of problems is full; reading on helps nobody."""


class Problems:
    """What is wrong with a document, by dotted path; stops at `MAX_PROBLEMS`."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.path: list[str | int] = []
        self._count = 0

    def add(self, reason: str) -> None:
        """Note a reason for the place being read."""
        self.fields.setdefault(".".join(map(str, self.path)), []).append(reason)
        self._count += 1
        if self._count >= MAX_PROBLEMS:
            raise TooManyProblemsError


class Spec(Protocol):
    """One kind of value: how it is read, and how much of it erasure keeps (None: all of it)."""

    @property
    def keeps(self) -> int | None:
        """Characters of the value that erasure keeps, None for all."""

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the value to keep, or note why it cannot be kept."""


def text_problem(value: object, limit: int, *, one_line: bool = False) -> str | None:
    """Return why a value cannot be kept and shown as text of at most `limit` characters, None if it can."""
    if not isinstance(value, str):
        return "Write this as text, in quotes."
    if len(value) > limit:
        return f"Shorten this to {limit} characters or fewer."
    if value.isascii() and value.isprintable():
        return None
    found = (_ODD if one_line else _ODD_BUT_BREAKS).search(value)
    return _odd(found.group()) if found else None


def _odd(character: str) -> str:
    if character == "\0":
        return "Remove the NUL character."
    if "\ud800" <= character <= "\udfff":
        return "Remove the broken character (half of a surrogate pair)."
    if character in "\t\n\r":
        return "Write this on one line, without tabs."
    return "Remove the invisible control character."


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `limit` characters; with `exact`, of just so many, where "" is none.

    `is_id` says that it names something by a number of its own, which is kept whatever it looks like.
    """

    limit: int = 255
    exact: bool = False
    is_about_payment: bool = False
    is_id: bool = False
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the text; the numbers of payment cards in it are masked."""
        if self.exact and value == "":
            return None
        if reason := text_problem(value, self.limit, one_line=self.is_id or self.exact):
            problems.add(reason)
        elif self.exact and len(value) != self.limit:
            problems.add(f"Write just {self.limit} characters, or leave it out.")
        if self.is_id or self.exact or not isinstance(value, str):
            return value
        return mask_cards(value, is_about_payment=self.is_about_payment)


@dataclass(frozen=True, slots=True)
class CardNumber:
    """A card number, of which at most the last four digits are kept."""

    keeps: int | None = 0

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the last four digits."""
        if reason := text_problem(value, 64, one_line=True):
            problems.add(reason)
            return None
        return last_four(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few codes, "" for none; `hint` says which, with an example."""

    codes: frozenset[str]
    hint: str
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the code."""
        if value == "":
            return None
        if not isinstance(value, str) or value not in self.codes:
            problems.add(self.hint)
        return value


@dataclass(frozen=True, slots=True)
class Amount:
    """An exact decimal number between `low` and `high`."""

    low: int | None = None
    high: int | None = None
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the number as it was written."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            # A float has already lost the number that was written.
            problems.add("Write this as a decimal number with a point and without quotes, such as 19.99.")
        elif isinstance(value, Decimal) and not value.is_finite():
            problems.add("Write a number; NaN and Infinity are none.")
        elif not _fits(value):
            problems.add(
                f"Write a number with at most {MAX_AMOUNT_DIGITS} digits before the point"
                f" and {MAX_DECIMALS} after it."
            )
        elif (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            problems.add(f"Write a number from {self.low} to {self.high}.")
        return value


def _fits(value: int | Decimal) -> bool:
    if isinstance(value, int):
        return abs(value) < 10**MAX_AMOUNT_DIGITS
    exponent = value.as_tuple().exponent
    return value.adjusted() < MAX_AMOUNT_DIGITS and isinstance(exponent, int) and exponent >= -MAX_DECIMALS


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between `low` and `high`."""

    low: int
    high: int
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int):
            problems.add("Write a whole number without quotes and without a point, such as 2.")
        elif not self.low <= value <= self.high:
            problems.add(f"Write a whole number from {self.low} to {self.high}.")
        return value


@dataclass(frozen=True, slots=True)
class Time:
    """A moment in ISO 8601, "" for none."""

    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the moment as it was written."""
        if value == "":
            return None
        if not isinstance(value, str) or read_time(value) is None:
            problems.add(
                "Write a date and time that exists, in ISO 8601 with its zone, such as 2019-08-24T14:15:22Z."
            )
        return value


def read_time(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names, in UTC, None if it names none of our time.

    A text without a zone is taken as UTC.
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


@dataclass(frozen=True, slots=True)
class Free:
    """An object whose keys nobody prescribes; only its size and its values are bounded."""

    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the object; the numbers of payment cards in it are masked."""
        if not isinstance(value, Mapping):
            problems.add("Write this as an object in { }.")
            return value
        return self._read(value, problems, [0], 0)

    def _read(self, value: Any, problems: Problems, parts: list[int], depth: int) -> Any:
        parts[0] += 1
        if parts[0] == MAX_FREE_PARTS + 1:
            problems.add(f"Write at most {MAX_FREE_PARTS} values here.")
        if parts[0] > MAX_FREE_PARTS:
            return None
        if depth > MAX_FREE_DEPTH:
            problems.add(f"Nest this at most {MAX_FREE_DEPTH} deep.")
        elif isinstance(value, Mapping):
            read = {}
            for key, part in value.items():
                if reason := text_problem(key, 255, one_line=True):
                    # The key itself is no path that could be shown.
                    problems.add(f"One key cannot be kept. {reason}")
                    continue
                problems.path.append(key)
                read[_without_cards(key)] = self._read(part, problems, parts, depth + 1)
                problems.path.pop()
            return read
        elif isinstance(value, list):
            listed = []
            for place, part in enumerate(value):
                problems.path.append(place)
                listed.append(self._read(part, problems, parts, depth + 1))
                problems.path.pop()
            return listed
        elif isinstance(value, str):
            if reason := text_problem(value, 4000):
                problems.add(reason)
            return _without_cards(value)
        elif value is not None and not isinstance(value, bool):
            Amount().read(value, problems)
            if isinstance(value, int) and _fits(value) and "*" in (masked := _without_cards(str(value))):
                return masked
        return value


def _without_cards(text: str) -> str:
    return mask_cards(text, is_about_payment=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at most `limit` values of one kind."""

    item: Spec
    limit: int
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the list with each item read."""
        if not isinstance(value, list):
            problems.add("Write this as a list in [ ].")
            return []
        if len(value) > self.limit:
            problems.add(f"Write at most {self.limit} entries.")
            return []
        read = []
        for place, part in enumerate(value):
            problems.path.append(place)
            read.append(self.item.read(part, problems))
            problems.path.pop()
        return read


@dataclass(frozen=True, slots=True)
class Record:
    """An object of known keys; others are ignored.

    With `company_key`, erasure removes only `person_keys` where that key is filled: the place is a
    company's then, and those keys still name a person.
    """

    fields: Mapping[str, Spec]
    company_key: str | None = None
    person_keys: frozenset[str] = frozenset()
    required: frozenset[str] = field(default_factory=frozenset)
    keeps: int | None = None

    def read(self, value: Any, problems: Problems) -> Any:
        """Return the known keys that have a value."""
        if not isinstance(value, dict | Mapping):
            problems.add("Write this as an object in { }.")
            return {}
        for key in self.required:
            if value.get(key) is None:
                problems.path.append(key)
                problems.add("Fill this in: without it the order cannot be told from others.")
                problems.path.pop()
        read = {}
        # In the order of the shape, so that the same order is the same text; most keys are not there.
        for key in filter(value.__contains__, self.fields):
            part = value[key]
            if part is None:
                continue
            problems.path.append(key)
            kept = self.fields[key].read(part, problems)
            problems.path.pop()
            if kept is not None:
                read[key] = kept
        return read
