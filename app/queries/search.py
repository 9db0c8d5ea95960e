"""Lists of customers and the search in them; the same rows in the same order on both databases."""

import uuid
from dataclasses import replace

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.domain import folding, search_tokens, searches
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.paging import Page
from app.domain.searches import NOT_ASKED, CustomerList, CustomerQuery, CustomerSort, Term
from app.domain.texts import N_
from app.errors import Invalid
from app.models import AccessEntry, AttributeDefinition
from app.models import search as tables
from app.queries import scope, search_plan, search_rows, search_statements
from app.queries import search_lookup as lookup
from app.queries.search_lookup import Need
from app.queries.search_plan import MAX_TOTAL, Found
from app.queries.search_questions import Filter, Question
from app.queries.search_rows import CustomerRow
from app.queries.search_statements import Shape

RECENT = 50
# How many of an actor's last views are read for the recent list.
_LAST_VIEWS = 500
# With fewer exact hits than this, those with one wrong letter are added after them.
TYPO_BELOW = 5
MAX_ORDERS = 50


def list_page(session: Session, actor: Actor, query: CustomerQuery) -> Page[CustomerRow]:
    """Return one page of a list, with what each row shows.

    Nothing outside the actor's stores is ever in it. Raises NotFound for a store that is not theirs,
    and Invalid for a filter by a sensitive attribute: who is in the list would tell what is hidden.
    """
    if query.store_id is not None:
        scope.require_store(actor, query.store_id)
    if query.attribute_name and session.scalar(_IS_SENSITIVE, {"name": query.attribute_name}):
        raise Invalid({"attribute_name": [_NO_FILTER]})
    wanted = searches.terms(query.text)
    found = Found(docs=[], total=0)
    orders: dict[int, str] = {}
    question = _question(session, actor, query)
    if question is not None and (wanted or not query.text):
        if wanted:
            orders = _by_order(session, question, query.text)
            question = _with_text(question, wanted, orders)
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


# Retired definitions count too: their values are still there.
_IS_SENSITIVE = select(AttributeDefinition.is_sensitive).where(AttributeDefinition.key == bindparam("name"))
_NO_FILTER = N_(
    "This attribute is sensitive, so no list can be filtered by it. Choose another, or open a customer and "
    "reveal it there."
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
        if len(of_list) == 1:
            # The only store is the place to walk, so the list alone needs no look-up.
            question = replace(question, place=of_list[0])
        else:
            at_stores = Need.markers(*map(search_tokens.of_store, of_list))
            question = question.kept_to(Filter.at_stores(of_list), at_stores)
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
        question = _with_creator(question, actor.id)
    if query.created_by_id:
        question = _with_creator(question, query.created_by_id)
    if query.attribute_name:
        question = _with_attribute(question, query.attribute_name, query.attribute_value)
    return question


def _with_state(question: Question, state: str, places: list[int] | None) -> Question:
    where = [tables.COMPANY] if places is None else places
    markers = Need.markers(*(search_tokens.of_opt_in(place, state) for place in where or ()))
    needs = () if state == NOT_ASKED else (markers,)
    if places == [question.place] and question.state in {"", state}:
        return replace(question, state=state, needs=(*question.needs, *needs))
    return question.kept_to(Filter.in_state(state, places, never_asked=state == NOT_ASKED), *needs)


def _with_creator(question: Question, associate_id: uuid.UUID) -> Question:
    return question.kept_to(
        Filter.created_by(associate_id), Need.markers(search_tokens.of_creator(associate_id))
    )


def _with_attribute(question: Question, name: str, value: str) -> Question:
    key = folding.fold(value)
    needs = [Need.markers(t) for t in search_tokens.of_attribute(name, key)] or [NOBODY]
    return question.kept_to(Filter.value(name, key), *needs)


# An attribute's value without a single word, like "-", is nobody's.
NOBODY = Need.markers(search_tokens.token("\x1fnobody"))


def _with_text(question: Question, wanted: tuple[Term, ...], orders: dict[int, str]) -> Question:
    return replace(
        question,
        terms=tuple((term.pattern,) for term in wanted),
        needs=(*question.needs, *(Need.pattern(term.pattern) for term in wanted)),
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
        question = question.kept_to(Filter.among(recent))
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
    meant = _meant(session, wanted)
    if not any(meant.values()):
        return None
    ways = [(term.pattern, *(f"  {word} " for word in words)) for term, words in meant.items()]
    of_list = question.needs[: len(question.needs) - len(wanted)]
    corrected = [word for words in meant.values() for word in words]
    return replace(
        question,
        terms=tuple(ways),
        needs=(*of_list, *(Need.pattern(*patterns) for patterns in ways)),
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
    shape = Shape.of(question, on_sqlite=lookup.on_sqlite(session))
    by_order = search_statements.by_order(shape, begins=searches.order_matches(f"{typed}.", typed))
    rows = session.execute(by_order, question.values() | {"typed": typed, "most": MAX_ORDERS})
    return {doc: key for doc, key in rows}  # noqa: C416 -- rows are no plain tuples


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
