"""What is asked of the search: a question as plain data, from which a statement takes its form and values."""

import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from app.domain import search_tokens
from app.domain.searches import CustomerSort
from app.models import search as tables
from app.queries.search_lookup import Need


class FilterKind(StrEnum):
    """What a filter keeps; `app/queries/search_statements.py` says it in SQL."""

    AT_STORES = "at stores"
    IN_STATE = "in a state at stores"
    IN_STATE_ANYWHERE = "in a state anywhere"
    NEVER_ASKED = "never asked at stores"
    NEVER_ASKED_ANYWHERE = "never asked anywhere"
    AMONG = "among customers"
    CREATED_BY = "created by"
    # A word that one marker stands for; several words, whose markers do not tell that they stand together.
    VALUE = "value"
    PHRASE = "phrase"


# What is asked of the row of the haystack, not of the entry in a place.
OF_SOURCE = frozenset({FilterKind.CREATED_BY, FilterKind.VALUE, FilterKind.PHRASE})


@dataclass(frozen=True)
class Filter:
    """One thing that a list is kept to, with its values by name."""

    kind: FilterKind
    values: tuple[tuple[str, Any], ...]

    @classmethod
    def at_stores(cls, places: list[int]) -> "Filter":
        """Keep who is known at one of the stores."""
        return cls(FilterKind.AT_STORES, (("places", tuple(places)),))

    @classmethod
    def in_state(cls, state: str, places: list[int] | None, *, never_asked: bool) -> "Filter":
        """Keep those in the state at one of the places, None for any; `never_asked` at none of them."""
        if places is None:
            kind = FilterKind.NEVER_ASKED_ANYWHERE if never_asked else FilterKind.IN_STATE_ANYWHERE
            return cls(kind, (("state", state),))
        kind = FilterKind.NEVER_ASKED if never_asked else FilterKind.IN_STATE
        return cls(kind, (("state", state), ("places", tuple(places))))

    @classmethod
    def among(cls, docs: list[int]) -> "Filter":
        """Keep these customers."""
        return cls(FilterKind.AMONG, (("docs", tuple(docs)),))

    @classmethod
    def created_by(cls, associate_id: uuid.UUID) -> "Filter":
        """Keep those whom the associate created."""
        return cls(FilterKind.CREATED_BY, (("associate", associate_id),))

    @classmethod
    def value(cls, name: str, key: str) -> "Filter":
        """Keep who has this value of an attribute, folded; of several choices, with this one among them."""
        kind = FilterKind.VALUE if len(key.split()) == 1 else FilterKind.PHRASE
        return cls(kind, (("name", name), ("key", f" {key} ")))

    def parameters(self) -> dict[str, Any]:
        """Return the values as drivers take them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.values}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is looked for in one place (a store, or the company).

    `state` keeps to one opt-in state in the place. `filters` and `terms` decide: of each term one of its ways
    must stand in the haystack. `needs` say the same as far as the index can, to find candidates.
    `words` rank hits by name and `endings` rank numbers (searches.tier). `first` are customers who
    are found whatever the text says, by the number of an order; they come first.
    """

    place: int
    state: str = ""
    filters: tuple[Filter, ...] = ()
    terms: tuple[tuple[str, ...], ...] = ()
    needs: tuple[Need, ...] = ()
    sort: CustomerSort = CustomerSort.NAME
    words: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    first: tuple[int, ...] = ()
    without: tuple[int, ...] = ()

    def kept_to(self, kept: Filter, *needs: Need) -> "Question":
        """Return the question with one more filter, and what the index can say of it."""
        return replace(self, filters=(*self.filters, kept), needs=(*self.needs, *needs))

    @property
    def asks_entries(self) -> bool:
        """True where the row of the haystack does not decide alone."""
        return bool(self.state) or any(kept.kind not in OF_SOURCE for kept in self.filters)

    @property
    def telling_needs(self) -> tuple[Need, ...]:
        """The needs without those of a word that begins another: each Julia has the "j" of "julia j"."""
        if not self.terms:
            return self.needs
        of_list, of_terms = self.needs[: -len(self.terms)], self.needs[-len(self.terms) :]
        words = [ways[0].strip() for ways in self.terms]
        told = [
            need
            for word, need in zip(words, of_terms, strict=True)
            if not any(other != word and other.startswith(word) for other in words)
        ]
        return (*of_list, *told)

    @property
    def is_ranked(self) -> bool:
        """True where hits are ordered by relevance."""
        return self.sort is CustomerSort.RELEVANCE and bool(self.words or self.endings or self.first)

    @property
    def is_one_word(self) -> bool:
        """True where the names tell much by themselves: one word is looked for, without a filter."""
        is_one = len(self.words) == len(self.terms) == 1 and not (self.filters or self.first or self.without)
        return is_one and self.asks_names

    @property
    def asks_names(self) -> bool:
        """True where a word may well begin a name; an e-mail address or an id seldom does."""
        return any(all(c.isalpha() for c in word) for word in self.words)

    def values(self) -> dict[str, Any]:
        """Return the values of all parameters that a statement about the question may have."""
        values: dict[str, Any] = {"place": self.place, "state": self.state}
        for number, kept in enumerate(self.filters):
            values |= {f"filter{number}_{name}": value for name, value in kept.parameters().items()}
        for number, ways in enumerate(self.terms):
            values |= {f"term{number}_{way}": pattern for way, pattern in enumerate(ways)}
        values |= {f"word{number}": word for number, word in enumerate(self.words)}
        values |= {f"ending{number}": f"{ending} " for number, ending in enumerate(self.endings)}
        for number, need in enumerate(self.markers):
            values |= {f"marker{number}_{way}": one for way, (one,) in enumerate(need.alternatives)}
        values |= {"of_store": search_tokens.of_store(self.place)}
        return values | {"first": list(self.first), "without": list(self.without)}

    @property
    def in_store(self) -> bool:
        """True where the place is a store, not the company."""
        return self.place != tables.COMPANY

    @property
    def markers(self) -> tuple[Need, ...]:
        """The needs for markers, but for that of the place."""
        of_place = Need.markers(search_tokens.of_store(self.place))
        return tuple(need for need in self.needs if need.is_marker and need != of_place)
