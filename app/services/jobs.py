"""Background jobs: asked for in the act that needs them, claimed by one worker, kept until done.

The table is the truth. A worker holds a job by a token and a time until which it holds; each step
checks the token in its own transaction, so that of two workers only one can ever write.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, case, delete, literal_column, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app import db
from app.domain import clock, jobs
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.jobs import UNFINISHED, JobState, recurring_key
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import AppError, Conflict, NotFound
from app.models import Job
from app.models.base import new_id
from app.queries import jobs as queries
from app.services import audit, upserts


class LeaseLost(Exception):
    """Another worker holds the job by now: what this one was about to write is rolled back."""


def add(
    session: Session,
    actor: Actor,
    kind: StrEnum,
    *,
    subject: tuple[str, object],
    payload: Mapping[str, Any] | None = None,
    run_after: datetime | None = None,
    key: str | None = None,
) -> Job:
    """Ask for a job in the running transaction: it exists exactly when the act is saved.

    `payload` holds ids, never personal data. Of one `key` at most one job is unfinished: while it
    waits it is returned as it is, while it runs it is made to run once more.
    """
    now = clock.utcnow()
    columns = {
        "id": new_id(),
        "kind": kind.value,
        "state": JobState.QUEUED.value,
        "subject_type": subject[0],
        "subject_id": str(subject[1]),
        "payload": dict(payload or {}),
        "key": key,
        "run_after": run_after or now,
        "created_by_id": actor.id,
        "store_id": actor.store_id,
        "created_at": now,
    }
    db.wake_after_commit(session)
    if key is None:
        job = Job(**columns)
        session.add(job)
        session.flush()
        return job
    while True:
        made = upserts.insert(session, Job).values(
            **columns, is_wanted_again=False, attempts=0, done_count=0, total_count=0, error=""
        )
        session.execute(
            made.on_conflict_do_nothing(
                index_elements=[Job.key], index_where=Job.state.in_(_literals(UNFINISHED))
            )
        )
        found = session.scalars(
            select(Job)
            .where(Job.key == key, Job.state.in_(UNFINISHED))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        # None: the one in the way was finished between the two statements.
        if found is not None:
            break
    if found.id != columns["id"]:
        found.run_after = min(found.run_after, run_after or now)
        found.is_wanted_again = found.state == JobState.RUNNING
        session.flush()
    return found


def plan(session: Session, actor: Actor, kind: StrEnum, every: timedelta) -> Job | None:
    """Ask for the next run of recurring work when it is due, and return it."""
    if not queries.is_recurring_due(session, kind, every):
        return None
    return add(session, actor, kind, subject=("recurring", kind.value), key=recurring_key(kind))


def claim(session: Session, *, lease: timedelta, kinds: Collection[str] | None = None) -> Job | None:
    """Take the job that is due longest, or one whose worker is gone; None when nothing is due.

    A job that was tried too often without progress becomes dead instead.
    """
    while True:
        now = clock.utcnow()
        due = or_(
            and_(Job.state == JobState.QUEUED, Job.run_after <= now),
            and_(Job.state == JobState.RUNNING, Job.leased_until <= now),
        )
        query = select(Job).where(due).order_by(Job.run_after, Job.id).limit(1)
        if kinds is not None:
            query = query.where(Job.kind.in_(kinds))
        job = session.scalars(
            query.with_for_update(skip_locked=True), execution_options={"populate_existing": True}
        ).one_or_none()
        if job is None:
            return None
        if job.attempts >= jobs.MAX_ATTEMPTS:
            _end(job, JobState.DEAD, job.error or N_("Its worker ended without a word, again and again."))
            session.flush()
            continue
        job.state = JobState.RUNNING.value
        job.attempts += 1
        job.lease_token = uuid.uuid4()
        job.leased_until = now + lease
        job.started_at = job.started_at or now
        session.flush()
        return job


def hold(
    session: Session,
    job_id: uuid.UUID,
    token: uuid.UUID,
    *,
    lease: timedelta,
    done: int | None = None,
    total: int | None = None,
) -> None:
    """Keep a claimed job and write how far it is; progress makes the tries count anew.

    Raises LeaseLost when another worker holds it by now.
    """
    values: dict[str, Any] = {"leased_until": clock.utcnow() + lease}
    if total is not None:
        values["total_count"] = total
    if done is not None:
        values["attempts"] = case((Job.done_count < done, 1), else_=Job.attempts)
        values["done_count"] = done
    _change(session, job_id, token, values)


def finish(session: Session, job_id: uuid.UUID, token: uuid.UUID) -> None:
    """Mark a claimed job as done, or put it back when it was asked for meanwhile. Raises LeaseLost."""
    now = clock.utcnow()
    again = Job.is_wanted_again.is_(True)
    _change(
        session,
        job_id,
        token,
        {
            "state": case((again, JobState.QUEUED.value), else_=JobState.DONE.value),
            "finished_at": case((again, None), else_=now),
            "run_after": case((again, now), else_=Job.run_after),
            "attempts": case((again, 0), else_=Job.attempts),
            "is_wanted_again": False,
            "lease_token": None,
            "leased_until": None,
            "error": "",
        },
    )


def fail(session: Session, job_id: uuid.UUID, token: uuid.UUID, error: str) -> Job:
    """Put a claimed job back to be tried later, or give it up. Raises LeaseLost.

    `error` is what the administrator sees, and must not hold personal data.
    """
    job = _held(session, job_id, token)
    if job.attempts >= jobs.MAX_ATTEMPTS:
        _end(job, JobState.DEAD, error)
    else:
        job.state = JobState.QUEUED.value
        job.run_after = clock.utcnow() + jobs.back_off(job.attempts)
        job.error = error[:300]
        job.is_wanted_again = False
        job.lease_token = job.leased_until = None
    session.flush()
    return job


def give_back(session: Session, job_id: uuid.UUID, token: uuid.UUID) -> None:
    """Put a claimed job back at once, without counting the try: its worker is being stopped."""
    job = _held(session, job_id, token)
    job.state = JobState.QUEUED.value
    job.run_after = clock.utcnow()
    job.attempts = max(0, job.attempts - 1)
    job.is_wanted_again = False
    job.lease_token = job.leased_until = None
    session.flush()


def retry(session: Session, actor: Actor, job_id: uuid.UUID) -> Job:
    """Let a dead job be tried again, from where it stopped.

    Raises NotFound, and Conflict when it is not dead or the same is under way already.
    """
    actor.require(Permission.ADMIN_MANAGE)
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFound
    if job.state != JobState.DEAD:
        raise Conflict(message=N_("Only a job that was given up can be retried."))
    if job.key and session.scalar(select(Job.id).where(Job.key == job.key, Job.state.in_(UNFINISHED))):
        raise Conflict(message=N_("The same job is under way already."))
    job.state = JobState.QUEUED.value
    job.attempts = 0
    job.run_after = clock.utcnow()
    job.finished_at = None
    audit.record(session, actor, AuditAction.JOB_RETRIED, subject=("job", job.id), store_id=job.store_id)
    db.wake_after_commit(session)
    session.flush()
    return job


def tidy(session: Session) -> int:
    """Delete what is long finished, and return how many rows went."""
    now = clock.utcnow()
    gone = or_(
        and_(Job.state == JobState.DONE, Job.finished_at < now - jobs.KEPT_DONE),
        and_(
            Job.state == JobState.DONE,
            Job.subject_type == "recurring",
            Job.finished_at < now - jobs.KEPT_RECURRING,
        ),
        and_(Job.state == JobState.DEAD, Job.finished_at < now - jobs.KEPT_DEAD),
    )
    return _count(session.execute(delete(Job).where(gone)))


def describe(error: BaseException) -> str:
    """Return what may be shown of an error: ours are fixed sentences, of others only the kind."""
    return error.message if isinstance(error, AppError) else type(error).__name__


def _change(session: Session, job_id: uuid.UUID, token: uuid.UUID, values: Mapping[str, Any]) -> None:
    held = update(Job).where(Job.id == job_id, Job.lease_token == token, Job.state == JobState.RUNNING)
    changed = session.execute(held.values(values), execution_options={"synchronize_session": False})
    if _count(changed) != 1:
        raise LeaseLost


def _held(session: Session, job_id: uuid.UUID, token: uuid.UUID) -> Job:
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.lease_token != token or job.state != JobState.RUNNING:
        raise LeaseLost
    return job


def _end(job: Job, state: JobState, error: str) -> None:
    job.state = state.value
    job.error = error[:300]
    job.finished_at = clock.utcnow()
    job.lease_token = job.leased_until = None
    job.is_wanted_again = False


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount


def _literals(values: tuple[str, ...]) -> list[Any]:
    # The partial index is recognised by its text, which a bound parameter would hide.
    return [literal_column(f"'{value}'") for value in values]
