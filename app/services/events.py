"""Outgoing events: written in the act that they tell of, one delivery for each address that wants it."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app import db
from app.domain import clock
from app.domain.actor import Actor
from app.domain.events import DeliveryState, EventKind, NewEvent
from app.models import Delivery, Event, Webhook
from app.models.base import new_id
from app.services.rows import insert_rows


def add(
    session: Session,
    actor: Actor,
    kind: EventKind,
    customer_id: uuid.UUID,
    *,
    revision: int,
    store_id: uuid.UUID | None = None,
    changed: Sequence[str] = (),
    **details: str,
) -> None:
    """Add an event to the running transaction; it is told exactly when the act is saved.

    `changed` are names of fields; no value of theirs goes out.
    """
    given = NewEvent(
        kind=kind,
        customer_id=customer_id,
        revision=revision,
        store_id=store_id,
        changed=changed,
        details=details,
    )
    add_batch(session, actor, [given])


def add_batch(session: Session, actor: Actor, batch: Sequence[NewEvent]) -> None:
    """Add events with few statements; those of one customer are told in this order."""
    if not batch:
        return
    now = clock.utcnow()
    rows = [
        {
            "id": new_id(),
            "kind": given.kind.value,
            "at": now,
            "customer_id": given.customer_id,
            "store_id": given.store_id or actor.store_id,
            "data": _data(given, given.store_id or actor.store_id),
        }
        for given in batch
    ]
    wanted = session.execute(select(Webhook.id, Webhook.kinds).where(Webhook.is_active)).all()
    if not wanted:
        # Without the work of keeping track of rows: imports write one event for each customer.
        insert_rows(session, Event, rows)
        return
    events = [Event(**row) for row in rows]
    session.add_all(events)
    session.flush()
    deliver(
        session, [(webhook_id, one) for one in events for webhook_id, kinds in wanted if one.kind in kinds]
    )


def tell_erased(session: Session, customer_id: uuid.UUID, *, revision: int) -> None:
    """Tell every receiver that the customer was erased, and forget what they were told before.

    Art. 19 GDPR: that is no matter of choice, so it goes to all active addresses, and to those that
    wait for something of the customer's, which it takes the place of.
    """
    waiting = select(Delivery.webhook_id).where(
        Delivery.customer_id == customer_id, Delivery.state == DeliveryState.QUEUED
    )
    told = session.scalars(select(Webhook.id).where(or_(Webhook.is_active, Webhook.id.in_(waiting)))).all()
    session.execute(delete(Delivery).where(Delivery.customer_id == customer_id))
    session.execute(delete(Event).where(Event.customer_id == customer_id))
    given = NewEvent(kind=EventKind.CUSTOMER_ERASED, customer_id=customer_id, revision=revision)
    event = Event(kind=given.kind.value, at=clock.utcnow(), customer_id=customer_id, data=_data(given, None))
    session.add(event)
    session.flush()
    deliver(session, [(webhook_id, event) for webhook_id in told])


def deliver(session: Session, pairs: Sequence[tuple[uuid.UUID, Event]]) -> None:
    """Have each event delivered to its address."""
    now = clock.utcnow()
    session.add_all(
        Delivery(
            webhook_id=webhook_id,
            event_number=event.number,
            customer_id=event.customer_id,
            state=DeliveryState.QUEUED.value,
            due_at=now,
            created_at=now,
        )
        for webhook_id, event in pairs
    )
    session.flush()
    if pairs:
        db.wake_after_commit(session)


def _data(given: NewEvent, store_id: uuid.UUID | None) -> dict[str, object]:
    return {
        "customer_id": str(given.customer_id),
        "profile_revision": given.revision,
        "store_id": str(store_id) if store_id else None,
        "changed": list(given.changed),
        **given.details,
    }
