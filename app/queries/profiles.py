"""The customer list of API v0: its own `q`, exact totals, a constant number of statements."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, collate, false, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain import folding, profile_lists, searches
from app.domain.actor import Actor
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.domain.profile_lists import ProfileQuery, ProfileSort, Wanted
from app.errors import NotFound
from app.models import Associate, Customer, CustomerStore, ExtendedAttribute, Store
from app.models import search as tables
from app.queries import customers as customer_queries
from app.queries import scope
from app.queries import search_lookup as lookup
from app.queries.search_lookup import Need

entries = tables.entries.c


@dataclass(frozen=True, kw_only=True)
class OptedIn:
    """A customer who takes part in clienteling in a store."""

    customer: Customer
    link: CustomerStore


def get(session: Session, actor: Actor, customer_id: uuid.UUID) -> Customer:
    """Return the customer with all that API v0 shows, read afresh. Raises NotFound."""
    session.expire_all()
    return customer_queries.get(
        session,
        actor,
        customer_id,
        Customer.addresses,
        Customer.extended_attributes,
        Customer.created_by,
        Customer.store,
    )


def list_page(session: Session, actor: Actor, query: ProfileQuery, *, whole: bool) -> Page[Customer]:
    """Return one page of the customers that the actor may see, and their exact number; none on hold.

    `whole` loads addresses and attributes too. Without a sort the oldest come first, so that a
    client who pages on meets each customer once, whoever is added meanwhile.
    """
    actor.require(Permission.CUSTOMER_VIEW)
    ids, total = (_search if query.text else _walk)(session, actor, query)
    return Page(
        items=_load(session, actor, ids, whole=whole),
        offset=query.page.offset,
        requested=query.page.count,
        total=total,
    )


def _search(session: Session, actor: Actor, query: ProfileQuery) -> tuple[Sequence[uuid.UUID], int]:
    """Return the ids on the page, and how many `q` finds."""
    source = lookup.source(session)
    looked_for = profile_lists.wanted(query.text)
    customer_id = source.c.customer_id
    criteria = [
        customer_id.not_in(scope.on_hold()),
        scope.visible(actor),
        *_filters(query),
        _finds(session, looked_for),
    ]
    found = select(customer_id.label("id")).select_from(source)
    needs = _needs(looked_for)
    if needs:
        index, by_index = lookup.found_by_index(session, needs, lookup.frequencies(session, needs))
        criteria += by_index
        if index is not None:
            found = found.join(index, index.c.rowid == source.c.doc)
    is_by_name = query.sort in _BY_KEYS
    # Of most questions the haystack knows all, and the customers themselves need not be read.
    asks_customer = bool(_filters(query)) or not actor.sees_every_customer or looked_for.email is not None
    if asks_customer or not (is_by_name or query.sort is None):
        found = found.join(Customer, Customer.id == customer_id)
    if is_by_name:
        found = found.join(tables.entries, and_(entries.doc == source.c.doc, entries.place == tables.COMPANY))
    # Search rows are numbered in the order of the ids.
    order: list[ColumnElement[Any]] = [source.c.doc] if query.sort is None else _order(session, query)
    found = _with_names(found, query).where(*criteria)
    if not needs and query.sort is None:
        return _met(session, found.order_by(*order), query.page)
    return _numbered(session, found, order, query.page)


def _met(session: Session, ordered: Select[Any], page: PageRequest) -> tuple[Sequence[uuid.UUID], int]:
    """Return the page of what no index finds: what is frequent is met soon, and counted apart."""
    ids = session.scalars(ordered.offset(page.offset).limit(page.count)).all()
    if ids and len(ids) < page.count:
        return ids, page.offset + len(ids)
    if not ids and not page.offset:
        return [], 0
    counted = ordered.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    return ids, session.scalar(counted) or 0


def _numbered(
    session: Session, found: Select[Any], order: list[ColumnElement[Any]], page: PageRequest
) -> tuple[Sequence[uuid.UUID], int]:
    """Return the page of few hits, found at some cost: numbered and counted in one reading."""
    place = func.row_number().over(order_by=order).label("place")
    hits = found.add_columns(place, func.count().over().label("total")).subquery()
    rows = session.execute(
        select(hits.c.id, hits.c.total).order_by(hits.c.place).offset(page.offset).limit(page.count)
    ).all()
    if rows or not page.offset:
        return [row.id for row in rows], rows[0].total if rows else 0
    return [], session.scalar(select(func.count()).select_from(hits)) or 0


def _walk(session: Session, actor: Actor, query: ProfileQuery) -> tuple[Sequence[uuid.UUID], int]:
    """Return the ids on the page, off an index in the order wanted where there is one, and the number."""
    customer_id: Any = Customer.id.expression
    criteria = _filters(query)
    is_plain = query.sort is None and not query.created_by
    if query.attribute_name and query.attribute_value:
        # The index of attributes holds all that is asked, in the order of the ids.
        customer_id = ExtendedAttribute.customer_id.expression
        criteria[0] = _is_attribute(query.attribute_name, query.attribute_value)
        is_plain = is_plain and actor.sees_every_customer
    elif is_plain and not actor.sees_every_customer:
        return _walk_stores(session, actor, query.page)
    found = select(customer_id)
    if not is_plain:
        if customer_id is not Customer.id.expression:
            found = found.join(Customer, Customer.id == customer_id)
        criteria.append(scope.visible(actor))
    ordered = found
    order = _order(session, query)
    if query.sort is None:
        order = [customer_id]
    elif query.sort in _BY_KEYS:
        source = lookup.source(session)
        ordered = ordered.join(source, source.c.customer_id == Customer.id).join(
            tables.entries, and_(entries.doc == source.c.doc, entries.place == tables.COMPANY)
        )
    is_free = customer_id.not_in(scope.on_hold())
    ordered = _with_names(ordered, query).where(*criteria, is_free).order_by(*order)
    page = query.page
    ids = session.scalars(ordered.offset(page.offset).limit(page.count)).all()
    counted = found.where(*criteria).with_only_columns(func.count(), maintain_column_froms=True)
    is_all = actor.sees_every_customer and not _filters(query)
    number = _number_of_customers() if is_all else counted.scalar_subquery()
    return ids, _less_held(session, number, counted, customer_id)


def _walk_stores(session: Session, actor: Actor, page: PageRequest) -> tuple[Sequence[uuid.UUID], int]:
    """Return the customers of the actor's stores in the order of their ids, and their number."""
    customer_id = CustomerStore.customer_id.expression
    is_theirs = CustomerStore.store_id.in_(actor.store_ids)
    found = select(customer_id).where(is_theirs).order_by(customer_id)
    number: ColumnElement[int] = func.count()
    if len(actor.store_ids) > 1:
        found, number = found.distinct(), func.count(customer_id.distinct())
    free = found.where(customer_id.not_in(scope.on_hold()))
    ids = session.scalars(free.offset(page.offset).limit(page.count)).all()
    counted = select(number).select_from(CustomerStore).where(is_theirs)
    return ids, _less_held(session, counted.scalar_subquery(), counted, customer_id)


def _number_of_customers() -> ColumnElement[int]:
    # PostgreSQL adds whole numbers up to a decimal one.
    return select(cast(func.sum(tables.counts.c.change), BigInteger)).scalar_subquery()


def _less_held(session: Session, number: ColumnElement[int], counted: Select[Any], customer_id: Any) -> int:
    # All, off an index or kept, less the few on hold: quicker than to ask each.
    held = counted.where(customer_id.in_(scope.on_hold())).scalar_subquery()
    return session.scalar(select(number - held)) or 0


def _filters(query: ProfileQuery) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if query.attribute_name and query.attribute_value:
        criteria.append(
            Customer.id.in_(
                select(ExtendedAttribute.customer_id).where(
                    _is_attribute(query.attribute_name, query.attribute_value)
                )
            )
        )
    if query.created_by:
        asked = query.created_by_id
        criteria.append(Customer.created_by_id == asked if asked else false())
    return criteria


def _is_attribute(name: str, value: str) -> ColumnElement[bool]:
    return and_(ExtendedAttribute.name == name, ExtendedAttribute.value_key == folding.fold(value))


def _with_names(found: Select[Any], query: ProfileQuery) -> Select[Any]:
    if query.sort is ProfileSort.STORE_NAME:
        return found.outerjoin(Store, Store.id == Customer.store_id)
    if query.sort is ProfileSort.CREATED_BY_NAME:
        return found.outerjoin(Associate, Associate.id == Customer.created_by_id)
    return found


# Names are sorted by their folded form, which the search keeps.
_BY_KEYS = (ProfileSort.FIRST_NAME, ProfileSort.LAST_NAME)


def _order(session: Session, query: ProfileQuery) -> list[ColumnElement[Any]]:
    def plain(column: Any) -> ColumnElement[Any]:
        # The byte order, whatever the language of the database.
        return column if lookup.on_sqlite(session) else collate(column, "C")

    keys: list[ColumnElement[Any]]
    match query.sort:
        case None:
            keys = []
        case ProfileSort.CREATED_AT:
            keys = [Customer.created_at.expression]
        case ProfileSort.UPDATED_AT:
            keys = [Customer.updated_at.expression]
        case ProfileSort.FIRST_NAME:
            keys = [entries.first_key, entries.last_key]
        case ProfileSort.LAST_NAME:
            # Who has no last name stands under the first, as in the lists of the pages.
            keys = [entries.last_key, entries.first_key]
        case ProfileSort.EMAIL:
            keys = [plain(Customer.email_key)]
        case ProfileSort.STORE_NAME:
            keys = [plain(func.lower(func.coalesce(Store.name, "")))]
        case ProfileSort.CREATED_BY_NAME:
            keys = [
                plain(func.lower(func.coalesce(Associate.last_name, Customer.created_by_client))),
                plain(func.lower(func.coalesce(Associate.first_name, ""))),
            ]
    # Search entries are numbered in the order of the ids, and their indexes end with the number.
    keys.append(entries.doc if query.sort in _BY_KEYS else Customer.id.expression)
    return [key.desc() for key in keys] if query.descending else keys


def _needs(looked_for: Wanted) -> list[Need]:
    """Return what the index must hold of whoever is found; nothing where it cannot help."""
    ways = []
    if looked_for.words:
        ways.append([word for word in looked_for.words if len(word) >= searches.SHORTEST_ANYWHERE])
    if looked_for.endings:
        ways = [[f"{ending} "] for ending in looked_for.endings] + ways
    if not all(ways):
        return []
    return [
        Need(
            tuple(
                tuple(token for pattern in way for token in Need.pattern(pattern).alternatives[0])
                for way in ways
            )
        )
    ]


def _finds(session: Session, looked_for: Wanted) -> ColumnElement[bool]:
    haystack = lookup.source(session).c.haystack
    at = func.instr if lookup.on_sqlite(session) else func.strpos
    after_names = at(haystack, searches.AFTER_NAMES)
    phones = func.substr(haystack, at(haystack, searches.BEFORE_PHONES))
    ways: list[ColumnElement[bool]] = []
    if looked_for.words:
        # The names stand first: where the first place of a word is not among them, none is.
        ways.append(and_(*(at(haystack, word).between(1, after_names) for word in looked_for.words)))
    ways += [lookup.contains(session, phones, f"{ending} ") for ending in looked_for.endings]
    if looked_for.email is not None:
        ways.append(lookup.contains(session, Customer.email_key.expression, looked_for.email))
    return or_(false(), *ways)


def _load(session: Session, actor: Actor, ids: Sequence[uuid.UUID], *, whole: bool) -> list[Customer]:
    options: list[Any] = [joinedload(Customer.created_by), joinedload(Customer.store)]
    if whole:
        options += [selectinload(Customer.addresses), selectinload(Customer.extended_attributes)]
    # The scope is asked once more, so that no error in an index can show another store's customer.
    query = select(Customer).where(Customer.id.in_(ids), scope.visible(actor)).options(*options)
    rows = {customer.id: customer for customer in session.scalars(query)}
    return [rows[customer_id] for customer_id in ids if customer_id in rows]


def opted_in(session: Session, actor: Actor, store_id: uuid.UUID, page: PageRequest) -> Page[OptedIn]:
    """Return the customers whose opt-in to clienteling in the store is accepted, the earliest first.

    None of them is on hold.
    Raises NotFound for a store that is not there or not the actor's.
    """
    actor.require(Permission.OPT_IN_LIST)
    scope.require_store(actor, store_id)
    if session.get(Store, store_id) is None:
        raise NotFound
    kept = (CustomerStore.store_id == store_id, CustomerStore.opt_in_state == searches.OPTED_IN)
    counted = select(func.count()).select_from(CustomerStore).where(*kept)
    held = counted.where(CustomerStore.customer_id.in_(scope.on_hold()))
    total = session.scalar(select(counted.scalar_subquery() - held.scalar_subquery())) or 0
    found = session.execute(
        select(Customer, CustomerStore)
        .join(Customer, Customer.id == CustomerStore.customer_id)
        .where(*kept, CustomerStore.customer_id.not_in(scope.on_hold()))
        .order_by(CustomerStore.opted_in_at, CustomerStore.customer_id)
        .offset(page.offset)
        .limit(page.count)
    )
    return Page(
        items=[OptedIn(customer=customer, link=link) for customer, link in found],
        offset=page.offset,
        requested=page.count,
        total=total,
    )
