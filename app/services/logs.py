"""The logs as files: who downloads one leaves an entry in the audit log."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.permissions import Permission
from app.services import audit


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
