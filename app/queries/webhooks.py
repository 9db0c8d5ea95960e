"""Registered addresses and how deliveries to them went."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, exists, func, literal_column, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.domain import clock
from app.domain.actor import Actor
from app.domain.events import DeliveryState
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import Delivery, Event, Webhook
from app.queries import small_lists

# How many deliveries to one address are on their way at a time.
AT_ONCE = 2


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
    return small_lists.page(session, select(Webhook), [Webhook.name], text, asked)


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


# A state that stands in the statement itself: only then an index of what waits serves it.
_QUEUED = literal_column(f"'{DeliveryState.QUEUED}'", String)
_WAITS = Delivery.state == _QUEUED


def may_begin(now: datetime) -> ColumnElement[bool]:
    """Return the criterion on Delivery that it is due, on nobody's way, and the next of its customer.

    Of a customer's events at one address the next begins when the one before it was acknowledged or
    given up; other customers and other addresses go on.
    """
    earlier = aliased(Delivery)
    held_back = exists().where(
        earlier.webhook_id == Delivery.webhook_id,
        earlier.customer_id == Delivery.customer_id,
        earlier.event_number < Delivery.event_number,
        earlier.state == _QUEUED,
    )
    is_free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now)
    return and_(_WAITS, Delivery.due_at <= now, is_free, ~held_back)


def has_room(session: Session, webhook: Webhook, now: datetime) -> bool:
    """True while the address may have another delivery on its way.

    One that fails has one at a time, so that it cannot keep all workers waiting.
    """
    return _under_way(session, now).get(webhook.id, 0) < _most(webhook)


def first_due(session: Session) -> uuid.UUID | None:
    """Return the delivery that may begin and is due longest, or None; it reads only, and locks nobody out."""
    now = clock.utcnow()
    under_way = _under_way(session, now)
    found = [
        session.execute(
            select(Delivery.due_at, Delivery.event_number, Delivery.id)
            .where(Delivery.webhook_id == webhook.id, may_begin(now))
            .order_by(Delivery.due_at, Delivery.event_number)
            .limit(1)
        ).one_or_none()
        for webhook in session.scalars(select(Webhook).where(Webhook.is_active)).all()
        if under_way.get(webhook.id, 0) < _most(webhook)
    ]
    longest = min((row for row in found if row is not None), key=lambda row: row[:2], default=None)
    return None if longest is None else longest.id


def _under_way(session: Session, now: datetime) -> dict[uuid.UUID, int]:
    query = (
        select(Delivery.webhook_id, func.count().label("number"))
        .where(_WAITS, Delivery.leased_until > now)
        .group_by(Delivery.webhook_id)
    )
    return {row.webhook_id: row.number for row in session.execute(query)}


def _most(webhook: Webhook) -> int:
    return 1 if webhook.failing_since is not None else AT_ONCE
