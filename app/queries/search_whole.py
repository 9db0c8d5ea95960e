"""Customers whom no list of the actor holds, found by their whole e-mail address, phone number or id."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, bindparam, not_, or_, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import customers, searches, values
from app.domain.actor import Actor
from app.models import Customer, CustomerStore, Store
from app.models.associate import full_name
from app.queries import scope
from app.queries import search_lookup as lookup

MOST = 20

customer = Customer.__table__.c
link = CustomerStore.__table__.c
store = Store.__table__.c


@dataclass(frozen=True, kw_only=True)
class MaskedCustomer:
    """A customer of another store: enough to ask "is this you?", not enough to know them."""

    id: uuid.UUID
    masked_name: str
    store_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HeldCustomer:
    """A customer of the actor's stores who is on hold, and so in no list."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Who was found: customers of other stores, and the actor's own that are on hold."""

    masked: list[MaskedCustomer] = field(default_factory=list)
    on_hold: list[HeldCustomer] = field(default_factory=list)


def find(session: Session, actor: Actor, text: str) -> Whole:
    """Return who has just this e-mail address, phone number or id, and is in none of the actor's lists."""
    keys = _keys(session, text)
    if not keys:
        return Whole()
    by_keys = _by_keys(tuple(keys), scope.bounds(actor), on_sqlite=lookup.on_sqlite(session))
    found = session.execute(by_keys, keys).all()
    masked = [row for row in found if not row.is_visible][:MOST]
    return Whole(
        masked=_cards(session, masked),
        on_hold=[
            HeldCustomer(id=row.id, name=full_name(row.first_name, row.last_name) or row.email)
            for row in found
            if row.is_visible
        ][:MOST],
    )


def _keys(session: Session, text: str) -> dict[str, Any]:
    """Return what the text may be, by the column that would hold it; of phone numbers each way to read it."""
    try:
        typed = values.text(text, max_length=values.MAX_EMAIL)
    except values.BadValue:
        return {}
    keys: dict[str, Any] = {}
    if len(typed) < searches.SHORTEST_PHONE:
        return keys
    if "@" in typed:
        keys["email_key"] = values.email_key(typed)
    if customers.may_be_display_id(typed):
        keys["display_id"] = typed.upper()
    phones = _phones(session, typed)
    if phones:
        keys["phone_e164"] = phones
    return keys


def _phones(session: Session, typed: str) -> list[str]:
    """Return the numbers that somebody may mean, in E.164: as it is dialled in each country with a store.

    People write a number as they do at home, and the customer's home is where the other store is.
    """
    e164 = _e164(typed, None)
    if e164 is not None or typed.startswith("+") or not values.may_be_phone(typed):
        return [e164] if e164 else []
    read = {_e164(typed, region) for region in session.scalars(_COUNTRIES)}
    # With the country's number but without the plus, too.
    return sorted(number for number in {*read, _e164(f"+{typed}", None)} if number)


def _e164(typed: str, region: str | None) -> str | None:
    try:
        return values.phone(typed, region=region)[1]
    except values.BadValue:
        return None


_COUNTRIES = (
    select(store.country_code).distinct().order_by(store.country_code).execution_options(**PLANNED_ONCE)
)


@lru_cache(maxsize=256)
def _by_keys(names: tuple[str, ...], kept_to: scope.Bounds, *, on_sqlite: bool) -> Select[Any]:
    having = {name: customer[name] == bindparam(name, type_=String) for name in names}
    if "phone_e164" in having:
        having["phone_e164"] = lookup.among(customer.phone_e164, "phone_e164", String, on_sqlite=on_sqlite)
    is_visible: ColumnElement[bool] = scope.within(kept_to)
    is_held = customer.id.in_(scope.on_hold())
    return (
        select(
            customer.id,
            customer.first_name,
            customer.last_name,
            customer.email,
            is_visible.label("is_visible"),
        )
        .where(
            or_(*having.values()),
            is_held if kept_to is None else or_(not_(is_visible), is_held),
        )
        .order_by(customer.id)
        .limit(2 * MOST)
        .execution_options(**PLANNED_ONCE)
    )


def _cards(session: Session, masked: Sequence[Row[Any]]) -> list[MaskedCustomer]:
    names: dict[uuid.UUID, list[str]] = {row.id: [] for row in masked}
    if not names:
        return []
    known_at = (
        select(link.customer_id, store.name)
        .join_from(CustomerStore.__table__, Store.__table__, store.id == link.store_id)
        .where(link.customer_id.in_(names))
        .order_by(store.name)
    )
    for customer_id, name in session.execute(known_at):
        names[customer_id].append(name)
    return [
        MaskedCustomer(
            id=row.id,
            masked_name=values.mask_name(row.first_name, row.last_name),
            store_names=tuple(names[row.id]),
        )
        for row in masked
    ]
