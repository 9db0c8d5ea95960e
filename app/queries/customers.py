"""Customers, one by one."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from app.domain.actor import Actor
from app.errors import NotFound
from app.models import Customer
from app.queries import scope


def get(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *parts: InstrumentedAttribute[object],
    for_update: bool = False,
) -> Customer:
    """Return the customer with the named relationships loaded.

    `for_update` reads fresh values and locks the row until the transaction ends.
    Raises NotFound when there is none or the actor may not see it.
    """
    query = (
        select(Customer)
        .where(Customer.id == customer_id, scope.visible(actor))
        .options(*(selectinload(part) for part in parts))
    )
    if for_update:
        query = query.with_for_update(of=Customer).execution_options(populate_existing=True)
    customer = session.scalars(query).one_or_none()
    if customer is None:
        raise NotFound
    return customer
