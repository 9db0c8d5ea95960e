"""What an API client may ask of the customer list, and the rule of what its `q` finds (API v0, "Query").

It differs from the search of the pages on purpose: real clients depend on its meaning.
"""

import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from app.domain import folding, searches, values
from app.domain.attributes import MAX_KEY, MAX_VALUE
from app.domain.fields import Checker
from app.domain.paging import PageRequest
from app.domain.searches import Searchable

# A part of an e-mail address finds nobody by e-mail; the whole finds those that contain it.
_WHOLE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+\Z")
_TRUNK_ZEROS = 6


class ProfileSort(StrEnum):
    """The fields by which the list can be sorted; nothing means oldest first."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    EMAIL = "email"
    STORE_NAME = "store_name"
    CREATED_BY_NAME = "created_by_name"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a `q` looks for: every word in the names, or a number's end, or a whole e-mail address."""

    words: tuple[str, ...]
    ending: str | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProfileQuery:
    """One question to the customer list. Raises Invalid for what cannot be asked."""

    text: str = ""
    created_by: str = ""
    attribute_name: str | None = None
    attribute_value: str | None = None
    sort: ProfileSort | None = None
    descending: bool = False
    page: PageRequest = field(default_factory=lambda: PageRequest(count=10))

    def __post_init__(self) -> None:
        checker = Checker()
        for name, parameter, length in (
            ("text", "q", searches.MAX_TEXT),
            ("created_by", CREATED_BY, searches.MAX_TEXT),
            ("attribute_name", ATTRIBUTE_NAME, MAX_KEY),
            ("attribute_value", ATTRIBUTE_VALUE, MAX_VALUE),
        ):
            given = getattr(self, name)
            if given is not None:
                cleaned = checker.take(parameter, partial(values.line, given, max_length=length), "")
                object.__setattr__(self, name, cleaned)
        if not checker.reasons and bool(self.attribute_name) != bool(self.attribute_value):
            missing = ATTRIBUTE_VALUE if self.attribute_name else ATTRIBUTE_NAME
            checker.refuse(missing, f"Give {ATTRIBUTE_NAME} and {ATTRIBUTE_VALUE} together.")
        checker.done()

    @property
    def created_by_id(self) -> uuid.UUID | None:
        """The associate asked for; None when the text is no id, and so is nobody's."""
        try:
            return uuid.UUID(self.created_by)
        except ValueError:
            return None


CREATED_BY = "filter[created_by]"
ATTRIBUTE_NAME = "filter[extended_attributes.name]"
ATTRIBUTE_VALUE = "filter[extended_attributes.value]"


def read_sort(text: str) -> tuple[ProfileSort | None, bool]:
    """Return the field of a `field|order` and whether it is descending. Raises BadValue."""
    name, bar, order = text.partition("|")
    if not bar or order not in {"asc", "desc"} or name not in set(ProfileSort):
        raise values.BadValue(
            f"Write field|asc or field|desc, where the field is one of: {', '.join(ProfileSort)}."
        )
    return ProfileSort(name), order == "desc"


def wanted(text: str) -> Wanted:
    """Return what a `q` looks for."""
    written = folding.words(text)
    words, ending = tuple(dict.fromkeys(written)), _ending(written)
    if ending and all(len(word) < searches.SHORTEST_ANYWHERE for word in words):
        # "06 39 98 12 34" is a number: nobody is called that, and no index tells where it stands in names.
        words = ()
    email = values.email_key(text.strip())
    return Wanted(
        words=words,
        ending=ending,
        email=email if _WHOLE_EMAIL.match(email) else None,
    )


def _ending(written: list[str]) -> str | None:
    if not written or not all(all(c in "+." or c.isdecimal() for c in word) for word in written):
        return None
    parts = [part for word in written if (part := folding.digits(word))]
    # "+33 (0)6 12 34 56 78": the zero in brackets is not dialled.
    if len(parts) > 1:
        parts = [part for part in parts if part != "0"]
    digits = "".join(parts)
    if len(digits) < searches.SHORTEST_PHONE:
        return None
    # In front of a whole number, zeros are how it is dialled here and not part of it elsewhere; who has
    # them ends like that too.
    dialled = digits.lstrip("0")
    return dialled if len(dialled) >= _TRUNK_ZEROS else digits


def finds(customer: Searchable, looked_for: Wanted) -> bool:
    """True when the `q` finds the customer; the plain form of what the databases answer."""
    names = searches.name_words(customer)
    phones = searches.phone_words(customer)
    return (
        (bool(looked_for.words) and all(any(word in name for name in names) for word in looked_for.words))
        or (looked_for.ending is not None and any(phone.endswith(looked_for.ending) for phone in phones))
        or (looked_for.email is not None and looked_for.email in values.email_key(customer.email))
    )
