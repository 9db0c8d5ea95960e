"""Lists of customers and the search in them; the same rows in the same order on both databases."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from app.domain import folding, searches, values
from app.domain.actor import Actor
from app.domain.paging import Page
from app.domain.searches import CustomerList, CustomerQuery, CustomerSort
from app.errors import NotFound
from app.models import (
    AccessEntry,
    AttributeDefinition,
    Customer,
    CustomerSearch,
    CustomerStore,
    ExtendedAttribute,
    Order,
    Store,
)
from app.models.search import COMPANY
from app.queries import scope

# Up to here a total is exact; beyond, the page says "1,000+".
MAX_TOTAL = 1000
RECENT = 50
MAX_CANDIDATES = 3000


@dataclass(frozen=True, kw_only=True)
class Match:
    """Why a customer was found, when the row does not show it."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CustomerRow:
    """One customer in a list; contact data masked."""

    id: uuid.UUID
    display_id: str
    first_name: str
    last_name: str
    name: str
    email_masked: str
    phone_masked: str
    consent_state: str
    opted_in_at: datetime | None
    last_order_at: datetime | None
    chips: tuple[tuple[str, str], ...]
    match: Match | None


@dataclass(frozen=True, kw_only=True)
class MaskedCustomer:
    """A customer of another store: enough to ask "is this you?", not enough to know them."""

    id: uuid.UUID
    masked_name: str
    store_names: tuple[str, ...]


def list_page(session: Session, actor: Actor, query: CustomerQuery) -> Page[CustomerRow]:
    """Return one page of a list, with what each row shows.

    Nothing outside the actor's stores is ever in it. Raises NotFound for a store that is not theirs.
    """
    terms = searches.terms(query.text)
    scoped = _scoped(session, actor, query)
    criteria = [*scoped, *_filters(query), *(_contains(term) for term in terms)]
    matching = _where(criteria, query.text, terms, scoped)
    total = session.scalar(select(func.count()).select_from(matching.limit(MAX_TOTAL + 1).subquery()))
    if not total and terms:
        near = _near(session, [*scoped, *_filters(query)], terms)
        if near:
            matching = select(CustomerSearch.customer_id).where(*scoped, CustomerSearch.customer_id.in_(near))
            total = len(near)
    return _page(session, query, terms, matching, total or 0)


def find_masked(session: Session, actor: Actor, text: str) -> list[MaskedCustomer]:
    """Return customers of other stores whose whole e-mail, phone number or display id was typed."""
    typed = text.strip()
    if actor.sees_every_customer or not 4 <= len(typed) <= values.MAX_EMAIL:
        return []
    keys: list[ColumnElement[bool]] = [
        Customer.email_key == values.email_key(typed),
        Customer.display_id == typed.upper(),
    ]
    region = session.scalar(select(Store.country_code).where(Store.id == actor.store_id))
    try:
        _, e164 = values.phone(typed, region=region)
    except values.BadValue:
        e164 = None
    if e164:
        keys.append(Customer.phone_e164 == e164)
    own = scope.visible(actor)
    found = session.execute(
        select(Customer.id, Customer.first_name, Customer.last_name, Store.name)
        .outerjoin(CustomerStore, CustomerStore.customer_id == Customer.id)
        .outerjoin(Store, Store.id == CustomerStore.store_id)
        .where(or_(*keys), ~own)
        .order_by(Customer.id, Store.name)
        .limit(20)
    ).all()
    cards: dict[uuid.UUID, MaskedCustomer] = {}
    for customer_id, first, last, store in found:
        known = cards[customer_id].store_names if customer_id in cards else ()
        cards[customer_id] = MaskedCustomer(
            id=customer_id,
            masked_name=values.mask_name(first, last),
            store_names=(*known, store) if store else known,
        )
    return list(cards.values())


def _scoped(session: Session, actor: Actor, query: CustomerQuery) -> list[ColumnElement[bool]]:
    entry = CustomerSearch
    if query.list is CustomerList.ALL:
        if not actor.sees_every_customer:
            raise NotFound
        return [entry.store_id == COMPANY]
    if not actor.works_in(query.store_id) or query.store_id is None:
        raise NotFound
    criteria: list[ColumnElement[bool]] = [entry.store_id == query.store_id]
    if query.list is CustomerList.OPTED_IN:
        criteria.append(entry.opt_in_state == "accepted")
    elif query.list is CustomerList.MINE:
        criteria.append(entry.created_by_id == actor.id)
    elif query.list is CustomerList.RECENT:
        criteria.append(entry.customer_id.in_(_recent(session, actor)))
    return criteria


def _recent(session: Session, actor: Actor) -> list[uuid.UUID]:
    seen = session.scalars(
        select(AccessEntry.customer_id)
        .where(AccessEntry.actor_id == actor.id)
        .order_by(AccessEntry.at.desc())
        .limit(RECENT * 6)
    )
    return list(dict.fromkeys(seen))[:RECENT]


def _filters(query: CustomerQuery) -> list[ColumnElement[bool]]:
    entry = CustomerSearch
    criteria: list[ColumnElement[bool]] = []
    if query.created_by_id:
        criteria.append(entry.created_by_id == query.created_by_id)
    if query.opt_in_state:
        criteria.append(entry.opt_in_state == query.opt_in_state)
    if query.attribute_name:
        key = folding.fold(query.attribute_value)
        criteria.append(
            select(ExtendedAttribute.customer_id)
            .where(
                ExtendedAttribute.customer_id == entry.customer_id,
                ExtendedAttribute.name == query.attribute_name,
                # One of several choices counts as well.
                or_(
                    ExtendedAttribute.value_key == key,
                    (" " + ExtendedAttribute.value_key + " ").contains(f" {key} ", autoescape=True),
                ),
            )
            .exists()
        )
    return criteria


def _contains(term: str) -> ColumnElement[bool]:
    return CustomerSearch.hay.contains(term, autoescape=True)


def _where(
    criteria: Sequence[ColumnElement[bool]],
    text: str,
    terms: Sequence[str],
    scoped: Sequence[ColumnElement[bool]],
) -> Select[Any]:
    matching = select(CustomerSearch.customer_id)
    order_key = folding.fold(text)
    if not terms or len(order_key) < 4:
        return matching.where(*criteria)
    ordered = select(Order.customer_id).where(Order.order_key == order_key)
    return matching.where(or_(and_(*criteria), and_(*scoped, CustomerSearch.customer_id.in_(ordered))))


def _near(session: Session, criteria: Sequence[ColumnElement[bool]], terms: Sequence[str]) -> list[uuid.UUID]:
    """Return customers who would match if one letter of each long word were typed otherwise."""
    halves = [
        or_(_contains(term[: len(term) // 2]), _contains(term[-(len(term) // 2) :]))
        if len(term) >= 5
        else _contains(term)
        for term in terms
    ]
    candidates = session.execute(
        select(CustomerSearch.customer_id, CustomerSearch.hay)
        .where(*criteria, *halves)
        .order_by(CustomerSearch.last_n, CustomerSearch.first_n, CustomerSearch.customer_id)
        .limit(MAX_CANDIDATES)
    ).all()
    return [
        customer_id
        for customer_id, hay in candidates
        if all(term in hay or any(searches.is_near(term, word) for word in hay.split()) for term in terms)
    ][:100]


def _page(
    session: Session, query: CustomerQuery, terms: Sequence[str], matching: Select[Any], total: int
) -> Page[CustomerRow]:
    entry = CustomerSearch
    rows = session.execute(
        matching.add_columns(entry.opt_in_state, entry.opted_in_at)
        .order_by(*_order(query, terms))
        .offset(query.page.offset)
        .limit(query.page.count)
    ).all()
    ids = [row.customer_id for row in rows]
    customers = {found.id: found for found in session.scalars(select(Customer).where(Customer.id.in_(ids)))}
    chips: dict[uuid.UUID, list[tuple[str, str]]] = {}
    for customer_id, label, value in session.execute(
        select(ExtendedAttribute.customer_id, AttributeDefinition.label, ExtendedAttribute.value)
        .join(AttributeDefinition, AttributeDefinition.key == ExtendedAttribute.name)
        .where(
            ExtendedAttribute.customer_id.in_(ids),
            AttributeDefinition.is_in_list,
            AttributeDefinition.is_active,
            ~AttributeDefinition.is_sensitive,
        )
        .order_by(AttributeDefinition.position, AttributeDefinition.label)
    ):
        chips.setdefault(customer_id, []).append((label, value))
    return Page(
        items=[
            _row(customers[row.customer_id], row, tuple(chips.get(row.customer_id, ())), terms)
            for row in rows
            if row.customer_id in customers
        ],
        offset=query.page.offset,
        requested=query.page.count,
        total=min(total, MAX_TOTAL),
        total_capped=total > MAX_TOTAL,
    )


def _order(query: CustomerQuery, terms: Sequence[str]) -> list[ColumnElement[Any]]:
    entry = CustomerSearch
    by_name: list[ColumnElement[Any]] = [entry.last_n.asc(), entry.first_n.asc(), entry.customer_id.asc()]
    match query.sort:
        case CustomerSort.LAST_ORDER:
            return [entry.last_order_at.is_(None), entry.last_order_at.desc(), *by_name]
        case CustomerSort.OPTED_IN:
            return [entry.opted_in_at.is_(None), entry.opted_in_at.desc(), *by_name]
        case CustomerSort.CREATED:
            return [entry.created_at.desc(), *by_name]
        case CustomerSort.RELEVANCE if terms:
            first = terms[0]
            rank = case(
                (entry.last_n.in_(terms), 0),
                (entry.first_n.in_(terms), 1),
                (entry.last_n.startswith(first, autoescape=True), 2),
                (entry.first_n.startswith(first, autoescape=True), 3),
                else_=4,
            )
            return [rank, *by_name]
        case _:
            return by_name


def _row(
    customer: Customer, entry: Any, chips: tuple[tuple[str, str], ...], terms: Sequence[str]
) -> CustomerRow:
    return CustomerRow(
        id=customer.id,
        display_id=customer.display_id,
        first_name=customer.first_name,
        last_name=customer.last_name,
        name=customer.name,
        email_masked=values.mask_email(customer.email),
        phone_masked=values.mask_phone(customer.phone_number),
        consent_state=entry.opt_in_state or "not_asked",
        opted_in_at=entry.opted_in_at,
        last_order_at=customer.last_order_at,
        chips=chips,
        match=_why(customer, terms),
    )


def _why(customer: Customer, terms: Sequence[str]) -> Match | None:
    shown = folding.fold(f"{customer.first_name} {customer.last_name} {customer.display_id}")
    hidden = [term for term in terms if term not in shown]
    if not hidden:
        return None
    email, term = folding.fold(customer.email), hidden[0]
    if term in email:
        # Only what was typed is shown: the rest of the address stays masked.
        return Match(label="E-mail", text=f"…{term}…")
    if term.isdigit() and term in folding.digits(customer.phone_number) + " " + (customer.phone_e164 or ""):
        return Match(label="Phone", text=f"…{term[-4:]}")
    if any(character.isdigit() for character in term):
        return Match(label="Order", text=" ".join(terms))
    return Match(label="Similar", text=customer.name)
