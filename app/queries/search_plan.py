"""How a list is read: a question, and the quickest of two ways that give the same rows.

Few hits are taken from the inverted index and sorted. Many are met soon by walking the index of
the wanted order and testing each row. Which way is taken never changes what is found.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import isqrt
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.domain import search_tokens
from app.domain.searches import CustomerSort, Term
from app.models import search as tables
from app.queries import search_lookup as lookup
from app.queries.search_lookup import Need

# Up to here a total is exact; beyond, the page says "1000+".
MAX_TOTAL = 1_000
# At most so many hits are sorted, however deep the page.
_MOST_SORTED = 100_000
# To sort so many hits is as quick as to look first for those whose names begin with the word.
_FEW = 300
# In so many places a customer's phone numbers may hold some digits.
_PLACES_OF_DIGITS = 20
# Later than every time in milliseconds.
_LATEST = 2**62
# How many times farther than expected a walk goes for its hits.
_FARTHER = 8
# The hits that are ranked last, those beside the names, may all stand at the end of the names.
_FARTHEST = 1_500

entries = tables.entries.c

Built = TypeVar("Built")

# The keys of each order, and whether it runs backwards. Each is an index that begins with the place.
_KEYS: dict[CustomerSort, tuple[tuple[str, ...], bool]] = {
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
_BY_LAST = (entries.last_key, entries.first_key, entries.doc)
_BY_FIRST = (entries.first_key, entries.last_key, entries.doc)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is looked for in one place (a store, or the company).

    `state` keeps to one opt-in state in the place. `checks`, `source_checks` (on the row of the
    haystack), `marked_checks` (what a single marker stands for) and `text_checks` decide; `needs` say the
    same as far as the index can, to find candidates. `patterns` are what `text_checks` ask for, where each
    asks for one.
    `words` rank hits by name and `endings` rank numbers (searches.tier). `first` are customers who
    are found whatever the text says, by the number of an order; they come first.
    """

    place: int
    state: str = ""
    checks: tuple[ColumnElement[bool], ...] = ()
    source_checks: tuple[ColumnElement[bool], ...] = ()
    marked_checks: tuple[ColumnElement[bool], ...] = ()
    text_checks: tuple[ColumnElement[bool], ...] = ()
    needs: tuple[Need, ...] = ()
    patterns: tuple[str, ...] = ()
    sort: CustomerSort = CustomerSort.NAME
    words: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    first: tuple[int, ...] = ()
    without: tuple[int, ...] = field(default=())

    @property
    def of_source(self) -> tuple[ColumnElement[bool], ...]:
        """All that is asked of the row of the haystack but its text."""
        return (*self.source_checks, *self.marked_checks)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The customers of one page in order, and how many there are; more than MAX_TOTAL is "many"."""

    docs: list[int]
    total: int


def ask(session: Session, question: Question, *, offset: int, count: int) -> Found:
    """Return the page of hits from `offset`, and their number up to MAX_TOTAL + 1."""
    if not (question.checks or question.of_source or question.text_checks or question.first):
        # A place, or an opt-in state in it, has an index of its own: nothing to look up.
        return _listed(session, question, offset, count)
    if question.needs and question.place != tables.COMPANY:
        # The index knows no places to walk: without the store's marker it finds the company's hits.
        of_store = Need.markers(search_tokens.of_store(question.place))
        question = replace(question, needs=(of_store, *question.needs))
    known = lookup.frequencies(session, question.needs)
    if not question.needs and not question.first:
        return _walked_and_counted(session, question, offset, count)
    is_quick = lookup.on_sqlite(session)
    few = _bound(question, _size(question, known), offset + count, is_quick=is_quick)
    most = min((known.of_need(need) for need in question.needs), default=0)
    expected = known.expected(question.needs)
    if question.endings:
        # Digits come by chance, not together like the letters of a name.
        expected = min(
            expected, *(_size(question, known) * _PLACES_OF_DIGITS / 10 ** len(n) for n in question.endings)
        )
    # By relevance a walk meets its first hits soon: those with such names lie together.
    worth_a_walk = expected > few or (_is_ranked(question) and bool(question.words))
    is_one_word = _is_one_word(question)
    if is_one_word and _is_ranked(question) and most > _FEW and expected > _FEW:
        docs, number = _named(session, question, offset + count)
        if number > MAX_TOTAL:
            return _after_named(session, question, known, offset, count, docs)
        if expected > MAX_TOTAL and _are_more(session, question, known):
            return _after_named(session, question, known, offset, count, docs)
        if len(docs) >= offset + count:
            total = _count(session, question, known)
            return Found(docs=docs[offset : offset + count], total=total)
    elif worth_a_walk and most > MAX_TOTAL and expected > MAX_TOTAL:
        by_names = is_one_word and _named(session, question, 0)[1] > MAX_TOTAL
        if by_names or (expected > 2 * MAX_TOTAL and _are_more(session, question, known)):
            return _walked(session, question, known, offset, count, MAX_TOTAL + 1)
    docs, total = _sorted(session, question, known, offset, count, few + 1)
    if total <= few:
        return Found(docs=docs, total=total)
    return _walked(session, question, known, offset, count, total)


def _after_named(
    session: Session, question: Question, known: lookup.Frequencies, offset: int, count: int, named: list[int]
) -> Found:
    """Return the page of many hits, of which those are known whose names begin with the word."""
    if len(named) >= offset + count:
        return Found(docs=named[offset : offset + count], total=MAX_TOTAL + 1)
    return _walked(session, question, known, offset, count, MAX_TOTAL + 1, named=named)


def _listed(session: Session, question: Question, offset: int, count: int) -> Found:
    """Return the page of a place, or of an opt-in state in it."""
    page, number = _listed_by(question.sort, bool(question.state))
    values = {
        "place": question.place, "state": question.state, "offset": offset, "count": count,
        "most": MAX_TOTAL + 1,
    }  # fmt: skip
    rows = session.execute(page, values).all()
    if rows or not offset:
        return Found(docs=[row.doc for row in rows], total=rows[0].total if rows else 0)
    return Found(docs=[], total=session.scalar(number, values) or 0)


@lru_cache
def _listed_by(sort: CustomerSort, by_state: bool) -> tuple[Select[Any], Select[Any]]:
    """Return the walk to the page with the total in each row, and the total alone."""
    names, backwards = _KEYS[sort]
    here = [entries.place == bindparam("place")]
    column: ColumnElement[Any] = entries.opt_in_state
    state = [column == bindparam("state")] if by_state else []
    # The index of states is one in the order of last names.
    walked = state if names[0] == "last_key" or not by_state else [column.concat("") == bindparam("state")]
    hits = select(entries.doc).where(*here, *state).limit(bindparam("most")).subquery()
    number = select(func.count()).select_from(hits)
    walk = select(entries.doc, number.scalar_subquery().label("total")).where(*here, *walked)
    order = [entries[name].desc() if backwards else entries[name] for name in names]
    return walk.order_by(*order).offset(bindparam("offset")).limit(bindparam("count")), number


def _is_one_word(question: Question) -> bool:
    """True where the names tell much by themselves: one word is looked for, without a filter."""
    return len(question.words) == len(question.text_checks) == 1 and not (
        question.checks or question.of_source or question.first or question.without
    )


def _named(session: Session, question: Question, wanted: int) -> tuple[list[int], int]:
    """Return the hits of one word whose names begin with it, in order, and the number of all of them.

    The number goes beyond MAX_TOTAL, not much farther. Haystacks need not be read: the names are in them.
    """
    (word,) = question.words
    values = {
        "place": question.place, "state": question.state, "word": word, "end": word + lookup.LAST_CHARACTER,
        "wanted": wanted, "most": MAX_TOTAL + 1,
    }  # fmt: skip
    rows = sorted(map(tuple, session.execute(_named_by(bool(question.state)), values)))
    return [row[-1] for row in rows[:-1][:wanted]], rows[-1][-1]


@lru_cache
def _named_by(by_state: bool) -> CompoundSelect[Any]:
    """Return the walks of the ranks by name, each hit in one, and a last row with the number of all."""
    last, first = entries.last_key, entries.first_key
    word: ColumnElement[str] = bindparam("word", type_=Text)
    end: ColumnElement[str] = bindparam("end", type_=Text)

    def hits(order: tuple[ColumnElement[Any], ...], *criteria: ColumnElement[bool]) -> Select[Any]:
        # The index of states is one in the order of last names.
        state = entries.opt_in_state if order is _BY_LAST else entries.opt_in_state.concat("")
        here = [entries.place == bindparam("place"), *([state == bindparam("state")] if by_state else [])]
        return select(*order).where(*here, *criteria)

    ranks = (
        (_BY_LAST, (last == word,)),
        (_BY_FIRST, (first == word, last != word)),
        (_BY_LAST, (last > word, last < end, first != word)),
        (_BY_FIRST, (first > word, first < end, or_(last < word, last >= end))),
    )
    walks = [
        select(
            literal(rank),
            *hits(order, *criteria).order_by(*order).limit(bindparam("wanted")).subquery().c,
        )
        for rank, (order, criteria) in enumerate(ranks)
    ]
    by_last = hits(_BY_LAST, last >= word, last < end)
    by_first = hits(_BY_FIRST, first >= word, first < end, or_(last < word, last >= end))
    counted = (select(found.limit(bindparam("most")).subquery()) for found in (by_last, by_first))
    number = select(func.count()).select_from(union_all(*counted).subquery()).scalar_subquery()
    return union_all(*walks, select(literal(_REST), literal(""), literal(""), number))


def _size(question: Question, known: lookup.Frequencies) -> int:
    if question.place == tables.COMPANY:
        return known.total
    return known.of_tokens([search_tokens.of_store(question.place)])


def _bound(question: Question, customers: int, wanted: int, *, is_quick: bool) -> int:
    # Walking meets a hit every (customers / hits) rows, so at the root both ways cost the same.
    # By relevance the best hits of one word lie together, and walking is worth it sooner; on PostgreSQL
    # not where they may be passed by a whole company's names: the walk to e-mail addresses took seconds.
    if _is_ranked(question) and len(question.words) <= 1 and (is_quick or question.endings):
        return max(MAX_TOTAL, wanted)
    return max(MAX_TOTAL, min(isqrt(customers * wanted), _MOST_SORTED))


def in_place(session: Session, place: int) -> ColumnElement[bool]:
    """Return the criterion for entries that are reached by their customer, not by walking the place.

    The planners cannot know how few customers the index gives. With the number of the customer in
    it they need that first, and then find the entry by both.
    """
    return entries.place == lookup.source(session).c.doc * 0 + place


def _in_state(question: Question, *, walks_by_state: bool) -> list[ColumnElement[bool]]:
    """Return the criterion of the opt-in state; the index of states is only walked in the order of names."""
    # It may be a parameter, of a statement that is built once, which is neither true nor false.
    if isinstance(question.state, str) and not question.state:
        return []
    column: ColumnElement[Any] = entries.opt_in_state
    return [(column if walks_by_state else column.concat("")) == question.state]


def of_list(session: Session, question: Question) -> list[ColumnElement[bool]]:
    """Return what keeps to the list and its filters, for entries that are reached by their customer."""
    return [
        in_place(session, question.place),
        *_in_state(question, walks_by_state=False),
        *question.checks,
        *question.of_source,
    ]


def _is_ranked(question: Question) -> bool:
    return question.sort is CustomerSort.RELEVANCE and bool(
        question.words or question.endings or question.first
    )


def _sorted(
    session: Session, question: Question, known: lookup.Frequencies, offset: int, count: int, limit: int
) -> tuple[list[int], int]:
    plain = _Plain.of(session, question, known, limit)
    if plain is not None:
        page, number = plain.built(_sorted_by)
    else:
        joined, criteria = lookup.found_by_index(session, question.needs, known, limit)
        page, number = _sorted_by(session, question, joined, criteria)
    values = {"limit": limit, "offset": offset, "count": count, **(plain.values if plain else {})}
    rows = session.execute(page, values).all()
    if rows or not offset:
        return [row.doc for row in rows], rows[0].total if rows else 0
    return [], session.scalar(number, values) or 0


def _sorted_by(
    session: Session, question: Question, joined: FromClause | None, criteria: list[ColumnElement[bool]]
) -> tuple[Select[Any], Select[Any]]:
    """Return the page of all hits, up to a limit, with their number in each row, and the number alone."""
    source = lookup.source(session)
    columns = [*_BY_LAST, entries.last_order_ms, entries.opted_in_ms, entries.created_ms]
    base = (
        select(*columns, _rank(session, question).label("tier"))
        .select_from(source)
        .join(tables.entries, entries.doc == source.c.doc)
        .where(*of_list(session, question), *_not_in(question.without))
    )
    by_text = base.where(*criteria, *question.text_checks, *_not_in(question.first)).limit(bindparam("limit"))
    if joined is not None:
        by_text = by_text.join(joined, joined.c.rowid == source.c.doc)
    if question.first:
        by_order = base.where(entries.doc.in_(question.first)).subquery()
        hits = select(by_text.subquery()).union_all(select(by_order)).subquery()
    else:
        hits = by_text.subquery()
    page = (
        select(hits.c.doc, func.count().over().label("total"))
        .order_by(*_order(question, hits.c))
        .offset(bindparam("offset"))
        .limit(bindparam("count"))
    )
    return page, select(func.count()).select_from(hits)


class _Plain:
    """A question of words only, in a place or an opt-in state of it: its statements are built once.

    To build one takes longer than the database does for it.
    """

    _statements: ClassVar[dict[Any, Any]] = {}
    _MOST_WORDS = 4

    def __init__(self, session: Session, question: Question, values: dict[str, Any]) -> None:
        self.session, self.question, self.values = session, question, values

    @classmethod
    def of(
        cls, session: Session, question: Question, known: lookup.Frequencies, most: int
    ) -> "_Plain | None":
        """Return the question with its values, None if it is not of this kind."""
        if (
            not question.patterns
            or len(question.patterns) > cls._MOST_WORDS
            or question.checks
            or question.of_source
            or question.endings
            or question.first
            or question.without
        ):
            return None
        values = {"place": question.place, "state": question.state}
        values |= {f"pattern{number}": pattern for number, pattern in enumerate(question.patterns)}
        values |= {f"word{number}": word for number, word in enumerate(question.words)}
        return cls(session, question, values | lookup.values_of_needs(session, question.needs, known, most))

    def built(self, build: Callable[..., Built]) -> Built:
        """Return what `build` makes of the question and its look-up, with names for the values."""
        question = self.question
        on_sqlite = lookup.on_sqlite(self.session)
        key = (
            build,
            on_sqlite,
            question.sort,
            bool(question.state),
            len(question.patterns),
            len(question.words),
        )
        found: Built | None = self._statements.get(key)
        if found is None:
            haystack = lookup.source(self.session).c.haystack
            place: Any = bindparam("place", type_=Integer)
            state: Any = bindparam("state", type_=Text)
            words: Any = tuple(bindparam(f"word{n}", type_=Text) for n in range(len(question.words)))
            named = Question(
                place=place,
                state=state if question.state else "",
                text_checks=tuple(
                    lookup.contains(self.session, haystack, bindparam(f"pattern{n}", type_=Text))
                    for n in range(len(question.patterns))
                ),
                words=words,
                sort=question.sort,
            )
            found = build(self.session, named, *lookup.by_ways(1, on_sqlite=on_sqlite))
            self._statements[key] = found
        return found


def _count(session: Session, question: Question, known: lookup.Frequencies) -> int:
    """Return the number of hits of a question without a filter, up to MAX_TOTAL + 1."""
    plain = _Plain.of(session, question, known, MAX_TOTAL + 1)
    if plain is not None:
        return session.scalar(plain.built(_count_by), {"limit": MAX_TOTAL + 1, **plain.values}) or 0
    joined, criteria = lookup.found_by_index(session, question.needs, known, MAX_TOTAL + 1)
    return session.scalar(_count_by(session, question, joined, criteria), {"limit": MAX_TOTAL + 1}) or 0


def _count_by(
    session: Session, question: Question, joined: FromClause | None, criteria: list[ColumnElement[bool]]
) -> Select[Any]:
    source = lookup.source(session)
    found = (
        select(source.c.doc)
        .join(tables.entries, entries.doc == source.c.doc)
        .where(*of_list(session, question), *criteria, *question.text_checks)
    )
    if joined is not None:
        found = found.join(joined, joined.c.rowid == source.c.doc)
    return select(func.count()).select_from(found.limit(bindparam("limit")).subquery())


def _are_more(session: Session, question: Question, known: lookup.Frequencies) -> bool:
    """True when more than MAX_TOTAL are found, by the haystacks alone; false where these do not tell.

    Hits that are walked afterwards need not be looked up in the list one by one before. That there are many
    is believed of a marker: two share a number once in four billion, and what is shown is looked at again.
    """
    if question.checks or question.state or question.first:
        return False
    source = lookup.source(session)
    checks = [*question.source_checks, *question.text_checks]
    if question.without:
        checks.append(source.c.doc.not_in(question.without))

    def is_more(found: Select[Any]) -> bool:
        rows = found.limit(MAX_TOTAL + 1).subquery()
        return (session.scalar(select(func.count()).select_from(rows)) or 0) > MAX_TOTAL

    # What every tenth customer has is met sooner in the rows than in PostgreSQL's index of tokens.
    few = 0 if lookup.on_sqlite(session) else lookup.rows_to_read(question.needs, known, MAX_TOTAL)
    if few:
        first = source.c.doc < few
        if is_more(
            select(source.c.doc).where(first, *lookup.markers_in_row(session, question.needs), *checks)
        ):
            return True
    plain = _Plain.of(session, question, known, MAX_TOTAL)
    if plain is not None:
        number = session.scalar(plain.built(_haystacks_by), {"limit": MAX_TOTAL + 1, **plain.values})
        return (number or 0) > MAX_TOTAL
    joined, criteria = lookup.found_by_index(session, question.needs, known, MAX_TOTAL)
    found = select(source.c.doc).where(*criteria, *checks)
    if joined is not None:
        found = found.join(joined, joined.c.rowid == source.c.doc)
    return is_more(found)


def _haystacks_by(
    session: Session, question: Question, joined: FromClause | None, criteria: list[ColumnElement[bool]]
) -> Select[Any]:
    source = lookup.source(session)
    found = select(source.c.doc).where(*criteria, *question.text_checks)
    if joined is not None:
        found = found.join(joined, joined.c.rowid == source.c.doc)
    return select(func.count()).select_from(found.limit(bindparam("limit")).subquery())


def _in_row(session: Session, question: Question) -> list[ColumnElement[bool]]:
    # A marker in the row is seen sooner than the row of another table that it stands for.
    if not question.of_source:
        return []
    of_place = Need.markers(search_tokens.of_store(question.place))
    return lookup.markers_in_row(session, [need for need in question.needs if need != of_place], walked=True)


def _order(question: Question, hit: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[Any]]:
    if not _is_ranked(question):
        names, backwards = _KEYS[question.sort]
        return [hit[name].desc() if backwards else hit[name] for name in names]
    by_first = hit.tier.in_([1, 3])
    return [
        hit.tier,
        case((by_first, hit.first_key), else_=hit.last_key),
        case((by_first, hit.last_key), else_=hit.first_key),
        hit.doc,
    ]


def _rank(session: Session, question: Question) -> ColumnElement[int]:
    ranks: list[tuple[ColumnElement[bool], int]] = []
    if question.first:
        ranks.append((entries.doc.in_(question.first), -1))
    if question.endings:
        haystack = lookup.source(session).c.haystack
        all_end = [lookup.contains(session, haystack, f"{ending} ") for ending in question.endings]
        ranks.append((_all(all_end), 0))
    elif question.words:
        ranks += [
            (entries.last_key.in_(question.words), 0),
            (entries.first_key.in_(question.words), 1),
            (or_(*(lookup.begins(entries.last_key, word) for word in question.words)), 2),
            (or_(*(lookup.begins(entries.first_key, word) for word in question.words)), 3),
        ]
    return case(*ranks, else_=4) if ranks else literal(4)


def _all(criteria: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    joined = criteria[0]
    for criterion in criteria[1:]:
        joined &= criterion
    return joined


def _not_in(docs: Iterable[int]) -> list[ColumnElement[bool]]:
    return [entries.doc.not_in(list(docs))] if docs else []


def _rows(
    session: Session,
    question: Question,
    criteria: Sequence[ColumnElement[bool]],
    *,
    walk: bool = True,
    by_state: bool = False,
) -> Select[Any]:
    at = entries.place == question.place if walk else in_place(session, question.place)
    state = _in_state(question, walks_by_state=by_state)
    checks = (*question.checks, *_in_row(session, question), *question.of_source, *criteria)
    query = select(entries.doc).where(at, *state, *checks, *_not_in(question.without))
    if question.needs:
        source = lookup.source(session)
        query = query.join(source, source.c.doc == entries.doc)
    return query


def _walked_and_counted(session: Session, question: Question, offset: int, count: int) -> Found:
    """Walk a list without a text, whose hits are counted off the index."""
    hits = _rows(session, question, (), by_state=True).limit(MAX_TOTAL + 1).subquery()
    number = select(func.count()).select_from(hits)
    walk = _in_order(session, question, ()).offset(offset).limit(count)
    rows = session.execute(walk.add_columns(number.scalar_subquery().label("total"))).all()
    if rows or not offset:
        return Found(docs=[row.doc for row in rows], total=rows[0].total if rows else 0)
    return Found(docs=[], total=session.scalar(number) or 0)


def _in_order(session: Session, question: Question, end: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Return the walk in an order that has an index, up to its end."""
    found = [_all(question.text_checks)] if question.text_checks else []
    if question.first and found:
        found = [or_(found[0], entries.doc.in_(question.first))]
    found += end
    names, _backwards = _KEYS[question.sort]
    rows = _rows(session, question, found, by_state="last_key" in names)
    return rows.order_by(*_order(question, entries))


def _walked(
    session: Session,
    question: Question,
    known: lookup.Frequencies,
    offset: int,
    count: int,
    total: int,
    *,
    named: list[int] | None = None,
) -> Found:
    """Walk to the hits; where they are not met within reach, sort them after all.

    `named` are those whose names begin with the only word, if they are known.
    """
    reach = _reach(question, known, offset + count)
    docs = _walk(session, question, offset, count, reach, named)
    if len(docs) == count:
        return Found(docs=docs, total=total)
    docs, found = _sorted(session, question, known, offset, count, _MOST_SORTED + 1)
    if found <= _MOST_SORTED:
        return Found(docs=docs, total=found)
    return Found(docs=_walk(session, question, offset, count, None, named), total=total)


def _reach(question: Question, known: lookup.Frequencies, wanted: int) -> int:
    """Return how many entries are passed at most to meet so many hits.

    To pass an entry takes as long as to sort a hit: a walk that goes on for longer costs twice at most.
    """
    hits = max(MAX_TOTAL, known.expected(question.needs))
    expected = wanted * _size(question, known) / hits
    farthest = min(hits, _FARTHEST) if _is_ranked(question) else hits
    return int(max(_FARTHER * wanted, min(_FARTHER * expected, farthest)))


def _within(question: Question, reach: int | None) -> list[ColumnElement[bool]]:
    """Return what ends a walk in the question's order after so many entries."""
    if reach is None:
        return []
    names, backwards = _KEYS[question.sort]
    key = entries[names[0]]
    passed = tables.entries.alias().c
    order = [passed[name].desc() if backwards else passed[name] for name in names]
    last = select(passed[names[0]]).where(passed.place == question.place).order_by(*order)
    end = last.offset(reach).limit(1).scalar_subquery()
    is_name = names[0] == "last_key"
    if backwards:
        return [key >= func.coalesce(end, "" if is_name else 0)]
    return [key <= func.coalesce(end, lookup.LAST_CHARACTER if is_name else _LATEST)]


def _walk(
    session: Session,
    question: Question,
    offset: int,
    count: int,
    reach: int | None,
    named: list[int] | None,
) -> list[int]:
    if not _is_ranked(question):
        query = _in_order(session, question, _within(question, reach))
        return list(session.scalars(query.offset(offset).limit(count)))
    docs: list[int] = []
    wanted = offset + count
    if question.first:
        only_first = replace(
            question, text_checks=(entries.doc.in_(question.first),), first=(), words=(), endings=()
        )
        docs += _by_name(session, only_first, wanted)
    rest = replace(question, first=(), without=(*question.without, *question.first))
    end = _within(rest, reach)
    for tiers in _ending_tiers(session, rest, end) if rest.endings else _name_tiers(session, rest, end):
        if len(docs) >= wanted:
            break
        if named is not None and tiers[0][0] < _REST:
            docs = named
            continue
        docs += _merged(session, tiers, wanted - len(docs))
    return docs[offset:wanted]


def _by_name(session: Session, question: Question, wanted: int) -> list[int]:
    query = _rows(session, question, question.text_checks).order_by(*_BY_LAST)
    return list(session.scalars(query.limit(wanted)))


# A rank, and the walks whose rows, merged, are its hits in order.
Tier = tuple[int, list[Select[Any]]]
# The rank of those that are found otherwise than by the beginning of a name, or the end of a number.
_REST = 4


def _name_tiers(
    session: Session, question: Question, end: Sequence[ColumnElement[bool]] = ()
) -> Iterable[list[Tier]]:
    """Give the ranks in order, those together that are read in one statement; `end` ends the last walk."""
    rank = _rank(session, question)

    def walk(
        tier: int, criterion: ColumnElement[bool] | None, order: tuple[ColumnElement[Any], ...]
    ) -> Select[Any]:
        criteria = [*question.text_checks, rank == tier]
        if criterion is not None:
            criteria.append(criterion)
        return _rows(session, question, criteria).with_only_columns(*order).order_by(*order)

    words = question.words
    tiers = [
        (0, [walk(0, entries.last_key == word, _BY_LAST) for word in words]),
        (1, [walk(1, entries.first_key == word, _BY_FIRST) for word in words]),
        # Who has the whole word as a name is above, and need not be passed by.
        (2, [walk(2, lookup.goes_on(entries.last_key, word), _BY_LAST) for word in words]),
        (3, [walk(3, lookup.goes_on(entries.first_key, word), _BY_FIRST) for word in words]),
    ]
    # Of one word the walks are short. Of several one may be long, and the ranks above it enough.
    yield from [tiers] if len(words) == 1 else [[tier] for tier in tiers]
    yield [(_REST, [walk(_REST, _all(end) if end else None, _BY_LAST)])]


def _ending_tiers(
    session: Session, question: Question, end: Sequence[ColumnElement[bool]]
) -> Iterable[list[Tier]]:
    haystack = lookup.source(session).c.haystack
    ending = _all([lookup.contains(session, haystack, f"{text} ") for text in question.endings])
    needs = (*question.needs, *(Need.pattern(f"{text} ") for text in question.endings))
    known = lookup.frequencies(session, needs)
    joined, criteria = lookup.found_by_index(session, needs, known, MAX_TOTAL)
    by_index = _rows(session, question, [*question.text_checks, ending, *criteria], walk=False)
    if joined is not None:
        by_index = by_index.join(joined, joined.c.rowid == entries.doc)
    yield [(0, [by_index.with_only_columns(*_BY_LAST).order_by(*_BY_LAST)])]
    rest = _rows(session, question, [*question.text_checks, not_(ending), *end])
    yield [(_REST, [rest.with_only_columns(*_BY_LAST).order_by(*_BY_LAST)])]


def _walks(tiers: list[Tier], wanted: int) -> list[Select[Any]]:
    return [
        select(literal(rank), *walk.limit(wanted).subquery().c) for rank, several in tiers for walk in several
    ]


def _merged(session: Session, tiers: list[Tier], wanted: int) -> list[int]:
    walks = _walks(tiers, wanted)
    query = walks[0] if len(walks) == 1 else union_all(*walks)
    # Characters compare as their UTF-8 bytes do, so Python merges in the databases' order.
    rows = sorted({tuple(row) for row in session.execute(query)})
    return [row[-1] for row in rows[:wanted]]


def words_of(terms: Iterable[Term]) -> tuple[str, ...]:
    """Return the words by which hits are ranked."""
    return tuple(term.text for term in terms if not term.is_number)
