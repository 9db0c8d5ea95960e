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
    keys = _keys(session, actor, text)
    if not keys:
        return Whole()
    found = session.execute(_by_keys(tuple(keys), scope.bounds(actor)), keys).all()
    masked = [row for row in found if not row.is_visible][:MOST]
    return Whole(
        masked=_cards(session, masked),
        on_hold=[
            HeldCustomer(id=row.id, name=full_name(row.first_name, row.last_name) or row.email)
            for row in found
            if row.is_visible
        ][:MOST],
    )


def _keys(session: Session, actor: Actor, text: str) -> dict[str, str]:
    """Return what the text may be, by the column that would hold it."""
    try:
        typed = values.text(text, max_length=values.MAX_EMAIL)
    except values.BadValue:
        return {}
    keys: dict[str, str] = {}
    if len(typed) < searches.SHORTEST_PHONE:
        return keys
    if "@" in typed:
        keys["email_key"] = values.email_key(typed)
    if customers.may_be_display_id(typed):
        keys["display_id"] = typed.upper()
    e164 = _e164(session, actor, typed)
    if e164:
        keys["phone_e164"] = e164
    return keys


def _e164(session: Session, actor: Actor, typed: str) -> str | None:
    try:
        _, e164 = values.phone(typed, region=None)
        if e164 is None and not typed.startswith("+"):
            # The way a number is written in the country of the store.
            region = session.scalar(_COUNTRY, {"store_id": actor.store_id})
            _, e164 = values.phone(typed, region=region)
    except values.BadValue:
        return None
    return e164


_COUNTRY = (
    select(store.country_code).where(store.id == bindparam("store_id")).execution_options(**PLANNED_ONCE)
)


@lru_cache(maxsize=256)
def _by_keys(names: tuple[str, ...], kept_to: scope.Bounds) -> Select[Any]:
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
            or_(*(customer[name] == bindparam(name, type_=String) for name in names)),
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
