"""The inverted index of the search, in the words of each database."""

import time
import uuid
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod, sqrt
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Engine,
    FromClause,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    all_,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from app.domain import search_tokens
from app.models import search as tables

# More tokens make a look-up slower and hardly narrower.
MOST_TOKENS = 6
# A token this many times as common as the rarest one hardly narrows either.
_USELESS = 50
# What it takes to read a row by its place, and on PostgreSQL one after the other, in entries of the index.
_FETCHED = 40
_READ = 4
# And how many entries of a common token it passes in the time of one, looking for the places of a rarer one.
_SKIPPED = 10
# More ways than these, each asked with the marker of a store, take longer than all at once.
_MOST_WAYS = 6
# The tokens of a word that another may stand for: all of a dozen words take longer to read than a few rows.
_OF_A_WAY = 2
# A token that is too rare to be kept among the frequencies is in about this part of the customers.
_RARE = 5_000
# How long a process goes by the frequencies that it read, in seconds.
_REMEMBERED = 300.0

# Above every character that a name can hold, in the byte order of both databases.
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Need:
    """What the index must hold of a customer: all tokens of at least one alternative."""

    alternatives: tuple[tuple[int, ...], ...]
    is_marker: bool = False
    # The tokens of the only pattern by the parts of an e-mail address, which do not come together like
    # the letters of a name.
    parts: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def pattern(cls, *patterns: str) -> "Need":
        """Return the need for at least one of these parts of a haystack."""
        alternatives = tuple(tuple(search_tokens.of_pattern(pattern)) for pattern in patterns)
        return cls(alternatives, parts=_parts(patterns[0], alternatives[0]) if len(patterns) == 1 else ())

    @classmethod
    def markers(cls, *tokens: int) -> "Need":
        """Return the need for at least one of these markers."""
        return cls(tuple((token,) for token in tokens), is_marker=True)


def _parts(pattern: str, tokens: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Return the tokens by the part in which each ends; none for a pattern of one part."""
    parts: list[list[int]] = [[]]
    for at, token in enumerate(tokens, start=2):
        if not pattern[at - 1].isalnum() and not pattern[at - 1].isspace() and parts[-1]:
            parts.append([])
        parts[-1].append(token)
    return tuple(map(tuple, parts)) if len(parts) > 1 else ()


@dataclass(frozen=True)
class Frequencies:
    """About how many customers have each token, and how many customers there are."""

    common: dict[int, int]
    total: int

    def of_tokens(self, tokens: Iterable[int]) -> int:
        """Return how many customers have all tokens, at most; a pattern may be too short to have one."""
        return min((self.common.get(token, 0) for token in tokens), default=self.total)

    def of_need(self, need: Need) -> int:
        """Return how many customers fulfil the need, at most."""
        return sum(self.of_tokens(tokens) for tokens in need.alternatives)

    def share(self, need: Need) -> float:
        """Return the part of the customers that fulfils the need, about."""
        if need.parts:
            return prod(self.of_tokens(tokens) / max(1, self.total) for tokens in need.parts)
        return min(1.0, self.of_need(need) / max(1, self.total))

    def rarest(self, tokens: Iterable[int]) -> list[int]:
        """Return the tokens that are worth looking up, the rarest first."""
        ordered = sorted(set(tokens), key=lambda token: (self.common.get(token, 0), token))
        bound = _USELESS * (self.common.get(ordered[0], 0) + 100)
        return [token for token in ordered[:MOST_TOKENS] if self.common.get(token, 0) <= bound]

    def expected(self, needs: Iterable[Need]) -> float:
        """Return how many customers fulfil all needs, as if these had nothing to do with each other."""
        return self.total * prod(map(self.share, needs))

    def cheapest(
        self, markers: Sequence[int], words: Sequence[Sequence[int]], expected: float, most: int
    ) -> list[int]:
        """Return the tokens by which `most` of the `expected` hits are met soonest.

        The rarest token of each word is asked before a second of any: that narrows less than its
        frequency says, since the letters of a name come together. So may two names, of one country;
        markers have nothing to do with either.
        """
        ordered = [
            sorted({(self.common.get(token, _RARE), token) for token in tokens}) for tokens in words if tokens
        ]
        marked = {(self.common.get(token, _RARE), token) for token in markers}
        first = sorted({tokens[0] for tokens in ordered} | marked)
        further = sorted({one for tokens in ordered for one in tokens[1:]} - set(first))
        chosen = [*first, *further][:MOST_TOKENS]
        if not self.total or not chosen:
            return [token for _, token in chosen]
        met = min(1.0, most / max(1.0, expected))
        rarest = chosen[0][0]
        looked_up = 0.0
        by_chance, at_worst, by_markers = 1.0, 1.0, 1.0
        costs: list[float] = []
        for number, (common, token) in enumerate(chosen):
            share = min(1.0, common / self.total)
            if (common, token) in marked:
                by_markers *= share
            else:
                by_chance *= share if number < len(first) else sqrt(share)
                at_worst = min(at_worst, share)
            # The rarest is read, in the others those places are looked for.
            looked_up += rarest / 2 + common / _SKIPPED if number else common
            left = self.total * by_markers * (by_chance + at_worst) / 2
            costs.append(looked_up + _FETCHED * left * met)
        return [token for _, token in chosen[: costs.index(min(costs)) + 1]]


def rows_to_read(needs: Sequence[Need], known: Frequencies, most: int) -> int:
    """Return how many rows PostgreSQL may read for `most` hits; 0 where the index of tokens is quicker."""
    share = known.expected(needs) / max(1, known.total)
    rows = most / max(share, 1e-9)
    common = min((known.of_need(need) for need in needs), default=0)
    return int(2 * rows) if _READ * rows < common else 0


@dataclass(frozen=True)
class _Remembered:
    """All frequencies as they were read, in the order of the tokens."""

    read_at: float
    tokens: "array[int]"
    documents: "array[int]"

    def of(self, token: int) -> int:
        at = bisect_left(self.tokens, token)
        return self.documents[at] if at < len(self.tokens) and self.tokens[at] == token else 0


_FREQUENCIES = select(tables.frequencies.c.token, tables.frequencies.c.documents).order_by(
    tables.frequencies.c.token
)
_frequencies: WeakKeyDictionary[Engine, _Remembered] = WeakKeyDictionary()


def frequencies(session: Session, needs: Iterable[Need]) -> Frequencies:
    """Return the frequencies of all tokens that are needed, as they were within the last minutes.

    They decide on a plan and never on what is found, so each process may remember them.
    """
    engine = session.get_bind().engine
    known = _frequencies.get(engine)
    if known is None or time.monotonic() - known.read_at > _REMEMBERED:
        rows = session.execute(_FREQUENCIES).all()
        known = _Remembered(
            time.monotonic(), array("q", [row[0] for row in rows]), array("q", [row[1] for row in rows])
        )
        _frequencies[engine] = known
    wanted = {token for need in needs for tokens in need.alternatives for token in tokens}
    found = ((token, known.of(token)) for token in wanted)
    return Frequencies({token: documents for token, documents in found if documents}, known.of(tables.ALL))


def forget_frequencies(session: Session) -> None:
    """Have them read anew: they were just counted."""
    _frequencies.pop(session.get_bind().engine, None)


_PLACES = select(tables.places.c.store_id, tables.places.c.place).where(
    tables.places.c.store_id.in_(bindparam("store_ids", expanding=True))
)
_places: WeakKeyDictionary[Engine, dict[uuid.UUID, int]] = WeakKeyDictionary()


def places(session: Session, store_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the numbers of those stores that have one. A store keeps its number, so it is asked for once."""
    known = _places.setdefault(session.get_bind().engine, {})
    wanted = set(store_ids)
    missing = wanted - known.keys()
    found = {store_id: known[store_id] for store_id in wanted - missing}
    if missing:
        rows = session.execute(_PLACES, {"store_ids": sorted(missing)})
        new: dict[uuid.UUID, int] = {row.store_id: row.place for row in rows}
        found |= new
        # A number that an act has just given is not saved yet.
        if not session.info.get("writing"):
            known.update(new)
    return found


def source(session: Session) -> FromClause:
    """Return the table that holds the haystacks of this database."""
    return source_of(on_sqlite=on_sqlite(session))


def source_of(*, on_sqlite: bool) -> FromClause:
    """Return the table that holds the haystacks of the kind of database."""
    return tables.documents if on_sqlite else tables.postgresql_documents


@dataclass(frozen=True)
class LookUpKind:
    """What a statement that asks the index depends on, besides its values."""

    on_sqlite: bool
    overlaps: int = 0
    ways: int = 0


@dataclass(frozen=True)
class LookUp:
    """What the index is asked for: all tokens of at least one way, and one of each of `overlaps`.

    SQLite's index is asked in its own words instead.
    """

    on_sqlite: bool
    match: str = ""
    overlaps: tuple[tuple[int, ...], ...] = ()
    ways: tuple[tuple[int, ...], ...] = ()

    @property
    def kind(self) -> LookUpKind:
        """What a statement that asks so depends on."""
        if self.on_sqlite:
            return LookUpKind(on_sqlite=True, ways=int(bool(self.match)))
        return LookUpKind(on_sqlite=False, overlaps=len(self.overlaps), ways=len(self.ways))

    def asks(self, markers: Iterable[int]) -> bool:
        """True where every way asks for all of these."""
        return all(marker in way for marker in markers for way in self.ways) and bool(self.ways)

    def values(self) -> dict[str, Any]:
        """Return the values of the parameters of `by_kind`."""
        if self.on_sqlite:
            return {"match": self.match}
        values = {f"way{place}": list(way) for place, way in enumerate(self.ways)}
        return values | {f"overlap{place}": list(tokens) for place, tokens in enumerate(self.overlaps)}


def look_up(
    needs: Sequence[Need], known: Frequencies, most: int, *, on_sqlite: bool, every_marker: bool = False
) -> LookUp:
    """Return what to ask the index for; no more than `most` hits are read.

    `every_marker` leaves none out on SQLite, where rows do not hold them.
    """
    if not on_sqlite:
        return _in_postgresql(needs, known, most)
    markers, words = _single(needs)
    chosen = known.cheapest(markers, words, known.expected(needs), most)
    if every_marker:
        chosen += [marker for marker in markers if marker not in chosen]
    written = [search_tokens.written(token) for token in chosen]
    for alternatives in (need.alternatives for need in needs if len(need.alternatives) > 1):
        ways = {tuple(known.rarest(way)[:_OF_A_WAY]) for way in alternatives}
        joined = (" AND ".join(map(search_tokens.written, way)) for way in sorted(ways))
        written.append("(" + " OR ".join(f"({part})" for part in joined) + ")")
    return LookUp(on_sqlite=True, match=" AND ".join(written))


def _single(needs: Sequence[Need]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return the markers and the tokens of each word that must be there, whatever else."""
    single = [need for need in needs if len(need.alternatives) == 1]
    markers = [need.alternatives[0][0] for need in single if need.is_marker]
    words = [need.parts or need.alternatives for need in single if not need.is_marker]
    return markers, [tokens for several in words for tokens in several]


def _in_postgresql(needs: Sequence[Need], known: Frequencies, most: int) -> LookUp:
    expected = known.expected(needs)
    markers, words = _single(needs)
    several = [need for need in needs if len(need.alternatives) > 1]
    overlaps = tuple(tuple(token for (token,) in need.alternatives) for need in several if need.is_marker)
    unsure = [need.alternatives for need in several if not need.is_marker]
    if unsure:
        # Of the words that may be others the rarest narrows, each of its ways with what is needed besides:
        # asked apart, PostgreSQL would read all customers with the one and look for the other in their rows.
        rarest = min(unsure, key=lambda ways: sum(map(known.of_tokens, ways)))
        if markers and len(rarest) > _MOST_WAYS:
            ways = tuple(sorted({known.rarest(way)[0] for way in rarest}))
            besides = known.cheapest(markers, words, expected, most)
            return LookUp(on_sqlite=False, overlaps=(*overlaps, ways), ways=(tuple(besides),))
        chosen = {tuple(known.cheapest(markers, [way, *words], expected, most)) for way in rarest}
        return LookUp(on_sqlite=False, overlaps=overlaps, ways=tuple(sorted(chosen)))
    chosen_once = tuple(known.cheapest(markers, words, expected, most))
    return LookUp(on_sqlite=False, overlaps=overlaps, ways=(chosen_once,) if chosen_once else ())


def any_way(need: Need, known: Frequencies, *, on_sqlite: bool) -> LookUp:
    """Return what to ask the index for, for this need alone and all its hits."""
    ways = tuple(tuple(known.rarest(tokens)) for tokens in need.alternatives)
    if on_sqlite:
        match = " OR ".join("(" + " AND ".join(map(search_tokens.written, way)) + ")" for way in ways)
        return LookUp(on_sqlite=True, match=match)
    return LookUp(on_sqlite=False, ways=ways)


def by_kind(kind: LookUpKind) -> tuple[FromClause | None, list[ColumnElement[bool]]]:
    """Return what must be joined to the haystacks, if anything, and the criteria that ask the index."""
    if not (kind.ways or kind.overlaps):
        return None, []
    if kind.on_sqlite:
        index = tables.sqlite_index.c
        matches = index.customer_search_index.op("MATCH", is_comparison=True)(
            bindparam("match", type_=String)
        )
        return tables.sqlite_index, [matches, index.rowid == tables.documents.c.doc]
    tokens = tables.postgresql_documents.c.tokens

    def named(name: str, number: int) -> list[ColumnElement[Any]]:
        return [bindparam(f"{name}{place}", type_=ARRAY(Integer)) for place in range(number)]

    criteria: list[ColumnElement[bool]] = [tokens.overlap(one) for one in named("overlap", kind.overlaps)]
    ways = [tokens.contains(way) for way in named("way", kind.ways)]
    return None, [*criteria, or_(*ways)] if ways else criteria


def contains(column: ColumnElement[Any], part: ColumnElement[str], *, on_sqlite: bool) -> ColumnElement[bool]:
    """Return the criterion that the text holds the part; no character is a wildcard."""
    position = func.instr if on_sqlite else func.strpos
    return position(column, part) > 0


def among(
    column: ColumnElement[Any], name: str, kind: type[TypeEngine[Any]], *, on_sqlite: bool
) -> ColumnElement[bool]:
    """Return the criterion that the column is among the values of a parameter, whatever their number."""
    if on_sqlite:
        return column.in_(bindparam(name, expanding=True))
    # One parameter instead of one for each value: quicker to bind, and one statement to prepare.
    return column == any_(bindparam(name, type_=ARRAY(kind)))


def none_among(column: ColumnElement[Any], name: str, *, on_sqlite: bool) -> ColumnElement[bool]:
    """Return the criterion that the column is not among the whole numbers of a parameter."""
    if on_sqlite:
        return column.not_in(bindparam(name, expanding=True))
    return column != all_(bindparam(name, type_=ARRAY(Integer)))


def begins(column: SQLColumnExpression[str], start: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the criterion that the text begins so, as a range of an index."""
    return and_(column >= start, column < start + LAST_CHARACTER)


def goes_on(column: SQLColumnExpression[str], start: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the criterion that the text begins so and is longer, as a range of an index."""
    return and_(column > start, column < start + LAST_CHARACTER)


def has_word(session: Session, word: str) -> bool:
    """True when some customer has the whole word among those that are searched."""
    pattern = f"  {word} "
    needs = [Need.pattern(pattern)]
    looked = look_up(needs, frequencies(session, needs), 1, on_sqlite=on_sqlite(session))
    return session.scalar(_with_word(looked.kind), {"pattern": pattern, **looked.values()}) is not None


@lru_cache
def _with_word(kind: LookUpKind) -> Select[Any]:
    table = source_of(on_sqlite=kind.on_sqlite)
    joined, criteria = by_kind(kind)
    holds = contains(table.c.haystack, bindparam("pattern", type_=String), on_sqlite=kind.on_sqlite)
    query = select(table.c.doc).where(*criteria, holds).limit(1)
    return query if joined is None else query.select_from(joined, table)


def on_sqlite(session: Session) -> bool:
    """True on SQLite, false on PostgreSQL."""
    return session.get_bind().dialect.name == "sqlite"
