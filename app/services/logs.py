"""The logs as files, of which the audit log tells, and how long their entries are kept."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.permissions import Permission
from app.models import AccessEntry, AuditEntry
from app.services import audit

# So many entries are deleted at once, so that nobody waits long for SQLite's only writer.
BATCH = 2_000


def record_export(
    session: Session, actor: Actor, log: str, *, entries: int, asked: Mapping[str, str]
) -> None:
    """Note that the actor downloaded a log; `asked` are the filters by name. Raises Forbidden."""
    actor.require(Permission.AUDIT_EXPORT)
    changes = {name: (None, value) for name, value in asked.items() if value}
    audit.record(
        session,
        actor,
        AuditAction.LOG_EXPORTED,
        subject=("log", log),
        changes={**changes, "entries": (None, entries)},
    )


def delete_before(session: Session, log: type[AuditEntry] | type[AccessEntry], before: datetime) -> int:
    """Delete one batch of a log's oldest entries from before that moment, and return how many."""
    ids = session.scalars(select(log.id).where(log.at < before).order_by(log.at).limit(BATCH)).all()
    if ids:
        session.execute(delete(log).where(log.id.in_(ids)))
    return len(ids)
