"""Imports: a file is applied in batches, each its own transaction, and goes on after a break."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, digests
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.permissions import Permission
from app.errors import AppError, Conflict
from app.models import ImportJob
from app.services import audit, import_rows
from app.services.import_files import Row, Source
from app.services.import_rows import Context, Outcome, Result

RUNNING = "running"
FINISHED = "finished"


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """What came of one row; `reasons` are (column, reason) of a refused one."""

    line: int
    outcome: Outcome
    reasons: Sequence[tuple[str, str]] = ()


def start(session: Session, actor: Actor, source: Source, *, store_id: uuid.UUID | None) -> ImportJob:
    """Begin the import of a file, or find the one of the same file that was broken off.

    The same means: same kind, content, mapping and store.
    """
    actor.require(Permission.CUSTOMER_IMPORT)
    digest = digests.sha256(f"{source.digest}\n{store_id}")
    broken_off = session.scalars(
        select(ImportJob)
        .where(ImportJob.source_hash == digest, ImportJob.state == RUNNING)
        .order_by(ImportJob.started_at.desc())
        .limit(1)
    ).one_or_none()
    if broken_off is not None:
        return broken_off
    job = ImportJob(
        kind=source.kind,
        file_name=source.path.name[:200],
        source_hash=digest,
        store_id=store_id,
        state=RUNNING,
        rows_done=0,
        created_count=0,
        updated_count=0,
        unchanged_count=0,
        refused_count=0,
        started_at=clock.utcnow(),
    )
    session.add(job)
    session.flush()
    return job


def was_finished(session: Session, job: ImportJob) -> bool:
    """True when the same file went through an earlier import to its end."""
    earlier = select(ImportJob.id).where(
        ImportJob.source_hash == job.source_hash, ImportJob.state == FINISHED, ImportJob.id != job.id
    )
    return session.scalar(earlier.limit(1)) is not None


def apply(
    session: Session, actor: Actor, job_id: uuid.UUID, context: Context, batch: Sequence[Row]
) -> list[RowResult]:
    """Apply one batch of rows that are read, in the running transaction, and note how far the job came.

    Raises Conflict when another process went on with the same job meanwhile.
    """
    actor.require(Permission.CUSTOMER_IMPORT)
    job = session.get_one(ImportJob, job_id, with_for_update=True, populate_existing=True)
    expected = context.rows_done
    if job.rows_done != expected or job.state != RUNNING:
        raise Conflict(message="Another process works on the same import.")
    results = preview(session, actor, job.kind, context, batch)
    job.rows_done += len(batch)
    job.created_count += _count(results, Outcome.CREATED)
    job.updated_count += _count(results, Outcome.UPDATED)
    job.unchanged_count += _count(results, Outcome.UNCHANGED)
    job.refused_count += _count(results, Outcome.REFUSED)
    session.flush()
    return results


def preview(
    session: Session, actor: Actor, kind: str, context: Context, batch: Sequence[Row]
) -> list[RowResult]:
    """Apply one batch without a job; a dry run rolls its transaction back."""
    actor.require(Permission.CUSTOMER_IMPORT)
    good = [row for row in batch if row.error is None]
    applied = iter(import_rows.apply(kind, session, actor, context, [row.data for row in good]))
    return [_result(row.line, row.error if row.error is not None else next(applied)) for row in batch]


def finish(session: Session, actor: Actor, job_id: uuid.UUID) -> ImportJob:
    """Close an import that went through its file, and audit it."""
    job = session.get_one(ImportJob, job_id, with_for_update=True, populate_existing=True)
    job.state = FINISHED
    job.finished_at = clock.utcnow()
    audit.record(
        session,
        actor,
        AuditAction.IMPORT_FINISHED,
        subject=("import", job.id),
        store_id=job.store_id,
        changes={
            "kind": (None, job.kind),
            "created": (None, job.created_count),
            "updated": (None, job.updated_count),
            "unchanged": (None, job.unchanged_count),
            "refused": (None, job.refused_count),
        },
    )
    session.flush()
    return job


def totals(job: ImportJob) -> Counter[Outcome]:
    """Return what came of the rows of an import, over all its runs."""
    return Counter(
        {
            Outcome.CREATED: job.created_count,
            Outcome.UPDATED: job.updated_count,
            Outcome.UNCHANGED: job.unchanged_count,
            Outcome.REFUSED: job.refused_count,
        }
    )


def prepare(session: Session, store_id: uuid.UUID | None, *, rows_done: int) -> Context:
    """Read what every batch needs; once for each batch, so that it is never stale."""
    context = import_rows.prepare(session, store_id)
    context.rows_done = rows_done
    return context


def _count(results: Sequence[RowResult], outcome: Outcome) -> int:
    return sum(result.outcome is outcome for result in results)


def _result(line: int, result: Result) -> RowResult:
    if not isinstance(result, AppError):
        return RowResult(line=line, outcome=result)
    fields = getattr(result, "fields", {}) or {"": [result.message]}
    reasons = [(column, reason) for column, many in fields.items() for reason in many]
    return RowResult(line=line, outcome=Outcome.REFUSED, reasons=reasons)
