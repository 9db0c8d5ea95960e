"""The statements of the search, each built once of what it depends on; the values are parameters.

To build one takes longer than the database does for most. `app/queries/search_plan.py` chooses between
them; the values come from `Question.values` and `LookUp.values`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    String,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.domain.searches import NOT_ASKED, CustomerSort
from app.models import ExtendedAttribute, Order
from app.models import search as tables
from app.queries import search_lookup as lookup
from app.queries.search_lookup import LookUpKind
from app.queries.search_questions import OF_SOURCE, FilterKind, Question

# Later than every time in milliseconds.
_LATEST = 2**62

entries = tables.entries.c

# The keys of each order, and whether it runs backwards. Each is an index that begins with the place.
KEYS: dict[CustomerSort, tuple[tuple[str, ...], bool]] = {
    CustomerSort.RELEVANCE: (("last_key", "first_key", "doc"), False),
    CustomerSort.NAME: (("last_key", "first_key", "doc"), False),
    CustomerSort.NAME_REVERSE: (("last_key", "first_key", "doc"), True),
    CustomerSort.LAST_ORDER: (("last_order_ms", "doc"), True),
    CustomerSort.LAST_ORDER_REVERSE: (("last_order_ms", "doc"), False),
    CustomerSort.OPTED_IN: (("opted_in_ms", "doc"), True),
    CustomerSort.OPTED_IN_REVERSE: (("opted_in_ms", "doc"), False),
    CustomerSort.CREATED: (("created_ms", "doc"), True),
    CustomerSort.CREATED_REVERSE: (("created_ms", "doc"), False),
}

# The company's orders that have an index of the rows of the haystacks; what changes often has none.
_WALKED_BY_ROW = frozenset({"last_key", "created_ms"})

# The rank of those that are found otherwise than by the beginning of a name, or the end of a number.
REST = 4


@dataclass(frozen=True)
class Shape:
    """What the statements about a question depend on."""

    on_sqlite: bool
    sort: CustomerSort
    is_ranked: bool
    in_store: bool
    by_state: bool
    filters: tuple[FilterKind, ...]
    terms: tuple[int, ...]
    markers: tuple[int, ...]
    words: int
    endings: int
    has_first: bool
    has_without: bool
    has_needs: bool

    @classmethod
    def of(cls, question: Question, *, on_sqlite: bool) -> "Shape":
        """Return the shape of a question."""
        return cls(
            on_sqlite=on_sqlite,
            sort=question.sort,
            is_ranked=question.is_ranked,
            in_store=question.in_store,
            by_state=bool(question.state),
            filters=tuple(kept.kind for kept in question.filters),
            terms=tuple(map(len, question.terms)),
            markers=tuple(len(need.alternatives) for need in question.markers),
            words=len(question.words),
            endings=len(question.endings),
            has_first=bool(question.first),
            has_without=bool(question.without),
            has_needs=bool(question.needs),
        )

    @property
    def source(self) -> FromClause:
        """The table of the haystacks."""
        return lookup.source_of(on_sqlite=self.on_sqlite)

    @property
    def walks_entries(self) -> bool:
        """True where the order is walked in the entries, not by an index of the rows of the haystacks."""
        return self.in_store or not self.has_needs or KEYS[self.sort][0][0] not in _WALKED_BY_ROW

    @property
    def needs_entries(self) -> bool:
        """True where the rows of the haystacks cannot sort or keep the hits, but a store's entries."""
        return self.in_store and (self.by_state or "opted_in_ms" in KEYS[self.sort][0])

    @property
    def asks_source(self) -> bool:
        """True where a filter is one of the row of the haystack."""
        return any(kind in OF_SOURCE for kind in self.filters)


# Where the hits come from: the entries of the place, or the rows of the haystacks.
_Hit = ReadOnlyColumnCollection[str, Any]


def _by_last(hit: _Hit) -> tuple[ColumnElement[Any], ...]:
    return hit.last_key, hit.first_key, hit.doc


def _by_first(hit: _Hit) -> tuple[ColumnElement[Any], ...]:
    return hit.first_key, hit.last_key, hit.doc


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=Text)


def _words(shape: Shape) -> list[ColumnElement[str]]:
    return [_text(f"word{number}") for number in range(shape.words)]


_PLACE: ColumnElement[int] = bindparam("place", type_=Integer)
_STATE: ColumnElement[str] = _text("state")


# What keeps to the list and its filters.


def _in_place(shape: Shape) -> ColumnElement[bool]:
    """Return the criterion for entries that are reached by their customer, not by walking the place.

    The planners cannot know how few customers the index gives. With the number of the customer in
    it they need that first, and then find the entry by both.
    """
    return entries.place == shape.source.c.doc * 0 + _PLACE


def _in_state(shape: Shape, *, walks_by_state: bool) -> list[ColumnElement[bool]]:
    """Return the criterion of the opt-in state; the index of states is only walked in the order of names."""
    if not shape.by_state:
        return []
    state: ColumnElement[Any] = entries.opt_in_state
    return [(state if walks_by_state else state.concat("")) == _STATE]


def _at(shape: Shape, number: int, hit: _Hit, *, anywhere: bool = False) -> Select[tuple[int]]:
    """Select the hit's entries in the stores of a filter, or in any."""
    other = tables.entries.alias()
    of_stores = (
        other.c.place != tables.COMPANY
        if anywhere
        else lookup.among(other.c.place, f"filter{number}_places", Integer, on_sqlite=shape.on_sqlite)
    )
    return select(other.c.place).where(other.c.doc == hit.doc, of_stores)


def _in_state_at(shape: Shape, number: int, hit: _Hit, *, anywhere: bool = False) -> ColumnElement[bool]:
    at = _at(shape, number, hit, anywhere=anywhere)
    return at.where(_state_of(at) == _text(f"filter{number}_state")).exists()


def _never_asked_at(shape: Shape, number: int, hit: _Hit, *, anywhere: bool = False) -> ColumnElement[bool]:
    at = _at(shape, number, hit, anywhere=anywhere)
    return ~at.where(_state_of(at) != NOT_ASKED).exists()


def _state_of(at: Select[tuple[int]]) -> ColumnElement[str]:
    of_entry: ColumnElement[str] = at.selected_columns.place.table.c.opt_in_state
    return of_entry


def _has_value(shape: Shape, number: int, _hit: _Hit) -> ColumnElement[bool]:
    attribute = ExtendedAttribute.__table__.c
    padded = " " + attribute.value_key + " "
    return (
        select(attribute.name)
        .where(
            attribute.customer_id == shape.source.c.customer_id,
            attribute.name == bindparam(f"filter{number}_name", type_=String),
            lookup.contains(padded, _text(f"filter{number}_key"), on_sqlite=shape.on_sqlite),
        )
        .exists()
    )


def _created_by(shape: Shape, number: int, _hit: _Hit) -> ColumnElement[bool]:
    return shape.source.c.created_by_id == bindparam(f"filter{number}_associate", type_=Uuid)


def _is_among(shape: Shape, number: int, hit: _Hit) -> ColumnElement[bool]:
    return lookup.among(hit.doc, f"filter{number}_docs", Integer, on_sqlite=shape.on_sqlite)


_CHECKS: dict[FilterKind, Callable[[Shape, int, _Hit], ColumnElement[bool]]] = {
    FilterKind.AT_STORES: lambda shape, number, hit: _at(shape, number, hit).exists(),
    FilterKind.IN_STATE: _in_state_at,
    FilterKind.IN_STATE_ANYWHERE: partial(_in_state_at, anywhere=True),
    FilterKind.NEVER_ASKED: _never_asked_at,
    FilterKind.NEVER_ASKED_ANYWHERE: partial(_never_asked_at, anywhere=True),
    FilterKind.AMONG: _is_among,
    FilterKind.CREATED_BY: _created_by,
    FilterKind.VALUE: _has_value,
    FilterKind.PHRASE: _has_value,
}


def _checks(shape: Shape, hit: _Hit, kinds: Iterable[FilterKind]) -> list[ColumnElement[bool]]:
    asked = set(kinds)
    return [_CHECKS[kind](shape, number, hit) for number, kind in enumerate(shape.filters) if kind in asked]


_OF_ENTRY = frozenset(FilterKind) - OF_SOURCE
# What a single marker stands for.
_MARKED = frozenset({FilterKind.VALUE})


def _of_list(shape: Shape) -> list[ColumnElement[bool]]:
    """Return what keeps to the list and its filters, for entries that are reached by their customer."""
    state = _in_state(shape, walks_by_state=False)
    return [_in_place(shape), *state, *_checks(shape, entries, FilterKind)]


def _texts(shape: Shape) -> list[ColumnElement[bool]]:
    haystack = shape.source.c.haystack
    return [
        or_(
            *(
                lookup.contains(haystack, _text(f"term{number}_{way}"), on_sqlite=shape.on_sqlite)
                for way in range(ways)
            )
        )
        for number, ways in enumerate(shape.terms)
    ]


def _all_end(shape: Shape) -> ColumnElement[bool]:
    haystack = shape.source.c.haystack
    return _all(
        [
            lookup.contains(haystack, _text(f"ending{number}"), on_sqlite=shape.on_sqlite)
            for number in range(shape.endings)
        ]
    )


def _is_first(shape: Shape, hit: _Hit) -> ColumnElement[bool]:
    return lookup.among(hit.doc, "first", Integer, on_sqlite=shape.on_sqlite)


def _without(shape: Shape, doc: ColumnElement[Any], *, first: bool = False) -> list[ColumnElement[bool]]:
    """Return what leaves out those who were found before; `first` also those found by an order."""
    names = [*(["without"] if shape.has_without else []), *(["first"] if first and shape.has_first else [])]
    return [lookup.none_among(doc, name, on_sqlite=shape.on_sqlite) for name in names]


def _all(criteria: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    joined = criteria[0]
    for criterion in criteria[1:]:
        joined &= criterion
    return joined


def _markers_in_row(shape: Shape, *, walked: bool = False) -> list[ColumnElement[bool]]:
    """Return criteria that ask a row of `source` for the markers, if it holds them, and never the index.

    Where rows are `walked`, PostgreSQL is not to know how rare a marker is: it would take another way.
    """
    if shape.on_sqlite:
        return []
    tokens = tables.postgresql_documents.c.tokens

    def holds(name: str) -> ColumnElement[bool]:
        marker: ColumnElement[int] = bindparam(name, type_=Integer)
        return func.array_position(tokens, marker).is_not(None) if walked else marker == any_(tokens)

    of_store = [holds("of_store")] if shape.in_store and not walked else []
    return of_store + [
        or_(*(holds(f"marker{number}_{way}") for way in range(ways)))
        for number, ways in enumerate(shape.markers)
    ]


# The ranks and orders.


def _order(shape: Shape, hit: _Hit) -> list[ColumnElement[Any]]:
    if not shape.is_ranked:
        names, backwards = KEYS[shape.sort]
        return [hit[name].desc() if backwards else hit[name] for name in names]
    by_first = hit.tier.in_([1, 3])
    return [
        hit.tier,
        case((by_first, hit.first_key), else_=hit.last_key),
        case((by_first, hit.last_key), else_=hit.first_key),
        hit.doc,
    ]


def _rank(shape: Shape, hit: _Hit) -> ColumnElement[int]:
    ranks: list[tuple[ColumnElement[bool], int]] = []
    if shape.has_first:
        ranks.append((_is_first(shape, hit), -1))
    if shape.endings:
        ranks.append((_all_end(shape), 0))
    else:
        ranks += [(has_rank, rank) for rank, has_rank in enumerate(_by_names(shape, hit))]
    return case(*ranks, else_=REST) if ranks else literal(REST)


def _by_names(shape: Shape, hit: _Hit) -> list[ColumnElement[bool]]:
    """Return what gives the ranks from 0, each to those who have none of the ranks above."""
    words = _words(shape)
    if not words:
        return []
    return [
        hit.last_key.in_(words),
        hit.first_key.in_(words),
        or_(*(lookup.begins(hit.last_key, word) for word in words)),
        or_(*(lookup.begins(hit.first_key, word) for word in words)),
    ]


# Lists without a text.


@lru_cache
def listed(sort: CustomerSort, by_state: bool) -> tuple[Select[Any], Select[Any]]:
    """Return the walk to a page of a place, or a state in it, with the total in each row; and the total."""
    names, backwards = KEYS[sort]
    here = [entries.place == bindparam("place")]
    of_entry: ColumnElement[Any] = entries.opt_in_state
    state = [of_entry == bindparam("state")] if by_state else []
    # The index of states is one in the order of last names.
    walked = state if names[0] == "last_key" or not by_state else [of_entry.concat("") == bindparam("state")]
    hits = select(entries.doc).where(*here, *state).limit(bindparam("most")).subquery()
    number = select(func.count()).select_from(hits)
    walk = select(entries.doc, number.scalar_subquery().label("total")).where(*here, *walked)
    order = [entries[name].desc() if backwards else entries[name] for name in names]
    return walk.order_by(*order).offset(bindparam("offset")).limit(bindparam("count")), number


@lru_cache(maxsize=256)
def walked_and_counted(shape: Shape) -> tuple[Select[Any], Select[Any]]:
    """Return the same of a list that no token narrows."""
    hits = _rows(shape, entries, (), by_state=True).limit(bindparam("most")).subquery()
    number = select(func.count()).select_from(hits)
    page = in_order(shape, is_bounded=False).add_columns(number.scalar_subquery().label("total"))
    return page, number


# By the index of tokens.


def _by_index(query: Select[Any], shape: Shape, index: LookUpKind) -> Select[Any]:
    joined, criteria = lookup.by_kind(index)
    query = query.where(*criteria)
    return query if joined is None else query.join(joined, joined.c.rowid == shape.source.c.doc)


def _numbered(found: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(found.limit(bindparam("most")).subquery())


@lru_cache(maxsize=512)
def haystacks(shape: Shape, index: LookUpKind, *, marked: bool) -> Select[Any]:
    """Return the hits by the haystacks alone, up to `most`: their numbers, on SQLite parted by commas.

    `marked` asks the rows for the markers, where the index is not asked for all of them.
    """
    hit = shape.source.c
    in_row = _markers_in_row(shape) if marked else []
    further = [*_checks(shape, hit, OF_SOURCE - _MARKED), *_texts(shape), *_without(shape, hit.doc)]
    rows = _by_index(select(hit.doc).where(*in_row, *further), shape, index)
    found = rows.limit(bindparam("most")).subquery()
    joined = func.group_concat(found.c.doc) if shape.on_sqlite else func.array_agg(found.c.doc)
    return select(joined)


@lru_cache(maxsize=256)
def first_rows(shape: Shape) -> Select[Any]:
    """Return the number of hits, up to `most`, among the first `rows` haystacks."""
    doc = shape.source.c.doc
    further = [*_checks(shape, shape.source.c, OF_SOURCE - _MARKED), *_texts(shape), *_without(shape, doc)]
    asked = [*_markers_in_row(shape), *further]
    return _numbered(select(doc).where(doc < bindparam("rows"), *asked))


@lru_cache(maxsize=512)
def in_sorted(
    shape: Shape, index: LookUpKind, *, marked: bool, by_entries: bool
) -> tuple[Select[Any], Select[Any]]:
    """Return the page of all hits, up to `most`, with their number in each row, and the number alone.

    Unless it goes by the entries, a store is taken from the marker, in the row if `marked`, and the hits of
    the page tell by `is_here` whether they have an entry.
    """
    hit = entries if by_entries else shape.source.c
    in_row = _markers_in_row(shape) if marked and not by_entries else []
    asked = [*in_row, *_texts(shape), *_without(shape, hit.doc, first=True)]
    hits = _by_index(_hits(shape, by_entries=by_entries).where(*asked), shape, index)
    return _paged(shape, hits.limit(bindparam("most")), by_entries=by_entries)


@lru_cache(maxsize=256)
def sorted_among(shape: Shape, *, by_entries: bool) -> tuple[Select[Any], Select[Any]]:
    """Return the page of the hits among `docs`, whose haystacks have been asked, and their number."""
    source = shape.source
    if shape.on_sqlite:
        given: FromClause = func.json_each(bindparam("docs")).table_valued(column("value", Integer))
    else:
        docs = bindparam("docs", type_=ARRAY(Integer))
        given = func.unnest(docs).table_valued(column("value", Integer)).render_derived(name="given")
    hits = _hits(shape, by_entries=by_entries).join(given, given.c.value == source.c.doc)
    return _paged(shape, hits, by_entries=by_entries)


def _hits(shape: Shape, *, by_entries: bool) -> Select[Any]:
    """Select the hits of the list with the keys of their order."""
    source = shape.source
    hit = entries if by_entries else source.c
    keys = (
        [_rank(shape, hit).label("tier"), *_by_last(hit)]
        if shape.is_ranked
        else [hit[name] for name in KEYS[shape.sort][0]]
    )
    found = select(*keys).select_from(source)
    if by_entries:
        return found.join(tables.entries, entries.doc == source.c.doc).where(
            *_of_list(shape), *_without(shape, hit.doc)
        )
    return found.where(*_checks(shape, hit, FilterKind), *_without(shape, hit.doc))


def _paged(shape: Shape, found: Select[Any], *, by_entries: bool) -> tuple[Select[Any], Select[Any]]:
    hits = found.subquery()
    if shape.has_first:
        by_order = _hits(shape, by_entries=True)
        by_order = by_order.where(_is_first(shape, entries))
        hits = select(hits).union_all(select(by_order.subquery())).subquery()
    page = (
        select(hits, func.count().over().label("total"))
        .order_by(*_order(shape, hits.c))
        .offset(bindparam("offset"))
        .limit(bindparam("count"))
    )
    number = select(func.count()).select_from(hits)
    if not shape.in_store or by_entries:
        return page, number
    met = page.subquery()
    is_here = entries.place.is_not(None).label("is_here")
    page = select(met.c.doc, met.c.total, is_here).select_from(met)
    page = page.outerjoin(tables.entries, and_(entries.doc == met.c.doc, entries.place == _PLACE))
    return page.order_by(*_order(shape, met.c)), number


# Walks in the order of an index.


def _rows(
    shape: Shape,
    hit: _Hit,
    criteria: Iterable[ColumnElement[bool]],
    *,
    walk: bool = True,
    by_state: bool = False,
    first: bool = False,
) -> Select[Any]:
    # A marker in the row is seen sooner than the row of another table that it stands for.
    in_row = _markers_in_row(shape, walked=True) if shape.asks_source else []
    query = select(hit.doc).where(
        *_checks(shape, hit, _OF_ENTRY),
        *in_row,
        *_checks(shape, hit, OF_SOURCE - _MARKED),
        *_checks(shape, hit, _MARKED),
        *criteria,
        *_without(shape, hit.doc, first=first),
    )
    if hit is not entries:
        return query
    at = entries.place == _PLACE if walk else _in_place(shape)
    query = query.where(at, *_in_state(shape, walks_by_state=by_state))
    return query.join(shape.source, shape.source.c.doc == entries.doc) if shape.has_needs else query


def _walked(shape: Shape) -> _Hit:
    """Return the columns that are walked in the question's order."""
    return entries if shape.walks_entries else shape.source.c


def _within(shape: Shape, *, is_bounded: bool) -> list[ColumnElement[bool]]:
    """Return what ends a walk in the question's order after `reach` entries."""
    if not is_bounded:
        return []
    names, backwards = KEYS[shape.sort]
    key = _walked(shape)[names[0]]
    passed = (tables.entries if shape.walks_entries else shape.source).alias().c
    order = [passed[name].desc() if backwards else passed[name] for name in names]
    last = select(passed[names[0]]).order_by(*order)
    if shape.walks_entries:
        last = last.where(passed.place == _PLACE)
    end = last.offset(bindparam("reach")).limit(1).scalar_subquery()
    is_name = names[0] == "last_key"
    if backwards:
        return [key >= func.coalesce(end, literal("") if is_name else literal(0, BigInteger))]
    return [key <= func.coalesce(end, lookup.LAST_CHARACTER if is_name else literal(_LATEST, BigInteger))]


@lru_cache(maxsize=512)
def in_order(shape: Shape, *, is_bounded: bool) -> Select[Any]:
    """Return the walk to a page, in an order that has an index, after at most `reach` entries if bounded."""
    hit = _walked(shape)
    found = [_all(texts)] if (texts := _texts(shape)) else []
    if shape.has_first and found:
        found = [or_(found[0], _is_first(shape, hit))]
    names, _backwards = KEYS[shape.sort]
    ended = [*found, *_within(shape, is_bounded=is_bounded)]
    rows = _rows(shape, hit, ended, by_state="last_key" in names)
    return rows.order_by(*_order(shape, hit)).offset(bindparam("offset")).limit(bindparam("count"))


@lru_cache(maxsize=256)
def by_order_number(shape: Shape) -> Select[Any]:
    """Return those found by an order, in the order of names, up to `wanted`."""
    rows = _rows(shape, entries, [_is_first(shape, entries)])
    return rows.order_by(*_by_last(entries)).limit(bindparam("wanted"))


# A rank, and the walks whose rows, merged, are its hits in order.
_Tier = tuple[int, list[Select[Any]]]
# The lowest rank of some walks, and the statement that reads up to `wanted` rows of each.
Ranked = tuple[int, Select[Any] | CompoundSelect[Any]]


@lru_cache(maxsize=512)
def ranked(shape: Shape, *, is_bounded: bool) -> tuple[Ranked, ...]:
    """Return the walks of the ranks by name in order, those together that are read in one statement.

    A bound ends the last one after `reach` entries.
    """
    hit = _walked(shape)
    # Not as one rank that is compared: the planner would expect too few, and sort all instead of walking.
    ranks = _by_names(shape, hit)
    words = _words(shape)
    end = _within(shape, is_bounded=is_bounded)
    texts = _texts(shape)
    by_last, by_first = _by_last(hit), _by_first(hit)

    def walk(
        tier: int, criteria: list[ColumnElement[bool]], order: tuple[ColumnElement[Any], ...]
    ) -> Select[Any]:
        above = [not_(has_rank) for has_rank in ranks[:tier]]
        rows = _rows(shape, hit, [*texts, *above, *criteria], first=True)
        return rows.with_only_columns(*order).order_by(*order)

    tiers: list[_Tier] = [
        (0, [walk(0, [hit.last_key == word], by_last) for word in words]),
        (1, [walk(1, [hit.first_key == word], by_first) for word in words]),
        # Who has the whole word as a name is above, and need not be passed by.
        (2, [walk(2, [lookup.goes_on(hit.last_key, word)], by_last) for word in words]),
        (3, [walk(3, [lookup.goes_on(hit.first_key, word)], by_first) for word in words]),
    ]
    # Of one word the walks are short. Of several one may be long, and the ranks above it enough.
    several = [tiers] if len(words) == 1 else [[tier] for tier in tiers] if words else []
    return tuple(_merged(one) for one in [*several, [(REST, [walk(REST, end, by_last)])]])


@lru_cache(maxsize=256)
def ending(shape: Shape, index: LookUpKind, *, is_bounded: bool) -> tuple[Ranked, ...]:
    """Return the statements of those whose phone number ends so, by the index, and of the rest by a walk."""
    hit = _walked(shape)
    texts, ends, by_last = _texts(shape), _all_end(shape), _by_last(hit)
    by_index = _by_index(_rows(shape, hit, [*texts, ends], walk=False, first=True), shape, index)
    rest = _rows(shape, hit, [*texts, not_(ends), *_within(shape, is_bounded=is_bounded)], first=True)
    return tuple(
        _merged([(rank, [rows.with_only_columns(*by_last).order_by(*by_last)])])
        for rank, rows in ((0, by_index), (REST, rest))
    )


def _merged(tiers: list[_Tier]) -> Ranked:
    walks = [
        select(literal(rank), *walk.limit(bindparam("wanted")).subquery().c)
        for rank, several in tiers
        for walk in several
    ]
    return tiers[0][0], walks[0] if len(walks) == 1 else union_all(*walks)


# By the names alone, of one word.


@lru_cache
def named(source: FromClause, *, in_store: bool, by_state: bool) -> CompoundSelect[Any]:
    """Return the walks of the ranks by name, each hit in one, and a last row with the number of all."""
    hit = entries if in_store else source.c
    last, first = hit.last_key, hit.first_key
    by_last, by_first = _by_last(hit), _by_first(hit)
    word, end = _text("word0"), _text("end")

    def hits(order: tuple[ColumnElement[Any], ...], *criteria: ColumnElement[bool]) -> Select[Any]:
        # The index of states is one in the order of last names.
        state = entries.opt_in_state if order is by_last else entries.opt_in_state.concat("")
        here = [entries.place == bindparam("place")] if in_store else []
        return select(*order).where(*here, *([state == _STATE] if by_state else []), *criteria)

    ranks = (
        (by_last, (last == word,)),
        (by_first, (first == word, last != word)),
        (by_last, (last > word, last < end, first != word)),
        (by_first, (first > word, first < end, or_(last < word, last >= end))),
    )
    walks = [
        select(
            literal(rank),
            *hits(order, *criteria).order_by(*order).limit(bindparam("wanted")).subquery().c,
        )
        for rank, (order, criteria) in enumerate(ranks)
    ]
    counted = (
        select(hits(order, *criteria).limit(bindparam("most")).subquery())
        for order, criteria in (
            (by_last, (last >= word, last < end)),
            (by_first, (first >= word, first < end, or_(last < word, last >= end))),
        )
    )
    number = select(func.count()).select_from(union_all(*counted).subquery()).scalar_subquery()
    return union_all(*walks, select(literal(REST), literal(""), literal(""), number))


# By the number of an order.


@lru_cache(maxsize=256)
def by_order(shape: Shape, *, begins: bool) -> Select[Any]:
    """Return who in the list has an order of the number `typed`, or one that begins so, up to `most`."""
    source, typed = shape.source, _text("typed")
    number = lookup.begins(Order.order_key, typed) if begins else Order.order_key == typed
    return (
        select(entries.doc, func.min(Order.order_key))
        .select_from(Order)
        .join(source, source.c.customer_id == Order.customer_id)
        .join(tables.entries, entries.doc == source.c.doc)
        .where(number, *_of_list(shape))
        .group_by(entries.doc)
        .order_by(func.min(Order.order_key), entries.doc)
        .limit(bindparam("most"))
    )
