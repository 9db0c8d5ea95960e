"""The time limit for customers: a deletion is asked for those of whom nothing was heard for too long."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.data_requests import Kind, RequestInput
from app.domain.jobs import JobKind
from app.domain.permissions import Permission
from app.domain.retention import MAX_WAITING, Origin, Policy
from app.domain.texts import N_
from app.errors import Conflict
from app.models import Job
from app.queries import associates as associate_queries
from app.queries import retention as queries
from app.services import audit, data_requests, jobs, mails
from app.services.mails import MailKind

# So many customers are locked at a time.
BATCH = 20


def start(session: Session, actor: Actor, policy: Policy) -> Job:
    """Ask for the job that asks for the deletions, of the customers whom the actor sees.

    Nothing is erased by it: each deletion can be called off as if the customer had asked for it.
    Raises Forbidden, and Conflict without a time limit.
    """
    actor.require(Permission.DATA_REQUEST_MANAGE)
    if not policy.months:
        raise Conflict(message=N_("There is no time limit: RETENTION_MONTHS is 0."))
    stores = None if actor.sees_every_customer else sorted(str(one) for one in actor.store_ids)
    job = jobs.add(
        session,
        actor,
        JobKind.RETENTION_REQUEST,
        subject=("retention", actor.id or "all"),
        payload={"stores": stores, "months": policy.months},
        key=f"retention:{actor.id}",
    )
    audit.record(
        session,
        actor,
        AuditAction.RETENTION_STARTED,
        subject=("retention", job.id),
        changes={"months": (None, policy.months)},
    )
    return job


def request_due(
    session: Session,
    actor: Actor,
    policy: Policy,
    *,
    store_ids: frozenset[uuid.UUID] | None = None,
    after: uuid.UUID | None = None,
    call_off_days: int,
    limit: int,
) -> tuple[int, uuid.UUID | None]:
    """Ask for the deletion of the next customers whose time is over.

    Returns how many that were, and after whom to go on; none when nobody is left, or when
    MAX_WAITING deletions can be called off already.
    """
    actor.require(Permission.DATA_REQUEST_CREATE)
    room = MAX_WAITING - queries.count_waiting(session)
    if not policy.months or room <= 0:
        return 0, None
    now, limit = clock.utcnow(), min(limit, room)
    found = queries.next_due(session, policy, store_ids=store_ids, after=after, limit=limit, now=now)
    if not found:
        return 0, None
    due = queries.still_due(session, policy, found, now=now)
    for customer_id in due:
        given = RequestInput(customer_id=customer_id, kind=Kind.DELETION.value, origin=Origin.RETENTION.value)
        data_requests.record(session, actor, given, call_off_days=call_off_days)
    return len(due), found[-1]


def request_all(
    step: Callable[[int], AbstractContextManager[Session]],
    actor: Actor,
    policy: Policy,
    *,
    store_ids: frozenset[uuid.UUID] | None = None,
    call_off_days: int,
    tells: bool,
    done: int = 0,
) -> int:
    """Ask for all deletions, batch by batch, tell the managers, and return how many there were.

    `step`, given how many are done, opens the transaction of one batch; `done` is how many somebody
    did who was stopped: these are not due any more, and the managers are told all the same.
    """
    after = None
    while True:
        with step(done) as session:
            count, after = request_due(
                session,
                actor,
                policy,
                store_ids=store_ids,
                after=after,
                call_off_days=call_off_days,
                limit=BATCH,
            )
        done += count
        if after is None:
            break
    if done and tells:
        with step(done) as session:
            tell_managers(session, actor)
    return done


def tell_managers(session: Session, actor: Actor) -> None:
    """Write to the managers of each store that deletions can be called off; the mail names nobody."""
    for store_id in queries.stores_waiting(session):
        for associate in associate_queries.managers_of(session, store_id):
            payload = {"store_id": str(store_id) if store_id else None}
            mails.add_to_associate(session, actor, MailKind.RETENTION, associate, payload=payload)
