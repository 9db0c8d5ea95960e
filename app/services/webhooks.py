"""Addresses that are told of events: register, change, rotate the secret, deliver, replay."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from app import db
from app.domain import clock, events, networks, values
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.events import SUBSCRIBABLE, DeliveryState, EventKind
from app.domain.fields import Checker
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.domain.values import BadValue
from app.errors import Conflict, NotFound, Stale
from app.models import Delivery, Event, Webhook
from app.models.base import new_id
from app.queries import webhooks as queries
from app.services import audit, outbound
from app.services import events as event_service
from app.services.sealing import Sealer

# A delivery takes at most half a minute; after this long its worker is gone.
LEASE = timedelta(seconds=60)
GONE = 410


@dataclass(frozen=True, kw_only=True)
class WebhookInput:
    """An address as somebody gave it."""

    name: str
    url: str
    kinds: Sequence[str]

    def check(self, *, allow_private: bool) -> dict[str, Any]:
        """Return the columns to write. Raises Invalid, also for an address that may not be called."""
        checker = Checker()
        columns = {
            "name": checker.take("name", self._name, ""),
            "url": checker.take("url", lambda: self._url(allow_private=allow_private), ""),
            "kinds": checker.take("kinds", self._kinds, list[str]()),
        }
        checker.done()
        return columns

    def _name(self) -> str:
        name = values.text(self.name, max_length=values.MAX_NAME)
        if not name:
            raise BadValue(N_("Enter a name."))
        return name

    def _url(self, *, allow_private: bool) -> str:
        url = values.text(self.url, max_length=networks.MAX_URL)
        target = networks.parse(url, allow_private=allow_private)
        try:
            outbound.resolve(target, allow_private=allow_private)
        except outbound.Unreachable as error:
            raise BadValue(str(error)) from None
        return url

    def _kinds(self) -> list[str]:
        if not self.kinds or not set(self.kinds) <= set(SUBSCRIBABLE):
            raise BadValue(N_("Choose at least one kind of event."))
        return sorted(set(self.kinds))


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A claimed delivery with everything that sending it needs."""

    delivery_id: uuid.UUID
    token: uuid.UUID
    url: str
    secrets: tuple[str, ...]
    event_id: uuid.UUID
    content: bytes


def create(session: Session, actor: Actor, columns: dict[str, Any], sealer: Sealer) -> tuple[Webhook, str]:
    """Register an address, and return it and its secret, which is shown only now.

    `columns` come from `WebhookInput.check()`, which asks the network and so stands before the
    transaction.
    """
    actor.require(Permission.ADMIN_MANAGE)
    secret, now = events.new_secret(), clock.utcnow()
    row = Webhook(**columns, sealed_secret=sealer.seal(secret), created_at=now, updated_at=now)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor,
        AuditAction.WEBHOOK_CREATED,
        subject=("webhook", row.id),
        changes=diff({}, columns),
    )
    session.flush()
    return row, secret


def change(
    session: Session, actor: Actor, webhook_id: uuid.UUID, columns: dict[str, Any], *, revision: int
) -> Webhook:
    """Change an address. Raises NotFound and Stale."""
    row = _open(session, actor, webhook_id, revision)
    changes = diff({name: getattr(row, name) for name in columns}, columns)
    if not changes:
        return row
    for name, value in columns.items():
        setattr(row, name, value)
    return _finish(session, actor, row, changes)


def deactivate(session: Session, actor: Actor, webhook_id: uuid.UUID, *, revision: int) -> Webhook:
    """Tell an address no more; what waits for it waits. Raises NotFound and Stale."""
    return _set_active(session, actor, webhook_id, revision, is_active=False)


def reactivate(session: Session, actor: Actor, webhook_id: uuid.UUID, *, revision: int) -> Webhook:
    """Tell an address again, beginning with what waited. Raises NotFound and Stale."""
    return _set_active(session, actor, webhook_id, revision, is_active=True)


def rotate(session: Session, actor: Actor, webhook_id: uuid.UUID, sealer: Sealer) -> tuple[Webhook, str]:
    """Give an address a new secret; the old one is signed with too for a day. Raises NotFound."""
    row = _get(session, actor, webhook_id)
    secret = events.new_secret()
    row.sealed_old_secret, row.old_secret_until = row.sealed_secret, clock.utcnow() + events.OLD_SECRET_KEPT
    row.sealed_secret = sealer.seal(secret)
    row.revision += 1
    row.updated_at = clock.utcnow()
    audit.record(session, actor, AuditAction.WEBHOOK_ROTATED, subject=("webhook", row.id))
    session.flush()
    return row, secret


def test(session: Session, actor: Actor, webhook_id: uuid.UUID) -> Event:
    """Send an event without content to one address. Raises NotFound, and Conflict when it is closed."""
    row = _get(session, actor, webhook_id)
    if not row.is_active:
        raise Conflict(message=N_("Activate this address first."))
    event = Event(id=new_id(), kind=EventKind.TEST.value, at=clock.utcnow(), data={})
    session.add(event)
    session.flush()
    event_service.deliver(session, [(row.id, event)])
    return event


def replay(session: Session, actor: Actor, delivery_id: uuid.UUID) -> Delivery:
    """Send an event again to its address. Raises NotFound, and Conflict while it waits anyway."""
    actor.require(Permission.ADMIN_MANAGE)
    row = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    if row.state == DeliveryState.QUEUED:
        raise Conflict(message=N_("This delivery is under way already."))
    _queue_again(session, actor, row.webhook_id, [row.id])
    session.refresh(row)
    return row


def replay_dead(session: Session, actor: Actor, webhook_id: uuid.UUID) -> int:
    """Send again everything that was given up for an address, and return how many. Raises NotFound."""
    row = _get(session, actor, webhook_id)
    dead = session.scalars(
        select(Delivery.id).where(Delivery.webhook_id == row.id, Delivery.state == DeliveryState.DEAD)
    ).all()
    if dead:
        _queue_again(session, actor, row.id, dead)
    return len(dead)


def claim(session: Session, sealer: Sealer, delivery_id: uuid.UUID) -> Parcel | None:
    """Take a delivery that `queries.webhooks.first_due` found, or None where it may not begin any more."""
    now = clock.utcnow()
    row = session.execute(
        select(Delivery, Event)
        .join(Event, Event.number == Delivery.event_number)
        .where(Delivery.id == delivery_id, queries.may_begin(now))
        .with_for_update(of=Delivery, skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    delivery, event = row
    # Locked, so that two workers cannot both take the last place; acts that queue for it go on meanwhile.
    webhook = session.get_one(
        Webhook, delivery.webhook_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if not webhook.is_active or not queries.has_room(session, webhook, now):
        return None
    delivery.attempts += 1
    delivery.lease_token = uuid.uuid4()
    delivery.leased_until = now + LEASE
    session.flush()
    return Parcel(
        delivery_id=delivery.id,
        token=delivery.lease_token,
        url=webhook.url,
        secrets=_secrets(webhook, sealer, now),
        event_id=event.id,
        content=events.body(event_id=event.id, kind=event.kind, at=event.at, data=event.data),
    )


def settle(
    session: Session,
    actor: Actor,
    parcel: Parcel,
    *,
    status: int | None = None,
    error: str = "",
    retry_after: str = "",
) -> DeliveryState | None:
    """Note how a delivery went: done for an answer of 2xx, else tried again later or given up.

    Not before the receiver's Retry-After; and 410 Gone deactivates the address, where what waits stays.
    Returns None, and changes nothing, when another worker has the delivery by now.
    """
    delivery = session.get(Delivery, parcel.delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None or delivery.lease_token != parcel.token:
        return None
    now = clock.utcnow()
    webhook = session.get_one(Webhook, delivery.webhook_id)
    delivery.lease_token = delivery.leased_until = None
    delivery.status, delivery.error = status, error[:200]
    if status is not None and 200 <= status < 300:
        delivery.state = DeliveryState.DELIVERED.value
        delivery.acknowledged_at = delivery.acknowledged_at or now
        webhook.failing_since = None
    else:
        webhook.failing_since = webhook.failing_since or now
        wait = events.back_off(delivery.attempts)
        if status == GONE and webhook.is_active:
            delivery.error = N_("The receiver said that it is gone for good, so the address was deactivated.")
            delivery.attempts, delivery.due_at = 0, now
            webhook.is_active, webhook.failing_since = False, None
            _finish(session, actor, webhook, {"is_active": (True, False)})
        elif wait is None:
            delivery.state = DeliveryState.DEAD.value
        else:
            delivery.due_at = now + max(wait, events.asked_to_wait(retry_after, now))
    session.flush()
    return DeliveryState(delivery.state)


def tidy(session: Session) -> None:
    """Delete events that are old and wait for nobody, with their deliveries.

    A receiver that was deactivated is nobody: else it would keep the ids of customers who are gone.
    """
    before = clock.utcnow() - events.KEPT
    waits = exists().where(
        Delivery.event_number == Event.number,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.webhook_id == Webhook.id,
        Webhook.is_active,
    )
    old = select(Event.number).where(Event.at < before, ~waits)
    session.execute(
        delete(Delivery).where(Delivery.event_number.in_(old)),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        delete(Event).where(Event.at < before, ~waits), execution_options={"synchronize_session": False}
    )


def _queue_again(
    session: Session, actor: Actor, webhook_id: uuid.UUID, delivery_ids: Sequence[uuid.UUID]
) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(delivery_ids))
        .values(
            state=DeliveryState.QUEUED.value,
            attempts=0,
            due_at=clock.utcnow(),
            lease_token=None,
            leased_until=None,
        ),
        execution_options={"synchronize_session": False},
    )
    audit.record(
        session,
        actor,
        AuditAction.WEBHOOK_REPLAYED,
        subject=("webhook", webhook_id),
        changes={"deliveries": (None, len(delivery_ids))},
    )
    db.wake_after_commit(session)
    session.flush()


def _secrets(webhook: Webhook, sealer: Sealer, now: datetime) -> tuple[str, ...]:
    sealed = [webhook.sealed_secret]
    if webhook.sealed_old_secret and webhook.old_secret_until and webhook.old_secret_until > now:
        sealed.append(webhook.sealed_old_secret)
    opened = (sealer.open(one) for one in sealed)
    return tuple(one for one in opened if one is not None)


def _set_active(
    session: Session, actor: Actor, webhook_id: uuid.UUID, revision: int, *, is_active: bool
) -> Webhook:
    row = _open(session, actor, webhook_id, revision)
    if row.is_active == is_active:
        return row
    row.is_active = is_active
    row.failing_since = None
    db.wake_after_commit(session)
    return _finish(session, actor, row, {"is_active": (not is_active, is_active)})


def _open(session: Session, actor: Actor, webhook_id: uuid.UUID, revision: int) -> Webhook:
    row = _get(session, actor, webhook_id)
    if revision != row.revision:
        raise Stale(row.revision)
    return row


def _get(session: Session, actor: Actor, webhook_id: uuid.UUID) -> Webhook:
    actor.require(Permission.ADMIN_MANAGE)
    row = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def _finish(session: Session, actor: Actor, row: Webhook, changes: dict[str, tuple[Any, Any]]) -> Webhook:
    row.revision += 1
    row.updated_at = clock.utcnow()
    audit.record(session, actor, AuditAction.WEBHOOK_UPDATED, subject=("webhook", row.id), changes=changes)
    session.flush()
    return row
