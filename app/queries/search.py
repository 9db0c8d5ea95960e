"""Lists of customers and the search in them; the same rows in the same order on both databases."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.domain import folding, search_tokens, searches
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.paging import Page
from app.domain.searches import NOT_ASKED, CustomerList, CustomerQuery, CustomerSort, Term
from app.models import AccessEntry, ExtendedAttribute, Order
from app.models import search as tables
from app.queries import scope, search_plan, search_rows
from app.queries import search_lookup as lookup
from app.queries.search_lookup import Need
from app.queries.search_plan import MAX_TOTAL, Found, Question
from app.queries.search_rows import CustomerRow

RECENT = 50
# How many of an actor's last views are read for the recent list.
_LAST_VIEWS = 500
# With fewer exact hits than this, those with one wrong letter are added after them.
TYPO_BELOW = 5
MAX_ORDERS = 50

entries = tables.entries.c


def list_page(session: Session, actor: Actor, query: CustomerQuery) -> Page[CustomerRow]:
    """Return one page of a list, with what each row shows.

    Nothing outside the actor's stores is ever in it. Raises NotFound for a store that is not theirs.
    """
    if query.store_id is not None:
        scope.require_store(actor, query.store_id)
    wanted = searches.terms(query.text)
    found = Found(docs=[], total=0)
    orders: dict[int, str] = {}
    question = _question(session, actor, query)
    if question is not None and (wanted or not query.text):
        if wanted:
            orders = _by_order(session, question, query.text)
            question = _with_text(session, question, wanted, orders)
        found = _found(session, actor, query, question, wanted)
    page = query.page
    has_more = len(found.docs) > page.count
    docs = found.docs[: page.count]
    many = found.total > MAX_TOTAL
    is_last = bool(docs) and not has_more
    rows = search_rows.rows(session, actor, query.store_id, docs, wanted=wanted, orders=orders)
    return Page(
        items=rows,
        offset=page.offset,
        requested=page.count,
        total=page.offset + len(docs) if many and is_last else min(found.total, MAX_TOTAL),
        total_capped=many and not is_last,
    )


def _question(session: Session, actor: Actor, query: CustomerQuery) -> Question | None:
    """Return the list with its filters; None when nobody can be in it."""
    kept_to_store = query.list in {CustomerList.STORE, CustomerList.OPTED_IN} and query.store_id is not None
    seen = {query.store_id} if kept_to_store else None if actor.sees_every_customer else set(actor.store_ids)
    places = lookup.places(session, {*(seen or ()), *([query.store_id] if query.store_id else [])})
    question = Question(place=tables.COMPANY, sort=query.sort)
    if seen is not None:
        of_list = sorted(places[store_id] for store_id in seen if store_id in places)
        if not of_list:
            return None
        markers: tuple[Need, ...] = (Need.markers(*map(search_tokens.of_store, of_list)),)
        if len(of_list) == 1:
            # The only store is the place to walk, so the list alone needs no look-up.
            question = replace(question, place=of_list[0])
            markers = ()
        else:
            question = _with(question, _at(of_list).exists(), markers)
    looked_at = [places[query.store_id]] if query.store_id in places else None
    if query.store_id is None and not actor.has_every_store:
        looked_at = sorted(lookup.places(session, set(actor.store_ids)).values())
    for state in {query.opt_in_state, searches.OPTED_IN if query.list is CustomerList.OPTED_IN else ""}:
        if state:
            unknown = query.store_id is not None and looked_at is None
            if unknown and state != NOT_ASKED:
                return None
            question = question if unknown else _with_state(question, state, looked_at)
    if query.list is CustomerList.MINE:
        if actor.id is None:
            return None
        question = _with_creator(session, question, actor.id)
    if query.created_by_id:
        question = _with_creator(session, question, query.created_by_id)
    if query.attribute_name:
        question = _with_attribute(session, question, query.attribute_name, query.attribute_value)
    return question


def _with(question: Question, check: ColumnElement[bool], needs: Iterable[Need]) -> Question:
    return replace(question, checks=(*question.checks, check), needs=(*question.needs, *needs))


def _with_source(question: Question, check: ColumnElement[bool], needs: Iterable[Need]) -> Question:
    return replace(question, source_checks=(*question.source_checks, check), needs=(*question.needs, *needs))


def _at(places: list[int] | None) -> Select[tuple[int]]:
    """Select the same customer's entries in these stores, or in any."""
    other = tables.entries.alias()
    of_stores = other.c.place != tables.COMPANY if places is None else other.c.place.in_(places)
    return select(other.c.place).where(other.c.doc == entries.doc, of_stores)


def _with_state(question: Question, state: str, places: list[int] | None) -> Question:
    where = [tables.COMPANY] if places is None else places
    markers = [Need.markers(*(search_tokens.of_opt_in(place, state) for place in where or ()))]
    needs = () if state == NOT_ASKED else markers
    if places == [question.place] and question.state in {"", state}:
        return replace(question, state=state, needs=(*question.needs, *needs))
    at = _at(places)
    column = at.selected_columns.place.table.c.opt_in_state
    check = (
        ~at.where(column != NOT_ASKED).exists() if state == NOT_ASKED else at.where(column == state).exists()
    )
    return _with(question, check, needs)


def _with_creator(session: Session, question: Question, associate_id: uuid.UUID) -> Question:
    check = lookup.source(session).c.created_by_id == associate_id
    return _with_source(question, check, [Need.markers(search_tokens.of_creator(associate_id))])


def _with_attribute(session: Session, question: Question, name: str, value: str) -> Question:
    """Keep customers with the value; of several choices, with this one among them."""
    key = folding.fold(value)
    attribute = ExtendedAttribute
    padded = " " + attribute.value_key + " "
    check = (
        select(attribute.name)
        .where(
            attribute.customer_id == lookup.source(session).c.customer_id,
            attribute.name == name,
            lookup.contains(session, padded, f" {key} "),
        )
        .exists()
    )
    needs = [Need.markers(t) for t in search_tokens.of_attribute(name, key)] or [NOBODY]
    if len(key.split()) == 1:
        question = replace(question, needs=(*question.needs, *needs))
        return replace(question, marked_checks=(*question.marked_checks, check))
    # The markers of several words do not tell whether these stand together.
    return _with_source(question, check, needs)


# An attribute's value without a single word, like "-", is nobody's.
NOBODY = Need.markers(search_tokens.token("\x1fnobody"))


def _with_text(
    session: Session, question: Question, wanted: tuple[Term, ...], orders: dict[int, str]
) -> Question:
    haystack = lookup.source(session).c.haystack
    return replace(
        question,
        text_checks=tuple(lookup.contains(session, haystack, term.pattern) for term in wanted),
        needs=(*question.needs, *(Need.pattern(term.pattern) for term in wanted)),
        patterns=tuple(term.pattern for term in wanted),
        words=search_plan.words_of(wanted),
        endings=tuple(term.text for term in wanted if term.is_number),
        first=tuple(orders),
    )


def _found(
    session: Session, actor: Actor, query: CustomerQuery, question: Question, wanted: tuple[Term, ...]
) -> Found:
    offset, count = query.page.offset, query.page.count + 1
    if query.list is CustomerList.RECENT:
        recent = _recent(session, actor)
        question = replace(question, checks=(*question.checks, entries.doc.in_(recent)))
        if not wanted and query.sort is CustomerSort.RELEVANCE:
            among = set(search_plan.ask(session, question, offset=0, count=RECENT).docs)
            docs = [doc for doc in recent if doc in among]
            return Found(docs=docs[offset : offset + count], total=len(docs))
    found = search_plan.ask(session, question, offset=offset, count=count)
    if found.total >= TYPO_BELOW or not any(term.may_hold_typo for term in wanted):
        return found
    exact = found if not offset else search_plan.ask(session, question, offset=0, count=TYPO_BELOW)
    near = _with_typos(session, question, wanted, tuple(exact.docs))
    if near is None:
        return found
    more = search_plan.ask(
        session,
        near,
        offset=max(0, offset - len(exact.docs)),
        count=count - len(exact.docs[offset:]),
    )
    return Found(docs=[*exact.docs[offset:], *more.docs], total=len(exact.docs) + more.total)


def _with_typos(
    session: Session, question: Question, wanted: tuple[Term, ...], exact: tuple[int, ...]
) -> Question | None:
    """Return the question in which each longer word may be another by one letter, or None if no word is."""
    haystack = lookup.source(session).c.haystack
    meant = _meant(session, wanted)
    if not any(meant.values()):
        return None
    ways = [(term.pattern, *(f"  {word} " for word in words)) for term, words in meant.items()]
    of_list = question.needs[: len(question.needs) - len(wanted)]
    corrected = [word for words in meant.values() for word in words]
    return replace(
        question,
        text_checks=tuple(
            or_(*(lookup.contains(session, haystack, p) for p in patterns)) for patterns in ways
        ),
        needs=(*of_list, *(Need.pattern(*patterns) for patterns in ways)),
        patterns=(),
        words=(*question.words, *corrected),
        first=(),
        without=exact,
    )


_MEANT = (
    select(tables.words.c.word)
    .distinct()
    .where(tables.words.c.variant.in_(bindparam("variants", expanding=True)))
)


def _meant(session: Session, wanted: tuple[Term, ...]) -> dict[Term, list[str]]:
    """Return for each term the names that differ from it by one letter."""
    unsure = [term for term in wanted if term.may_hold_typo]
    variants = {variant for term in unsure for variant in searches.variants(term.text)}
    words = sorted(session.scalars(_MEANT, {"variants": sorted(variants)}))
    return {
        term: [word for word in words if searches.is_typo(term.text, word)] if term in unsure else []
        for term in wanted
    }


def _by_order(session: Session, question: Question, text: str) -> dict[int, str]:
    """Return the customers of the list with an order of this number, each with the number."""
    typed = searches.order_term(text)
    if typed is None:
        return {}
    source = lookup.source(session)
    number = Order.order_key == typed
    if searches.order_matches(f"{typed}.", typed):
        number = lookup.begins(Order.order_key, typed)
    query = (
        select(entries.doc, func.min(Order.order_key))
        .select_from(Order)
        .join(source, source.c.customer_id == Order.customer_id)
        .join(tables.entries, entries.doc == source.c.doc)
        .where(number, *search_plan.of_list(session, question))
        .group_by(entries.doc)
        .order_by(func.min(Order.order_key), entries.doc)
        .limit(MAX_ORDERS)
    )
    return {doc: key for doc, key in session.execute(query)}  # noqa: C416 -- rows are no plain tuples


def _recent(session: Session, actor: Actor) -> list[int]:
    if actor.id is None:
        return []
    seen = (
        select(AccessEntry.customer_id, AccessEntry.at)
        .where(AccessEntry.actor_id == actor.id, AccessEntry.action == AccessAction.VIEWED.value)
        .order_by(AccessEntry.at.desc())
        .limit(_LAST_VIEWS)
        .subquery()
    )
    source = lookup.source(session).c
    newest = func.max(seen.c.at)
    query = (
        select(source.doc)
        .join(seen, seen.c.customer_id == source.customer_id)
        .group_by(source.doc)
        .order_by(newest.desc(), source.doc)
        .limit(RECENT)
    )
    return list(session.scalars(query))
