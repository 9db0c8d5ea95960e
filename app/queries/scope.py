"""What an actor may see: the only place that knows."""

import uuid
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, false, select, true

from app.domain.actor import Actor
from app.domain.data_requests import ON_HOLD
from app.domain.permissions import EVERY_LOG, Permission, Role
from app.errors import NotFound
from app.models import AccessEntry, AuditEntry, Customer, CustomerStore, DataRequest


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps what the actor may see."""
    return true() if actor.sees_every_customer else known_in(actor.store_ids)


@lru_cache(maxsize=256)
def known_in(store_ids: frozenset[uuid.UUID]) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps the customers of these stores."""
    return (
        select(CustomerStore.customer_id)
        .where(CustomerStore.customer_id == Customer.id, CustomerStore.store_id.in_(store_ids))
        .correlate(Customer)
        .exists()
    )


def on_hold() -> Select[uuid.UUID]:
    """Select the customers whose data is kept and not used now: no list shows them, no export holds them.

    They are few. Their record still opens by its address, and an exact search finds it.
    """
    return select(DataRequest.customer_id).where(DataRequest.state.in_([state.value for state in ON_HOLD]))


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
