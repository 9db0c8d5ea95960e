"""What an associate looks for: the list, the words, the filters, the order."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rapidfuzz.distance import OSA

from app.domain import folding, values
from app.domain.paging import PageRequest
from app.errors import Invalid

MAX_TEXT = 200
MAX_TERMS = 8
_PHONE = re.compile(r"[\d\s+()./\-\u2010-\u2015\u00a0]+\Z")
_HAS_LETTER = re.compile(r"\w")


class CustomerList(StrEnum):
    """Which customers are looked at."""

    OPTED_IN = "opted_in"
    STORE = "store"
    MINE = "mine"
    RECENT = "recent"
    ALL = "all"


class CustomerSort(StrEnum):
    """In which order; RELEVANCE is by name when nothing is searched."""

    RELEVANCE = "relevance"
    NAME = "name"
    LAST_ORDER = "last_order"
    OPTED_IN = "opted_in"
    CREATED = "created"


@dataclass(frozen=True, kw_only=True)
class CustomerQuery:
    """One search of one list; raises Invalid for text that cannot be searched."""

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
        for name in ("text", "attribute_name", "attribute_value"):
            try:
                values.text(getattr(self, name), max_length=MAX_TEXT)
            except values.BadValue as error:
                raise Invalid({name: [str(error)]}) from None
        if bool(self.attribute_name) != bool(self.attribute_value):
            raise Invalid(
                {"attribute_value": ["Choose an attribute and give its value, or leave both empty."]}
            )


def terms(text: str) -> list[str]:
    """Return the folded terms that a customer must all match.

    A phone number is one term: its digits without leading zeros, four or more. What holds no
    letter and no digit is no term.
    """
    if _PHONE.match(text):
        digits = folding.digits(text).lstrip("0")
        if len(digits) >= 4:
            return [digits]
    return [word for word in folding.words(text) if _HAS_LETTER.search(word)][:MAX_TERMS]


def haystack(*, first_name: str, last_name: str, email: str, phones: Sequence[str], display_id: str) -> str:
    """Return the text in which terms are found, folded; the parts are kept apart by two spaces."""
    parts = [folding.fold(part) for part in (first_name, last_name, email, display_id)]
    parts += dict.fromkeys(digits for digits in map(folding.digits, phones) if digits)
    return "  " + "  ".join(part for part in parts if part) + "  "


def is_near(term: str, word: str) -> bool:
    """True when one edit (insert, delete, replace, swap) makes the term a word of five letters or more."""
    return len(term) >= 5 and OSA.distance(term, word, score_cutoff=1) <= 1
