"""Customers' requests about their data: recorded, extended, called off, closed; each in the audit log."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.domain import clock, data_requests
from app.domain.actor import Actor
from app.domain.audit import AccessAction, AuditAction
from app.domain.data_requests import DEFAULT_CALL_OFF_DAYS, Identity, Kind, RequestInput, State
from app.domain.events import EventKind
from app.domain.jobs import JobKind
from app.domain.permissions import Permission
from app.domain.retention import Origin
from app.domain.texts import N_
from app.errors import Conflict, Invalid, NotFound, Stale
from app.models import Customer, DataRequest, Job
from app.queries import associates as associate_queries
from app.queries import customers as customer_queries
from app.queries import data_requests as queries
from app.queries import retention as retention_queries
from app.services import audit, consent_capture, events, jobs, mails, search_index
from app.services.mails import MailKind

ACTIVE_AGAIN = N_("The customer bought something or was in touch again.")


def request_deletion(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    call_off_days: int = DEFAULT_CALL_OFF_DAYS,
) -> DataRequest:
    """Record that the customer is to be erased; again returns the same open request.

    It can be called off for so many days, then the erasure begins. Raises NotFound and Forbidden.
    """
    given = RequestInput(customer_id=customer_id, kind=Kind.DELETION.value)
    return record(session, actor, given, call_off_days=call_off_days)


def record(
    session: Session,
    actor: Actor,
    given: RequestInput,
    *,
    call_off_days: int = DEFAULT_CALL_OFF_DAYS,
) -> DataRequest:
    """Record a request; of deletions and restrictions a customer has one at a time, the open one is returned.

    Both put the customer on hold at once, which ends what the customer was being asked.

    Raises Invalid, NotFound and Forbidden.
    """
    actor.require(Permission.DATA_REQUEST_CREATE)
    # Locked, so that of two who ask at the same time the second finds the first one's request.
    customer = customer_queries.get(session, actor, given.customer_id, for_update=True)
    columns = given.check()
    kind = Kind(columns["kind"])
    if kind in data_requests.FIRST_STATE and (there := _in_force(session, customer.id, kind)) is not None:
        return there
    now = clock.utcnow()
    row = DataRequest(
        **columns,
        state=data_requests.FIRST_STATE.get(kind, State.OPEN).value,
        customer_id=customer.id,
        store_id=_store_of(actor, customer),
        channel=actor.channel.value,
        received_by_id=actor.id,
        received_by_name=actor.name,
        received_at=now,
        due_at=data_requests.due(now),
        erase_after=now + timedelta(days=call_off_days) if kind is Kind.DELETION else None,
        extension_reason="",
        closed_by_name="",
        outcome="",
        revision=1,
    )
    session.add(row)
    session.flush()
    _audit(session, actor, AuditAction.DATA_REQUEST_RECORDED, row, {"kind": (None, row.kind)})
    if row.erase_after is not None:
        plan_erasure(session, actor, row.id, at=row.erase_after)
    if kind in data_requests.FIRST_STATE:
        consent_capture.end_by_hold(session, customer.id)
        _tell_hold(session, actor, customer, EventKind.CUSTOMER_RESTRICTED, kind)
    return row


def _tell_hold(session: Session, actor: Actor, customer: Customer, event: EventKind, kind: Kind) -> None:
    """Take the customer out of all lists or bring them back, and tell the receivers (Art. 19 GDPR)."""
    search_index.refresh(session, [customer.id])
    events.add(session, actor, event, customer.id, revision=customer.revision, reason=kind.value)


def _end_hold(session: Session, actor: Actor, row: DataRequest) -> None:
    """Bring the customer back into the lists, unless another request keeps them out."""
    session.flush()
    customer = session.get(Customer, row.customer_id, with_for_update=customer_queries.LOCK)
    if customer is None:
        return
    if not queries.is_on_hold(session, customer.id):
        _tell_hold(session, actor, customer, EventKind.CUSTOMER_RELEASED, Kind(row.kind))


def plan_erasure(session: Session, actor: Actor, request_id: uuid.UUID, *, at: datetime | None = None) -> Job:
    """Ask for the job that erases, now or at a time; of a request there is one at most."""
    return jobs.add(
        session,
        actor,
        JobKind.CUSTOMER_ERASE,
        subject=("data_request", request_id),
        run_after=at,
        key=f"erase:{request_id}",
    )


def extend(
    session: Session, actor: Actor, request_id: uuid.UUID, *, reason: str, revision: int
) -> DataRequest:
    """Give two months more, as the customer was told within the first (Art. 12(3) GDPR).

    Raises Invalid without a reason, Conflict when it is too late, was done or is closed, Stale.
    """
    row = _take(session, actor, request_id, revision)
    if row.extended_at is not None:
        raise Conflict(message=N_("This request was extended already; it can be extended once."))
    if not data_requests.may_extend(row.received_at, clock.utcnow()):
        raise Conflict(message=N_("Too late: the customer must be told of it within the first month."))
    if row.kind == Kind.DELETION:
        raise Conflict(message=N_("A deletion is done by itself in time; it cannot be extended."))
    if row.state == State.RESTRICTED:
        raise Conflict(message=N_("A restriction is in force already; nobody waits for it."))
    row.extension_reason = data_requests.check_reason(reason)
    row.extended_at = clock.utcnow()
    row.reminded_days = row.reminded_at = None
    old, row.due_at = row.due_at, data_requests.due(row.received_at, extended=True)
    return _done(
        session, actor, AuditAction.DATA_REQUEST_EXTENDED, row, {"due_at": (str(old), str(row.due_at))}
    )


def check_identity(
    session: Session, actor: Actor, request_id: uuid.UUID, *, identity: str, note: str, revision: int
) -> DataRequest:
    """Note how somebody made sure that it is the customer who asks. Raises Invalid, Conflict, Stale."""
    row = _take(session, actor, request_id, revision)
    given = RequestInput(
        customer_id=row.customer_id, kind=row.kind, identity=identity, identity_note=note
    ).check()
    if given["identity"] == Identity.UNCHECKED:
        raise Invalid({"identity": [N_("Say how you made sure that it is the customer.")]})
    old, row.identity, row.identity_note = row.identity, given["identity"], given["identity_note"]
    return _done(
        session, actor, AuditAction.DATA_REQUEST_IDENTITY_CHECKED, row, {"identity": (old, row.identity)}
    )


def call_off(
    session: Session, actor: Actor, request_id: uuid.UUID, *, reason: str, revision: int
) -> DataRequest:
    """Keep the customer after all.

    Raises Conflict for what is no deletion and once the erasure began, Invalid, Stale.
    """
    row = _take(session, actor, request_id, revision)
    if row.kind != Kind.DELETION:
        raise Conflict(message=N_("Only a deletion can be called off. Close this request instead."))
    if row.state != State.WAITING:
        raise Conflict(message=N_("This can no longer be called off: the erasure has begun."))
    row.outcome = data_requests.check_reason(reason)
    _close(row, State.CALLED_OFF, actor)
    _end_hold(session, actor, row)
    return _done(session, actor, AuditAction.DATA_REQUEST_CALLED_OFF, row, {"state": ("waiting", row.state)})


def call_off_active(session: Session, actor: Actor, row: DataRequest) -> bool:
    """Call a deletion by the time limit off when the customer is active again; True when it was.

    Part of the act that would begin the erasure, which holds the request.
    """
    if row.origin != Origin.RETENTION or row.state != State.WAITING:
        return False
    # Locked, so that an order that is being recorded is waited for.
    session.get(Customer, row.customer_id, with_for_update=customer_queries.LOCK, populate_existing=True)
    if not retention_queries.is_active_again(session, row):
        return False
    row.outcome = ACTIVE_AGAIN
    _close(row, State.CALLED_OFF, actor)
    _end_hold(session, actor, row)
    _done(session, actor, AuditAction.DATA_REQUEST_CALLED_OFF, row, {"state": ("waiting", row.state)})
    return True


def close(
    session: Session,
    actor: Actor,
    request_id: uuid.UUID,
    *,
    outcome: str,
    is_refused: bool = False,
    revision: int,
) -> DataRequest:
    """Close an export or a correction as answered, or as refused with the reason; lift a restriction.

    Before it is lifted the customer has to be told (Art. 18(3) GDPR): the outcome says how.
    Raises Conflict for a deletion, which closes itself, Invalid without an outcome, Stale.
    """
    row = _take(session, actor, request_id, revision)
    if row.kind == Kind.DELETION:
        raise Conflict(message=N_("A deletion closes itself when all is erased. It can be called off."))
    row.outcome = data_requests.check_reason(outcome, field="outcome")
    before = row.state
    _close(row, State.REFUSED if is_refused else State.DONE, actor)
    if before == State.RESTRICTED:
        _end_hold(session, actor, row)
    return _done(session, actor, AuditAction.DATA_REQUEST_CLOSED, row, {"state": (before, row.state)})


def can_extend(row: DataRequest) -> bool:
    """True when the request can still be extended."""
    return (
        row.kind != Kind.DELETION
        and row.extended_at is None
        and State(row.state).is_due
        and data_requests.may_extend(row.received_at, clock.utcnow())
    )


def remind(session: Session, actor: Actor, *, limit: int) -> int:
    """Write to managers about requests that are due soon, once for each of REMINDERS; return how many.

    The mail names no customer. Who gets it are the managers of the store that recorded the request.
    """
    now = clock.utcnow()
    first, last = max(data_requests.REMINDERS), min(data_requests.REMINDERS)
    rows = session.scalars(
        select(DataRequest)
        .where(
            DataRequest.state.in_([state.value for state in data_requests.DUE]),
            or_(
                and_(DataRequest.reminded_days.is_(None), DataRequest.due_at <= now + timedelta(days=first)),
                and_(DataRequest.reminded_days > last, DataRequest.due_at <= now + timedelta(days=last)),
            ),
        )
        .order_by(DataRequest.due_at, DataRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        days = data_requests.reminder(row.due_at, now, last=row.reminded_days)
        old, row.reminded_days, row.reminded_at = row.reminded_days, days, now
        for associate in associate_queries.managers_of(session, row.store_id):
            mails.add_to_associate(
                session, actor, MailKind.REQUEST_DUE, associate, payload={"request_id": str(row.id)}
            )
        _audit(session, actor, AuditAction.DATA_REQUEST_REMINDED, row, {"reminded_days": (old, days)})
    session.flush()
    return len(rows)


def prepare_export(session: Session, actor: Actor, request_id: uuid.UUID) -> DataRequest:
    """Let the copy of the data be fetched for a day, by managers who give their password.

    Raises Conflict for a request that is closed or asks for something else, and before somebody
    made sure that it is the customer who asks; NotFound when the customer was erased meanwhile.
    """
    actor.require(Permission.DATA_REQUEST_MANAGE)
    row = queries.get(session, actor, request_id, for_update=True)
    customer_queries.get(session, actor, row.customer_id)
    if row.kind != Kind.EXPORT or State(row.state).is_closed:
        raise Conflict(message=N_("This request asks for no copy, or it is closed."))
    if row.identity == Identity.UNCHECKED:
        raise Conflict(message=N_("First note how you made sure that it is the customer who asks."))
    row.export_until = clock.utcnow() + timedelta(hours=data_requests.EXPORT_HOURS)
    _audit(session, actor, AuditAction.DATA_REQUEST_PREPARED, row, {})
    session.flush()
    return row


def fetch_export(session: Session, actor: Actor, request_id: uuid.UUID) -> DataRequest:
    """Note in both logs that the copy is fetched. Raises NotFound when it was not made ready or is over."""
    actor.require(Permission.DATA_REQUEST_MANAGE)
    row = queries.get(session, actor, request_id)
    if row.export_until is None or row.export_until <= clock.utcnow() or State(row.state).is_closed:
        raise NotFound(N_("This copy was for 24 hours. Make it ready again from the request."))
    customer_queries.get(session, actor, row.customer_id)
    _audit(session, actor, AuditAction.DATA_REQUEST_EXPORTED, row, {})
    audit.record_access(session, actor, AccessAction.EXPORTED, row.customer_id)
    session.flush()
    return row


def _take(session: Session, actor: Actor, request_id: uuid.UUID, revision: int) -> DataRequest:
    """Return the open request, locked, as the manager saw it."""
    actor.require(Permission.DATA_REQUEST_MANAGE)
    row = queries.get(session, actor, request_id, for_update=True)
    if State(row.state).is_closed:
        raise Conflict(message=N_("This request is closed."))
    if row.revision != revision:
        raise Stale(row.revision)
    return row


def _done(
    session: Session, actor: Actor, action: AuditAction, row: DataRequest, changes: dict[str, Any]
) -> DataRequest:
    row.revision += 1
    _audit(session, actor, action, row, changes)
    session.flush()
    return row


def _close(row: DataRequest, state: State, actor: Actor) -> None:
    row.state = state.value
    row.closed_at = clock.utcnow()
    row.closed_by_name = actor.name


def _audit(
    session: Session, actor: Actor, action: AuditAction, row: DataRequest, changes: dict[str, Any]
) -> None:
    audit.record(
        session,
        actor,
        action,
        subject=("data_request", row.id),
        customer_id=row.customer_id,
        store_id=row.store_id,
        changes=changes,
    )


def _in_force(session: Session, customer_id: uuid.UUID, kind: Kind) -> DataRequest | None:
    return session.scalars(
        select(DataRequest).where(
            DataRequest.customer_id == customer_id,
            DataRequest.kind == kind.value,
            DataRequest.state.in_([state.value for state in data_requests.ON_HOLD]),
        )
    ).one_or_none()


def _store_of(actor: Actor, customer: Customer) -> uuid.UUID | None:
    # Where the customer asked; else the store that they came from, so that its manager sees it.
    return actor.store_id or customer.store_id
