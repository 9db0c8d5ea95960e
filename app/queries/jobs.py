"""Background jobs as people see them, and what of them is due."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.jobs import UNFINISHED, JobState, recurring_key
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import Job


def list_page(session: Session, actor: Actor, asked: PageRequest, state: JobState | None = None) -> Page[Job]:
    """Return jobs, dead ones first, then what runs, what waits, what is done; each newest first.

    Administrators see all, others those that they asked for.
    """
    actor.require(Permission.JOB_VIEW)
    criterion = and_(_visible(actor), Job.state == state if state else true())
    rank = case(
        {JobState.DEAD.value: 0, JobState.RUNNING.value: 1, JobState.QUEUED.value: 2},
        value=Job.state,
        else_=3,
    )
    rows = session.scalars(
        select(Job)
        .where(criterion)
        .order_by(rank, Job.created_at.desc(), Job.id.desc())
        .offset(asked.offset)
        .limit(asked.count)
    ).all()
    total = session.scalar(select(func.count()).select_from(Job).where(criterion)) or 0
    return Page(items=rows, offset=asked.offset, requested=asked.count, total=total)


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """Return how many jobs the actor sees in each state."""
    actor.require(Permission.JOB_VIEW)
    query = select(Job.state, func.count()).where(_visible(actor)).group_by(Job.state)
    return dict(list(session.execute(query)))


def get(session: Session, actor: Actor, job_id: uuid.UUID) -> Job:
    """Return a job that the actor asked for, or any for an administrator. Raises NotFound."""
    job = session.scalars(select(Job).where(Job.id == job_id, _visible(actor))).one_or_none()
    if job is None:
        raise NotFound
    return job


def is_any_due(session: Session, *, kinds: list[str] | None = None) -> bool:
    """True when a worker would find something to claim; it reads only, and locks nobody out."""
    now = clock.utcnow()
    due = or_(
        and_(Job.state == JobState.QUEUED, Job.run_after <= now),
        and_(Job.state == JobState.RUNNING, Job.leased_until <= now),
    )
    query = select(Job.id).where(due).limit(1)
    if kinds is not None:
        query = query.where(Job.kind.in_(kinds))
    return session.scalar(query) is not None


def is_recurring_due(session: Session, kind: StrEnum, every: timedelta) -> bool:
    """True when recurring work neither waits nor runs and ended longer ago than `every`."""
    last = session.execute(
        select(Job.state, Job.finished_at, Job.created_at)
        .where(Job.key == recurring_key(kind))
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return True
    ended = last.finished_at or last.created_at
    return last.state not in UNFINISHED and ended + every <= clock.utcnow()


def oldest_due(session: Session) -> datetime | None:
    """Return since when the job that waits longest is due, or None."""
    return session.scalar(
        select(func.min(Job.run_after)).where(Job.state == JobState.QUEUED, Job.run_after <= clock.utcnow())
    )


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.can(Permission.ADMIN_MANAGE):
        return true()
    return Job.created_by_id == actor.id
