"""What a row of a list shows, read for a page of customers at once."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, Uuid, and_, bindparam, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import search_matches, values
from app.domain.actor import Actor
from app.domain.attributes import AttributeType
from app.domain.consents import MOST_TELLING
from app.domain.search_matches import Match
from app.domain.searches import NOT_ASKED, Searchable, Term
from app.domain.texts import Text
from app.models import AttributeDefinition, Customer, CustomerStore, ExtendedAttribute
from app.models import search as tables
from app.queries import scope
from app.queries import search_lookup as lookup

_YES_NO = AttributeType.YES_NO


class CustomerRow(NamedTuple):
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


class _Read(NamedTuple):
    """A row as `_rows_by` asks for it: SQLAlchemy's own takes ten times as long to find a name."""

    doc: int
    id: uuid.UUID
    display_id: str
    first_name: str
    last_name: str
    email: str
    phone_number: str
    phone_e164: str | None
    order_count: int
    last_order_at: datetime | None
    chip_label: str | None
    chip_type: str
    chip_position: int
    chip_value: str
    opt_in_state: str | None = None
    opted_in_at: datetime | None = None


customer = Customer.__table__.c
link = CustomerStore.__table__.c
attribute = ExtendedAttribute.__table__.c
definition = AttributeDefinition.__table__.c


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
    if not docs:
        return []
    query = _rows_by(lookup.on_sqlite(session), scope.bounds(actor), store_id is not None)
    # A row for each attribute that is shown.
    found: dict[int, list[_Read]] = {}
    asked = {"docs": list(docs), "store_id": store_id}
    # As rows of tables: the session would look at each for objects.
    for values_of_row in session.connection().execute(query, asked).all():
        row = _Read(*values_of_row)
        found.setdefault(row.doc, []).append(row)
    if store_id is None:
        states = _opt_ins(session, actor, [several[0].id for several in found.values()])
        links = {doc: states.get(row.id, (NOT_ASKED, None)) for doc, (row, *_) in found.items()}
    else:
        links = {doc: (row.opt_in_state or NOT_ASKED, row.opted_in_at) for doc, (row, *_) in found.items()}
    return [
        _row(found[doc][0], links[doc], _chips(found[doc]), wanted, orders.get(doc))
        for doc in docs
        if doc in found
    ]


@lru_cache(maxsize=256)
def _rows_by(on_sqlite: bool, kept_to: scope.Bounds, by_store: bool) -> Select[Any]:
    source = tables.documents if on_sqlite else tables.postgresql_documents
    # The scope is asked once more, so that no error in an index can show another store's customer.
    found = (
        select(
            source.c.doc,
            customer.id,
            customer.display_id,
            customer.first_name,
            customer.last_name,
            customer.email,
            customer.phone_number,
            customer.phone_e164,
            customer.order_count,
            customer.last_order_at,
            definition.label.label("chip_label"),
            definition.type.label("chip_type"),
            definition.position.label("chip_position"),
            attribute.value.label("chip_value"),
        )
        .select_from(source)
        .join(Customer.__table__, customer.id == source.c.customer_id)
        .where(lookup.among(source.c.doc, "docs", Integer, on_sqlite=on_sqlite), scope.within(kept_to))
    )
    if by_store:
        is_here = and_(link.customer_id == customer.id, link.store_id == bindparam("store_id", type_=Uuid))
        found = found.add_columns(link.opt_in_state, link.opted_in_at)
        # Never a plain join, even where the store is the whole scope: SQLite would read the store first.
        found = found.outerjoin(CustomerStore.__table__, is_here)
    shown = select(definition.key).where(
        definition.is_in_list, definition.is_active, ~definition.is_sensitive
    )
    is_shown = and_(attribute.customer_id == customer.id, attribute.name.in_(shown))
    found = found.outerjoin(ExtendedAttribute.__table__, is_shown)
    found = found.outerjoin(AttributeDefinition.__table__, definition.key == attribute.name)
    return found.execution_options(**PLANNED_ONCE)


def _chips(several: Sequence[_Read]) -> tuple[tuple[str, str], ...]:
    if several[0].chip_label is None:
        return ()
    chips = sorted(
        [(row.chip_position, row.chip_label or "", row.chip_type, row.chip_value) for row in several]
    )
    return tuple([(label, Text.of(value) if kind == _YES_NO else value) for _, label, kind, value in chips])


def _opt_ins(
    session: Session, actor: Actor, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[str, datetime | None]]:
    """Return the most telling state of the actor's stores for each customer that they know."""
    query = select(link.customer_id, link.opt_in_state, link.opted_in_at).where(link.customer_id.in_(ids))
    if not actor.has_every_store:
        query = query.where(link.store_id.in_(actor.store_ids))
    shown: dict[uuid.UUID, tuple[str, datetime | None]] = {}
    for customer_id, state, at in session.execute(query):
        other, other_at = shown.get(customer_id, (NOT_ASKED, None))
        shown[customer_id] = (
            min(state, other, key=MOST_TELLING.index),
            max((time for time in (at, other_at) if time), default=None),
        )
    return shown


def _row(
    customer: _Read,
    opt_in: tuple[str, datetime | None],
    chips: tuple[tuple[str, str], ...],
    wanted: tuple[Term, ...],
    order: str | None,
) -> CustomerRow:
    state, opted_in_at = opt_in
    person = Searchable.of(customer, *([order] if order else [])) if wanted else None
    match = search_matches.why(person, wanted) if person else None
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
        chips=chips,
        match=match,
    )
