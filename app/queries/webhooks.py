"""Registered addresses and how deliveries to them went."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select, true
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.events import DeliveryState
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import Delivery, Event, Webhook
from app.queries import small_lists


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One delivery with what it told."""

    id: uuid.UUID
    event_id: uuid.UUID
    kind: str
    customer_id: uuid.UUID | None
    at: datetime
    state: str
    attempts: int
    # None when it is due by now.
    next_try_at: datetime | None
    status: int | None
    error: str
    acknowledged_at: datetime | None


def list_page(session: Session, actor: Actor, text: str, asked: PageRequest) -> Page[Webhook]:
    """Return the addresses whose name holds the text, active ones first, then by name."""
    actor.require(Permission.ADMIN_MANAGE)
    query = select(Webhook.id, Webhook.is_active, Webhook.name)
    ids, total = small_lists.matching(session.execute(query), text, asked)
    rows = {row.id: row for row in session.scalars(select(Webhook).where(Webhook.id.in_(ids)))}
    return Page(
        items=[rows[row_id] for row_id in ids], offset=asked.offset, requested=asked.count, total=total
    )


def get(session: Session, actor: Actor, webhook_id: uuid.UUID) -> Webhook:
    """Return an address. Raises NotFound."""
    actor.require(Permission.ADMIN_MANAGE)
    row = session.get(Webhook, webhook_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def counts(session: Session, actor: Actor, webhook_ids: list[uuid.UUID]) -> dict[tuple[uuid.UUID, str], int]:
    """Return how many deliveries of each address are in each state."""
    actor.require(Permission.ADMIN_MANAGE)
    query = (
        select(Delivery.webhook_id, Delivery.state, func.count())
        .where(Delivery.webhook_id.in_(webhook_ids))
        .group_by(Delivery.webhook_id, Delivery.state)
    )
    return {(webhook_id, state): count for webhook_id, state, count in session.execute(query)}


def deliveries(
    session: Session,
    actor: Actor,
    webhook_id: uuid.UUID,
    asked: PageRequest,
    state: DeliveryState | None = None,
) -> Page[Sent]:
    """Return the deliveries of an address, newest event first."""
    actor.require(Permission.ADMIN_MANAGE)
    now = clock.utcnow()
    criterion = and_(Delivery.webhook_id == webhook_id, Delivery.state == state if state else true())
    rows = session.execute(
        select(Delivery, Event)
        .join(Event, Event.number == Delivery.event_number)
        .where(criterion)
        .order_by(Delivery.event_number.desc())
        .offset(asked.offset)
        .limit(asked.count)
    )
    total = session.scalar(select(func.count()).select_from(Delivery).where(criterion)) or 0
    return Page(
        items=[
            Sent(
                id=delivery.id,
                event_id=event.id,
                kind=event.kind,
                customer_id=event.customer_id,
                at=event.at,
                state=delivery.state,
                attempts=delivery.attempts,
                next_try_at=delivery.due_at if delivery.due_at > now else None,
                status=delivery.status,
                error=delivery.error,
                acknowledged_at=delivery.acknowledged_at,
            )
            for delivery, event in rows
        ],
        offset=asked.offset,
        requested=asked.count,
        total=total,
    )


def webhook_of(session: Session, actor: Actor, delivery_id: uuid.UUID) -> uuid.UUID:
    """Return the address of a delivery. Raises NotFound."""
    actor.require(Permission.ADMIN_MANAGE)
    found = session.scalar(select(Delivery.webhook_id).where(Delivery.id == delivery_id))
    if found is None:
        raise NotFound
    return found


def is_any_due(session: Session) -> bool:
    """True when a delivery may be due; it reads only, and locks nobody out."""
    now = clock.utcnow()
    query = (
        select(Delivery.id)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(
            Delivery.state == DeliveryState.QUEUED,
            Delivery.due_at <= now,
            or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now),
            Webhook.is_active,
        )
        .limit(1)
    )
    return session.scalar(query) is not None
