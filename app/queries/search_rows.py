"""What a row of a list shows, read for a page of customers at once."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session

from app.domain import search_matches, values
from app.domain.actor import Actor
from app.domain.attributes import AttributeType
from app.domain.search_matches import Match
from app.domain.searches import NOT_ASKED, OPTED_IN, Searchable, Term
from app.domain.texts import Text
from app.models import AttributeDefinition, Customer, CustomerStore, ExtendedAttribute, Store
from app.queries import scope
from app.queries import search_lookup as lookup

# Of several stores' states, the one that is shown: the most telling first.
_TELLING = (OPTED_IN, "pending", "reconfirm", "withdrawn", "refused", NOT_ASKED)


@dataclass(frozen=True, kw_only=True)
class CustomerRow:
    """One customer in a list; contact data masked, the opt-in as it stands in the store looked at."""

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
    order_count: int
    chips: tuple[tuple[str, str], ...]
    match: Match | None


@dataclass(frozen=True, kw_only=True)
class MaskedCustomer:
    """A customer of another store: enough to ask "is this you?", not enough to know them."""

    id: uuid.UUID
    masked_name: str
    store_names: tuple[str, ...]


def rows(
    session: Session,
    actor: Actor,
    store_id: uuid.UUID | None,
    docs: Sequence[int],
    *,
    wanted: tuple[Term, ...],
    orders: Mapping[int, str],
) -> list[CustomerRow]:
    """Return the rows of these customers in the given order, with why each was found."""
    source = lookup.source(session).c
    link = CustomerStore
    # The scope is asked once more, so that no error in an index can show another store's customer.
    query = (
        select(
            source.doc,
            Customer.id,
            Customer.display_id,
            Customer.first_name,
            Customer.last_name,
            Customer.email,
            Customer.phone_number,
            Customer.phone_e164,
            Customer.order_count,
            Customer.last_order_at,
        )
        .join(Customer, Customer.id == source.customer_id)
        .where(source.doc.in_(docs), scope.visible(actor))
    )
    if store_id is not None:
        is_here = and_(link.customer_id == Customer.id, link.store_id == store_id)
        query = query.add_columns(link.opt_in_state, link.opted_in_at).outerjoin(link, is_here)
    customers = {row.doc: row for row in session.execute(query)}
    ids = [row.id for row in customers.values()]
    if store_id is None:
        links = _opt_ins(session, actor, ids)
    else:
        links = {row.id: (row.opt_in_state or NOT_ASKED, row.opted_in_at) for row in customers.values()}
    chips = _chips(session, ids)
    return [_row(customers[doc], links, chips, wanted, orders.get(doc)) for doc in docs if doc in customers]


def masked(session: Session, wanted: Select[Any]) -> list[MaskedCustomer]:
    """Return the masked cards of the selected customers."""
    found = session.execute(
        select(Customer.id, Customer.first_name, Customer.last_name, Store.name.label("store"))
        .outerjoin(CustomerStore, CustomerStore.customer_id == Customer.id)
        .outerjoin(Store, Store.id == CustomerStore.store_id)
        .where(Customer.id.in_(wanted.scalar_subquery()))
        .order_by(Customer.id, Store.name)
    )
    cards: dict[uuid.UUID, MaskedCustomer] = {}
    for row in found:
        names = cards[row.id].store_names if row.id in cards else ()
        cards[row.id] = MaskedCustomer(
            id=row.id,
            masked_name=values.mask_name(row.first_name, row.last_name),
            store_names=(*names, row.store) if row.store else names,
        )
    return list(cards.values())


def _opt_ins(
    session: Session, actor: Actor, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[str, datetime | None]]:
    """Return the most telling state of the actor's stores for each customer that they know."""
    link = CustomerStore
    query = select(link.customer_id, link.opt_in_state, link.opted_in_at).where(link.customer_id.in_(ids))
    if not actor.has_every_store:
        query = query.where(link.store_id.in_(actor.store_ids))
    shown: dict[uuid.UUID, tuple[str, datetime | None]] = {}
    for customer_id, state, at in session.execute(query):
        other, other_at = shown.get(customer_id, (NOT_ASKED, None))
        shown[customer_id] = (
            min(state, other, key=_TELLING.index),
            max((time for time in (at, other_at) if time), default=None),
        )
    return shown


def _chips(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, str]]]:
    chips: dict[uuid.UUID, list[tuple[str, str]]] = {}
    definition, attribute = AttributeDefinition, ExtendedAttribute
    for customer_id, label, kind, value in session.execute(
        select(attribute.customer_id, definition.label, definition.type, attribute.value)
        .join(definition, definition.key == attribute.name)
        .where(
            attribute.customer_id.in_(ids),
            definition.is_in_list,
            definition.is_active,
            ~definition.is_sensitive,
        )
        .order_by(definition.position, definition.label)
    ):
        shown = Text.of(value) if kind == AttributeType.YES_NO else value
        chips.setdefault(customer_id, []).append((label, shown))
    return chips


def _row(
    customer: Row[Any],
    links: Mapping[uuid.UUID, tuple[str, datetime | None]],
    chips: Mapping[uuid.UUID, list[tuple[str, str]]],
    wanted: tuple[Term, ...],
    order: str | None,
) -> CustomerRow:
    state, opted_in_at = links.get(customer.id, (NOT_ASKED, None))
    person = Searchable(
        first_name=customer.first_name,
        last_name=customer.last_name,
        email=customer.email,
        phone_number=customer.phone_number,
        phone_e164=customer.phone_e164,
        display_id=customer.display_id,
        order_keys=(order,) if order else (),
    )
    return CustomerRow(
        id=customer.id,
        display_id=customer.display_id,
        first_name=customer.first_name,
        last_name=customer.last_name,
        name=f"{customer.first_name} {customer.last_name}".strip() or customer.email,
        email_masked=values.mask_email(customer.email),
        phone_masked=values.mask_phone(customer.phone_number),
        consent_state=state,
        opted_in_at=opted_in_at,
        last_order_at=customer.last_order_at,
        order_count=customer.order_count,
        chips=tuple(chips.get(customer.id, ())),
        match=search_matches.why(person, wanted),
    )
