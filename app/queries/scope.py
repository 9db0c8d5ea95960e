"""What an actor may see: the only place that knows."""

import uuid
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    false,
    literal_column,
    select,
    true,
)

from app.domain.actor import Actor
from app.domain.data_requests import ON_HOLD
from app.domain.permissions import EVERY_LOG, Permission, Role
from app.errors import NotFound
from app.models import AccessEntry, AuditEntry, Customer, CustomerStore, DataRequest

# The stores to whose customers an actor is kept; None for an actor who sees every customer.
Bounds = frozenset[uuid.UUID] | None


def bounds(actor: Actor) -> Bounds:
    """Return what the actor is kept to, by which a statement can be built once."""
    return None if actor.sees_every_customer else actor.store_ids


def within(kept_to: Bounds) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps what is within the bounds."""
    return true() if kept_to is None else known_in(kept_to)


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps what the actor may see."""
    return within(bounds(actor))


@lru_cache(maxsize=256)
def known_in(store_ids: frozenset[uuid.UUID]) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps the customers of these stores."""
    return (
        select(CustomerStore.customer_id)
        .where(CustomerStore.customer_id == Customer.id, among(CustomerStore.store_id, store_ids))
        .correlate(Customer)
        .exists()
    )


def among(store_id: SQLColumnExpression[Any], store_ids: frozenset[uuid.UUID]) -> ColumnElement[bool]:
    """Return the criterion that a store is one of these.

    Most people work in one, which is compared: a list is written out anew with each question.
    """
    if len(store_ids) == 1:
        (only,) = store_ids
        return store_id == only
    return store_id.in_(store_ids)


def in_states(state: SQLColumnExpression[Any], states: Iterable[StrEnum]) -> ColumnElement[bool]:
    """Return the criterion that a state is one of these, which are written into the statement."""
    return state.in_([literal_column(f"'{one.value}'", String) for one in sorted(states)])


@cache
def on_hold() -> Select[uuid.UUID]:
    """Select the customers whose data is kept and not used now: no list shows them, no export holds them.

    They are few. Their record still opens by its address, and an exact search finds it.
    """
    requests = DataRequest.__table__.c
    return select(requests.customer_id).where(in_states(requests.state, ON_HOLD))


def require_store(actor: Actor, store_id: uuid.UUID | None) -> None:
    """Raise NotFound unless the actor may act for the store."""
    if not actor.works_in(store_id):
        raise NotFound


def visible_entries(actor: Actor, log: type[AuditEntry] | type[AccessEntry]) -> ColumnElement[bool]:
    """Return the criterion on a log that keeps what the actor may read.

    Administrators and auditors read everything, managers what was done in their stores, everybody
    else their own acts. Raises Forbidden.
    """
    actor.require(Permission.AUDIT_VIEW)
    if actor.role in EVERY_LOG:
        return true()
    if actor.role is Role.MANAGER:
        return log.store_id.in_(actor.store_ids)
    return log.actor_id == actor.id if actor.id else false()
