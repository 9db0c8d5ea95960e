"""What a person may ask of the customer lists, and the rule of what a typed text finds.

The rule stands here in its plain form. The databases answer it through an index, and tests compare
them with it.
"""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from rapidfuzz.distance import OSA

from app.domain import attributes, folding, values
from app.domain.consents import State
from app.domain.paging import PageRequest
from app.domain.texts import N_, Text
from app.errors import Invalid

MAX_TEXT = 200
# Longer names sort as if they ended there.
LONGEST_SORT_KEY = 60
SHORTEST_ANYWHERE = 3
SHORTEST_WITH_TYPO = 5
LONGEST_WITH_TYPO = 24
SHORTEST_PHONE = 4
SHORTEST_ORDER_PREFIX = 4

# How an opt-in can stand in a store; "accepted" is what people call opted in.
OPTED_IN = State.ACCEPTED.value
NOT_ASKED = State.NOT_ASKED.value
OPT_IN_STATES = tuple(state.value for state in State)

_LENGTHS = {"text": MAX_TEXT, "attribute_name": attributes.MAX_KEY, "attribute_value": attributes.MAX_VALUE}


class CustomerList(StrEnum):
    """Which customers are looked at, before any search or filter."""

    OPTED_IN = "opted_in"
    STORE = "store"
    MINE = "mine"
    RECENT = "recent"
    ALL = "all"


class CustomerSort(StrEnum):
    """The order of a list. Times come newest first; each `_REVERSE` is the exact mirror.

    RELEVANCE is the order by name where no text is searched, and by last view in the recent list.
    """

    RELEVANCE = "relevance"
    NAME = "name"
    NAME_REVERSE = "name_reverse"
    LAST_ORDER = "last_order"
    LAST_ORDER_REVERSE = "last_order_reverse"
    OPTED_IN = "opted_in"
    OPTED_IN_REVERSE = "opted_in_reverse"
    CREATED = "created"
    CREATED_REVERSE = "created_reverse"


@dataclass(frozen=True, kw_only=True)
class CustomerQuery:
    """One question to the customer lists. Raises Invalid for what cannot be asked.

    `store_id` is the store looked at: OPTED_IN and STORE are kept to it, and opt-in states are
    those in it. Without one they are those of all stores that the actor works in.
    `opt_in_state` "not_asked" finds those who never declared anything there.
    """

    text: str = ""
    list: CustomerList = CustomerList.STORE
    store_id: uuid.UUID | None = None
    attribute_name: str = ""
    attribute_value: str = ""
    created_by_id: uuid.UUID | None = None
    opt_in_state: str = ""
    sort: CustomerSort = CustomerSort.RELEVANCE
    page: PageRequest = field(default_factory=PageRequest)

    def __post_init__(self) -> None:
        reasons: dict[str, list[str]] = {}
        for name, max_length in _LENGTHS.items():
            try:
                object.__setattr__(self, name, values.line(getattr(self, name), max_length=max_length))
            except values.BadValue as error:
                reasons[name] = [error.reason]
        for name, kind in (("list", CustomerList), ("sort", CustomerSort)):
            try:
                object.__setattr__(self, name, kind(getattr(self, name)))
            except ValueError:
                reasons[name] = [Text.of(N_("Choose one of: %(names)s."), names=", ".join(kind))]
        if self.opt_in_state and self.opt_in_state not in OPT_IN_STATES:
            reasons["opt_in_state"] = [
                Text.of(N_("Choose one of: %(names)s."), names=", ".join(OPT_IN_STATES))
            ]
        if bool(self.attribute_name) != bool(self.attribute_value) and not reasons:
            missing = "attribute_value" if self.attribute_name else "attribute_name"
            reasons[missing] = [N_("To filter by an attribute, give both its name and a value.")]
        if reasons:
            raise Invalid(reasons)


class Searchable(NamedTuple):
    """The parts of a customer that a search reads."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone_number: str = ""
    phone_e164: str | None = None
    display_id: str = ""
    order_keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Any, *order_keys: str) -> "Searchable":
        """Return what a search reads of a row that holds a customer, found by these orders."""
        return cls(
            first_name=row.first_name,
            last_name=row.last_name,
            email=row.email,
            phone_number=row.phone_number,
            phone_e164=row.phone_e164,
            display_id=row.display_id,
            order_keys=order_keys,
        )


@dataclass(frozen=True)
class Term:
    """One word that was typed, folded; or the digits of a number however it was written."""

    text: str
    is_number: bool = False

    @property
    def pattern(self) -> str:
        """What must stand in the haystack: any part of a word, or its start for one or two letters."""
        return self.text if len(self.text) >= SHORTEST_ANYWHERE else f"  {self.text}"

    @property
    def may_hold_typo(self) -> bool:
        """True for words in which one wrong letter is forgiven."""
        return SHORTEST_WITH_TYPO <= len(self.text) <= LONGEST_WITH_TYPO and self.text.isalpha()


@lru_cache(maxsize=64)
def terms(text: str) -> tuple[Term, ...]:
    """Return the terms of a typed text; each must be found. Punctuation alone is no term."""
    found: list[Term] = []
    number: list[str] = []
    for word in [*folding.words(text), ""]:
        if word and all(c in "+." or c.isdecimal() for c in word):
            number.append(word)
            continue
        found += _number_terms(number)
        number = []
        if any(c.isalnum() for c in word):
            found.append(Term(word))
    return tuple(dict.fromkeys(found))


def _number_terms(written: list[str]) -> list[Term]:
    # "+33 (0)6 12 34 56 78": the zero in brackets is not dialled.
    parts = [digits for word in written if (digits := folding.digits(word))]
    if len(parts) > 1:
        parts = [part for part in parts if part != "0"] or parts
    if sum(map(len, parts)) < SHORTEST_PHONE:
        return [Term(part) for part in parts]
    joined = "".join(parts)
    return [Term(joined.lstrip("0") or joined, is_number=True)]


def order_term(text: str) -> str | None:
    """Return the folded order number that a text may be, or None: order numbers hold a digit."""
    folded = folding.fold(text)
    return folded if any(c.isdecimal() for c in folded) else None


def order_matches(order_key: str, wanted: str) -> bool:
    """True for the whole order number, or a beginning of four characters or more."""
    long_enough = len(wanted.replace(" ", "")) >= SHORTEST_ORDER_PREFIX
    return order_key == wanted or (long_enough and order_key.startswith(wanted))


# They part a haystack's names from its other words, and those from its phone numbers. Both count as
# blanks, so no word holds one; API v0 asks for names and for phone numbers alone.
AFTER_NAMES = "\x1e"
BEFORE_PHONES = "\x1f"


def haystack(customer: Searchable) -> str:
    """Return all searched words of a customer, two blanks in front of each and at the end.

    So the start of a word, its end and a whole word are parts of the text like any other.
    Scripts without blanks get each place of a name as a start of its own.
    """
    names = starts(name_words(customer))
    others = folding.words(customer.email) + folding.words(customer.display_id)
    return f"{in_row(names)}{AFTER_NAMES}{in_row(others)}{BEFORE_PHONES}{in_row(phone_words(customer))}"


def starts(names: list[str]) -> list[str]:
    """Return the words of a name, those without blanks from each of their places on."""
    found: list[str] = []
    for word in names:
        found.append(word)
        if not word.isascii() and any(map(_is_ideograph, word)):
            found += [word[at : at + 2] for at in range(1, len(word))]
    return found


def in_row(found: list[str]) -> str:
    """Return a part of a haystack: each word once, two blanks in front of each and at the end."""
    return "".join([f"  {word}" for word in dict.fromkeys(found)]) + "  "


def phone_words(customer: Searchable) -> list[str]:
    """Return the digits of the phone number: as dialled from abroad, and as typed where that differs."""
    international = folding.digits(customer.phone_e164 or "")
    typed = folding.digits(customer.phone_number).lstrip("0")
    found = [international] if international else []
    return found + ([typed] if typed and not international.endswith(typed) else [])


def name_words(customer: Searchable) -> list[str]:
    """Return the folded words of first and last name."""
    return folding.words(customer.first_name) + folding.words(customer.last_name)


def _is_ideograph(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def keys(customer: Searchable) -> tuple[str, str]:
    """Return the folded last and first name by which lists are sorted.

    Who has no last name is sorted by the first, who has no name by the e-mail address.
    """
    first = folding.fold(customer.first_name)
    last = folding.fold(customer.last_name) or first or folding.fold(customer.email)
    return last[:LONGEST_SORT_KEY], first[:LONGEST_SORT_KEY]


def matches(customer: Searchable, wanted: tuple[Term, ...], order: str | None = None) -> bool:
    """True when the rule finds the customer: every term, or an order by its number."""
    if order and any(order_matches(key, order) for key in customer.order_keys):
        return True
    text = haystack(customer)
    return bool(wanted) and all(term.pattern in text for term in wanted)


def matches_with_typo(customer: Searchable, wanted: tuple[Term, ...]) -> bool:
    """True when every term is found, if one wrong letter in a word of five or more is forgiven."""
    text = haystack(customer)
    names = name_words(customer)
    return bool(wanted) and all(
        term.pattern in text or (term.may_hold_typo and any(is_typo(term.text, name) for name in names))
        for term in wanted
    )


def is_typo(typed: str, meant: str) -> bool:
    """True when one letter was left out, added, changed, or swapped with its neighbour."""
    return len(meant) <= LONGEST_WITH_TYPO and OSA.distance(typed, meant, score_cutoff=1) == 1


def variants(word: str) -> set[str]:
    """Return the word and each form with one letter left out.

    Two words that differ by one edit share a variant, so typos are found by equality.
    """
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def tier(customer: Searchable, wanted: tuple[Term, ...]) -> int:
    """Return the rank of a hit: 0 exact last name, 1 exact first, 2 last begins so, 3 first, 4 rest.

    Where a number is asked for, rank 0 has it at the end, as a phone number's last digits.
    """
    numbers = [term for term in wanted if term.is_number]
    if numbers:
        text = haystack(customer)
        return 0 if all(f"{term.text} " in text for term in numbers) else 4
    last_key, first_key = keys(customer)
    words = [term.text for term in wanted]
    if last_key in words:
        return 0
    if first_key in words:
        return 1
    if any(last_key.startswith(word) for word in words):
        return 2
    return 3 if any(first_key.startswith(word) for word in words) else 4
