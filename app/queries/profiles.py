"""The customer list of API v0: its own `q`, exact totals, a constant number of statements."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, collate, false, func, or_, select
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
    found, is_narrow = _matching(session, actor, query)
    page = query.page
    if is_narrow:
        # Few rows, found at great cost: numbered and counted in one reading.
        hits = found.add_columns(func.count().over().label("total")).subquery()
        rows = session.execute(
            select(hits.c.id, hits.c.total).order_by(hits.c.place).offset(page.offset).limit(page.count)
        ).all()
        ids = [row.id for row in rows]
        total = rows[0].total if rows else session.scalar(select(func.count()).select_from(hits)) or 0
    else:
        ids = list(session.scalars(found.offset(page.offset).limit(page.count)))
        counted = select(func.count()).select_from(Customer).where(scope.visible(actor))
        # All, from the smallest index, less the few on hold: quicker than to ask each.
        held = counted.where(Customer.id.in_(scope.on_hold()))
        total = session.scalar(select(counted.scalar_subquery() - held.scalar_subquery())) or 0
    return Page(
        items=_load(session, actor, ids, whole=whole),
        offset=page.offset,
        requested=page.count,
        total=total,
    )


def _matching(session: Session, actor: Actor, query: ProfileQuery) -> tuple[Select[Any], bool]:
    """Return the ids wanted, in order, and whether a filter leaves few."""
    criteria: list[ColumnElement[bool]] = [scope.visible(actor)]
    source = lookup.source(session)
    joins_source = query.sort in _BY_KEYS
    index = None
    if query.text:
        joins_source = True
        looked_for = profile_lists.wanted(query.text)
        needs = _needs(looked_for)
        if needs:
            index, by_index = lookup.found_by_index(session, needs, lookup.frequencies(session, needs))
            criteria += by_index
        criteria.append(_finds(session, looked_for))
    if query.created_by:
        asked = query.created_by_id
        criteria.append(Customer.created_by_id == asked if asked else false())
    if query.attribute_name and query.attribute_value:
        criteria.append(_has_attribute(query.attribute_name, query.attribute_value))
    is_narrow = len(criteria) > 1
    criteria.append(Customer.id.not_in(scope.on_hold()))
    order = _order(session, query)
    columns: list[Any] = [Customer.id]
    if is_narrow:
        columns.append(func.row_number().over(order_by=order).label("place"))
    found = select(*columns).select_from(source if joins_source else Customer)
    if joins_source:
        found = found.join(Customer, Customer.id == source.c.customer_id)
    if index is not None:
        found = found.join(index, index.c.rowid == source.c.doc)
    if query.sort in _BY_KEYS:
        found = found.join(tables.entries, and_(entries.doc == source.c.doc, entries.place == tables.COMPANY))
    elif query.sort is ProfileSort.STORE_NAME:
        found = found.outerjoin(Store, Store.id == Customer.store_id)
    elif query.sort is ProfileSort.CREATED_BY_NAME:
        found = found.outerjoin(Associate, Associate.id == Customer.created_by_id)
    found = found.where(*criteria)
    return (found if is_narrow else found.order_by(*order)), is_narrow


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
            keys = [entries.first_key]
        case ProfileSort.LAST_NAME:
            # The search files who has no last name under the first; here they come first.
            keys = [case((Customer.last_name == "", ""), else_=entries.last_key)]
        case ProfileSort.EMAIL:
            keys = [plain(Customer.email_key)]
        case ProfileSort.STORE_NAME:
            keys = [plain(func.lower(func.coalesce(Store.name, "")))]
        case ProfileSort.CREATED_BY_NAME:
            keys = [
                plain(func.lower(func.coalesce(Associate.last_name, ""))),
                plain(func.lower(func.coalesce(Associate.first_name, ""))),
            ]
    keys.append(Customer.id.expression)
    return [key.desc() for key in keys] if query.descending else keys


def _needs(looked_for: Wanted) -> list[Need]:
    """Return what the index must hold of whoever is found; nothing where it cannot help."""
    ways = [[word for word in looked_for.words if len(word) >= searches.SHORTEST_ANYWHERE]]
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


def _has_attribute(name: str, value: str) -> ColumnElement[bool]:
    attribute = ExtendedAttribute
    return Customer.id.in_(
        select(attribute.customer_id).where(
            attribute.name == name, attribute.value_key == folding.fold(value)
        )
    )


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
