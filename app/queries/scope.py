"""What an actor may see: the only place that knows."""

import uuid

from sqlalchemy import ColumnElement, select, true

from app.domain.actor import Actor
from app.errors import NotFound
from app.models import Customer, CustomerStore


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return the criterion on Customer that keeps what the actor may see."""
    if actor.sees_every_customer:
        return true()
    return (
        select(CustomerStore.customer_id)
        .where(CustomerStore.customer_id == Customer.id, CustomerStore.store_id.in_(actor.store_ids))
        .correlate(Customer)
        .exists()
    )


def require_store(actor: Actor, store_id: uuid.UUID | None) -> None:
    """Raise NotFound unless the actor may act for the store."""
    if not actor.works_in(store_id):
        raise NotFound
