"""How a list is read: a question, and the quickest of several ways that give the same rows.

Few hits are taken from the inverted index and sorted. Many are met soon by walking the index of
the wanted order and testing each row. Which way is taken never changes what is found.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isqrt
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Executable, Row
from sqlalchemy.orm import Session

from app.domain import search_tokens
from app.domain.searches import CustomerSort, Term
from app.queries import search_lookup as lookup
from app.queries import search_statements as statements
from app.queries.search_lookup import LookUp, Need
from app.queries.search_questions import Question
from app.queries.search_statements import REST, Shape

# Up to here a total is exact; beyond, the page says "1000+".
MAX_TOTAL = 1_000
# At most so many hits are sorted, however deep the page.
_MOST_SORTED = 100_000
# To sort so many hits is as quick as to look first for those whose names begin with the word.
_FEW = 300
# In so many places a customer's phone numbers may hold some digits.
_PLACES_OF_DIGITS = 20
# What it takes to pass an entry in a walk, in hits that are sorted: on SQLite, and on PostgreSQL an entry
# and a row of the haystacks.
_PASSED_ON_SQLITE = 0.25
_ENTRY_PASSED = 1.6
_ROW_PASSED = 0.6
# How many times farther than expected a walk goes for its hits.
_FARTHER = 8
# How long a process goes by what it found out of a filter: that more than MAX_TOTAL have it. In seconds.
_REMEMBERED = 60.0
_MOST_REMEMBERED = 1_000
# The hits that are ranked last, those beside the names, may all stand at the end of the names.
_FARTHEST = 1_500


_many: WeakKeyDictionary[Engine, dict[Question, float]] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Found:
    """The customers of one page in order, and how many there are; more than MAX_TOTAL is "many"."""

    docs: list[int]
    total: int

    @classmethod
    def of(cls, rows: Sequence[Row[Any]], offset: int, number: Callable[[], int | None]) -> "Found":
        """Return the page of rows that carry the total; past the last one `number` is asked for it."""
        if rows or not offset:
            return cls(docs=[row.doc for row in rows], total=rows[0].total if rows else 0)
        return cls(docs=[], total=number() or 0)


def ask(session: Session, question: Question, *, offset: int, count: int) -> Found:
    """Return the page of hits from `offset`, and their number up to MAX_TOTAL + 1."""
    if not (question.filters or question.terms or question.first):
        # A place, or an opt-in state in it, has an index of its own: nothing to look up.
        return _listed(session, question, offset, count)
    if question.needs and question.in_store:
        # The index knows no places to walk: without the store's marker it finds the company's hits.
        of_store = Need.markers(search_tokens.of_store(question.place))
        question = replace(question, needs=(of_store, *question.needs))
    asked = _Asked(session, question, offset, count)
    if not question.needs and not question.first:
        return asked.walked_and_counted()
    return asked.found()


def words_of(terms: Iterable[Term]) -> tuple[str, ...]:
    """Return the words by which hits are ranked."""
    return tuple(term.text for term in terms if not term.is_number)


def _listed(session: Session, question: Question, offset: int, count: int) -> Found:
    """Return the page of a place, or of an opt-in state in it."""
    page, number = statements.listed(question.sort, bool(question.state))
    values = {
        "place": question.place, "state": question.state, "offset": offset, "count": count,
        "most": MAX_TOTAL + 1,
    }  # fmt: skip
    rows = session.execute(page, values).all()
    return Found.of(rows, offset, lambda: session.scalar(number, values))


@dataclass
class _Asked:
    """One question about one page, and what is known of it."""

    session: Session
    question: Question
    offset: int
    count: int
    known: lookup.Frequencies = field(init=False)
    shape: Shape = field(init=False)
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.known = lookup.frequencies(self.session, self.question.needs)
        self.shape = Shape.of(self.question, on_sqlite=lookup.on_sqlite(self.session))
        self.values = self.question.values() | {"offset": self.offset, "count": self.count}

    @property
    def wanted(self) -> int:
        return self.offset + self.count

    @cached_property
    def size(self) -> int:
        """How many customers the place has."""
        if not self.question.in_store:
            return self.known.total
        return self.known.of_tokens([search_tokens.of_store(self.question.place)])

    @cached_property
    def expected(self) -> float:
        """How many hits there are, about."""
        expected = self.known.expected(self.question.telling_needs)
        if self.question.endings:
            # Digits come by chance, not together like the letters of a name.
            by_chance = (self.size * _PLACES_OF_DIGITS / 10 ** len(n) for n in self.question.endings)
            expected = min(expected, *by_chance)
        return expected

    def found(self) -> Found:
        """Return the page by the way that seems the quickest."""
        question, few = self.question, self._bound()
        most = min((self.known.of_need(need) for need in question.needs), default=0)
        # By relevance a walk meets its first hits soon: those with such names lie together.
        worth_a_walk = self.expected > few or (question.is_ranked and question.asks_names)
        docs: list[int] | None = None
        if question.is_one_word and question.is_ranked and most > _FEW and self.expected > _FEW:
            named, number = self._named(self.wanted)
            if number > MAX_TOTAL:
                return self._after_named(named)
            if self.expected > MAX_TOTAL or len(named) >= self.wanted:
                docs, is_more = self._haystacks()
                if is_more:
                    return self._after_named(named)
            if docs is not None and len(named) >= self.wanted:
                return Found(docs=named[self.offset : self.wanted], total=len(docs))
        elif worth_a_walk and most > MAX_TOTAL and self.expected > MAX_TOTAL:
            if question.is_one_word and self._named(0)[1] > MAX_TOTAL:
                return self._walked(MAX_TOTAL + 1)
            if self.expected > 2 * MAX_TOTAL:
                docs, is_more = self._haystacks()
                if is_more:
                    return self._walked(MAX_TOTAL + 1)
        if docs is not None:
            return self._sorted_among(docs)
        # A few more than expected are sorted too, rather than to have read them in vain and walk besides.
        most = few if question.is_ranked and question.asks_names else 2 * few
        found = self._sorted(most + 1)
        return found if found.total <= most else self._walked(found.total)

    def _bound(self) -> int:
        """Return how many hits are sorted rather than walked to."""
        # Walking meets a hit every (customers / hits) rows, so at the root both ways cost the same.
        # By relevance the best hits of one word lie together, and walking is worth it sooner; on PostgreSQL
        # not where they may be passed by a whole company's names: the walk to e-mail addresses took seconds.
        question = self.question
        of_names = self.shape.on_sqlite and len(question.words) == 1 and question.asks_names
        if question.is_ranked and (of_names or question.endings):
            return max(MAX_TOTAL, self.wanted)
        return max(MAX_TOTAL, min(isqrt(int(self.size * self.wanted * self._passed)), _MOST_SORTED))

    @property
    def _passed(self) -> float:
        """What it takes to pass an entry in a walk, in hits that are sorted."""
        if self.shape.on_sqlite:
            return _PASSED_ON_SQLITE
        return _ENTRY_PASSED if self.shape.walks_entries else _ROW_PASSED

    def _look_up(self, most: int, *, every_marker: bool = False) -> LookUp:
        return lookup.look_up(
            self.question.needs, self.known, most, on_sqlite=self.shape.on_sqlite, every_marker=every_marker
        )

    def _execute(self, statement: Executable, **further: Any) -> list[Row[Any]]:
        return list(self.session.execute(statement, self.values | further).all())

    def _scalar(self, statement: Executable, **further: Any) -> Any:
        return self.session.scalar(statement, self.values | further)

    def _page(self, page_and_number: tuple[Executable, Executable], **further: Any) -> Found | None:
        """Ask a statement with the total in each row, and one of the total alone where there is no row.

        None where a hit is not in the store: its marker shares its number with another token.
        """
        page, number = page_and_number
        rows = self._execute(page, **further)
        if not all(getattr(row, "is_here", True) for row in rows):
            return None
        return Found.of(rows, self.offset, lambda: self._scalar(number, **further))

    def walked_and_counted(self) -> Found:
        """Walk a list that no token narrows, whose hits are counted off the index."""
        page, number = statements.walked_and_counted(self.shape)
        rows = self._execute(page, most=MAX_TOTAL + 1)
        return Found.of(rows, self.offset, lambda: self._scalar(number, most=MAX_TOTAL + 1))

    def _sorted(self, most: int, *, by_entries: bool | None = None) -> Found:
        """Return the page of all hits, sorted."""
        by_entries = self.shape.needs_entries if by_entries is None else by_entries
        looked = self._look_up(most, every_marker=not by_entries and self.question.in_store)
        found = statements.in_sorted(
            self.shape, looked.kind, marked=not self._asks_all(looked), by_entries=by_entries
        )
        page = self._page(found, most=most, **looked.values())
        return self._sorted(most, by_entries=True) if page is None else page

    def _sorted_among(self, docs: list[int], *, by_entries: bool | None = None) -> Found:
        """Return the page of these hits, sorted."""
        by_entries = self.shape.needs_entries if by_entries is None else by_entries
        given = f"[{','.join(map(str, docs))}]" if self.shape.on_sqlite else docs
        page = self._page(statements.sorted_among(self.shape, by_entries=by_entries), docs=given)
        return self._sorted_among(docs, by_entries=True) if page is None else page

    def _asks_all(self, looked: LookUp) -> bool:
        """True where the index is asked for all markers that rows hold; SQLite's rows hold none."""
        markers = [
            marker for need in self.question.needs if need.is_marker for (marker,) in need.alternatives
        ]
        return self.shape.on_sqlite or looked.asks(markers)

    def _named(self, wanted: int) -> tuple[list[int], int]:
        """Return the hits of one word whose names begin with it, in order, and the number of all of them.

        The number goes beyond MAX_TOTAL, not much farther. Haystacks need not be read: the names are in them.
        """
        (word,) = self.question.words
        rows = self._execute(
            statements.named(self.shape.source, in_store=self.shape.in_store, by_state=self.shape.by_state),
            end=word + lookup.LAST_CHARACTER,
            wanted=wanted,
            most=MAX_TOTAL + 1,
        )
        found = sorted(map(tuple, rows))
        return [row[-1] for row in found[:-1][:wanted]], found[-1][-1]

    def _after_named(self, named: list[int]) -> Found:
        """Return the page of many hits, of which those are known whose names begin with the word."""
        if len(named) >= self.wanted:
            return Found(docs=named[self.offset : self.wanted], total=MAX_TOTAL + 1)
        return self._walked(MAX_TOTAL + 1, named=named)

    def _haystacks(self) -> tuple[list[int] | None, bool]:
        """Return all hits by the haystacks alone, None where they do not tell; true for more than MAX_TOTAL.

        Hits that are walked afterwards need not be looked up in the list one by one before. That there are
        many is believed of a marker: two share a number once in four billion, and what is shown is looked
        at again.
        """
        question = self.question
        if question.asks_entries or question.first:
            return None, False
        if question.terms:
            return self._read_haystacks()
        # The same filters are asked with each page, each sort and each return to the list.
        many = _many.setdefault(self.session.get_bind().engine, {})
        asked = replace(question, sort=CustomerSort.NAME)
        if time.monotonic() - many.get(asked, -_REMEMBERED) < _REMEMBERED:
            return None, True
        docs, is_more = self._read_haystacks()
        if is_more:
            if len(many) >= _MOST_REMEMBERED:
                many.clear()
            many[asked] = time.monotonic()
        return docs, is_more

    def _read_haystacks(self) -> tuple[list[int] | None, bool]:
        question, shape = self.question, self.shape
        # What every tenth customer has is met sooner in the rows than in PostgreSQL's index of tokens.
        few = 0 if shape.on_sqlite else lookup.rows_to_read(question.needs, self.known, MAX_TOTAL)
        if few:
            number = self._scalar(statements.first_rows(shape), rows=few, most=MAX_TOTAL + 1)
            if number > MAX_TOTAL:
                return None, True
        looked = self._look_up(MAX_TOTAL, every_marker=True)
        haystacks = statements.haystacks(shape, looked.kind, marked=not self._asks_all(looked))
        found = self._scalar(haystacks, most=MAX_TOTAL + 1, **looked.values())
        docs = [int(doc) for doc in found.split(",")] if isinstance(found, str) else found or []
        return (None, True) if len(docs) > MAX_TOTAL else (docs, False)

    def _walked(self, total: int, *, named: list[int] | None = None) -> Found:
        """Walk to the hits; where they are not met within reach, sort them after all.

        `named` are those whose names begin with the only word, if they are known.
        """
        docs = self._walk(self._reach(), named)
        if len(docs) == self.count:
            return Found(docs=docs, total=total)
        found = self._sorted(_MOST_SORTED + 1)
        return found if found.total <= _MOST_SORTED else Found(docs=self._walk(None, named), total=total)

    def _reach(self) -> int:
        """Return how many entries are passed at most to meet so many hits.

        A walk that goes on for longer than it takes to sort all costs twice at most.
        """
        hits = max(MAX_TOTAL, self.known.expected(self.question.telling_needs))
        expected = self.wanted * self.size / hits
        farthest = (min(hits, _FARTHEST) if self.question.is_ranked else hits) / self._passed
        return int(max(_FARTHER * self.wanted, min(_FARTHER * expected, farthest)))

    def _walk(self, reach: int | None, named: list[int] | None) -> list[int]:
        """Return the hits of the page that are met before `reach`."""
        is_bounded = reach is not None
        if not self.question.is_ranked:
            rows = self._execute(statements.in_order(self.shape, is_bounded=is_bounded), reach=reach)
            return [row.doc for row in rows]
        docs: list[int] = []
        if self.question.first:
            docs += [
                row.doc for row in self._execute(statements.by_order_number(self.shape), wanted=self.wanted)
            ]
        for rank, statement, values in self._ranked(is_bounded=is_bounded):
            if len(docs) >= self.wanted:
                break
            if named is not None and rank < REST:
                docs = named
                continue
            wanted = self.wanted - len(docs)
            rows = self._execute(statement, wanted=wanted, reach=reach, **values)
            # Characters compare as their UTF-8 bytes do, so Python merges in the databases' order.
            docs += [row[-1] for row in sorted({tuple(row) for row in rows})[:wanted]]
        return docs[self.offset : self.wanted]

    def _ranked(self, *, is_bounded: bool) -> list[tuple[int, Executable, dict[str, Any]]]:
        """Return the lowest rank, statement and further values of each step of a walk by relevance."""
        endings = self.question.endings
        if not endings:
            return [(*one, {}) for one in statements.ranked(self.shape, is_bounded=is_bounded)]
        needs = (*self.question.needs, *(Need.pattern(f"{text} ") for text in endings))
        known = lookup.frequencies(self.session, needs)
        looked = lookup.look_up(needs, known, MAX_TOTAL, on_sqlite=self.shape.on_sqlite)
        ranked = statements.ending(self.shape, looked.kind, is_bounded=is_bounded)
        return [(*one, looked.values()) for one in ranked]
