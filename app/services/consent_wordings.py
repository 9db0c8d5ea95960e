"""Wordings of consent: new ones, new versions of those in use, retiring."""

import uuid
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.consent_wordings import WordingInput
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Conflict, NotFound, Stale
from app.models import ConsentWording
from app.models.base import new_id
from app.services import audit

_SHOWN = ("key", "purpose", "channels", "language", "version", "title", "text")


def create(session: Session, actor: Actor, given: WordingInput) -> ConsentWording:
    """Add a wording: version 1 of its key and language, or the version after the newest.

    Raises Invalid, and Conflict where the key stands for another purpose.
    """
    actor.require(Permission.ADMIN_MANAGE)
    columns = given.check()
    _refuse_other_purpose(session, columns, None)
    newest = session.scalar(
        select(func.max(ConsentWording.version)).where(
            ConsentWording.key == columns["key"], ConsentWording.language == columns["language"]
        )
    )
    now = clock.utcnow()
    row = ConsentWording(
        id=new_id(),
        **columns,
        version=(newest or 0) + 1,
        created_by_id=actor.id,
        created_at=now,
        updated_at=now,
        revision=1,
    )
    session.add(row)
    session.flush()
    _audit(session, actor, AuditAction.WORDING_CREATED, row, {})
    return row


def save(
    session: Session, actor: Actor, wording_id: uuid.UUID, given: WordingInput, *, revision: int
) -> ConsentWording:
    """Change a wording that nobody was shown yet; one in use stays, and a new version is made.

    Raises Invalid, NotFound, Stale, and Conflict for a key of another purpose.
    """
    actor.require(Permission.ADMIN_MANAGE)
    row = _get(session, wording_id, revision)
    if row.used_at is not None:
        columns = given.check()
        if (columns["key"], columns["language"]) != (row.key, row.language):
            raise Conflict(
                {"key": [N_("A new version keeps the key and the language. Add a new wording instead.")]}
            )
        return create(session, actor, given)
    before = _shown(row)
    columns = given.check()
    _refuse_other_purpose(session, columns, row.id)
    if (columns["key"], columns["language"]) != (row.key, row.language):
        raise Conflict({"key": [N_("The key and the language stay. Add a new wording instead.")]})
    for name, value in columns.items():
        setattr(row, name, value)
    _touch(row)
    session.flush()
    _audit(session, actor, AuditAction.WORDING_UPDATED, row, before)
    return row


def retire(session: Session, actor: Actor, wording_id: uuid.UUID, *, revision: int) -> ConsentWording:
    """Show the wording to nobody any more; what was agreed with it stays."""
    return _set_retired(session, actor, wording_id, revision, is_retired=True)


def use_again(session: Session, actor: Actor, wording_id: uuid.UUID, *, revision: int) -> ConsentWording:
    """Show a retired wording again, if it is the newest version."""
    return _set_retired(session, actor, wording_id, revision, is_retired=False)


def _set_retired(
    session: Session, actor: Actor, wording_id: uuid.UUID, revision: int, *, is_retired: bool
) -> ConsentWording:
    actor.require(Permission.ADMIN_MANAGE)
    row = _get(session, wording_id, revision)
    before = {"retired": row.retired_at is not None}
    row.retired_at = clock.utcnow() if is_retired else None
    _touch(row)
    session.flush()
    audit.record(
        session,
        actor,
        AuditAction.WORDING_UPDATED,
        subject=("consent_wording", row.id),
        changes=diff(before, {"retired": is_retired}),
    )
    return row


def _get(session: Session, wording_id: uuid.UUID, revision: int) -> ConsentWording:
    row = session.get(ConsentWording, wording_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    if row.revision != revision:
        raise Stale(row.revision)
    return row


def _touch(row: ConsentWording) -> None:
    row.revision += 1
    row.updated_at = clock.utcnow()


def _refuse_other_purpose(session: Session, columns: dict[str, Any], own_id: uuid.UUID | None) -> None:
    query = select(ConsentWording.id).where(
        ConsentWording.key == columns["key"], ConsentWording.purpose != columns["purpose"]
    )
    if own_id is not None:
        query = query.where(ConsentWording.id != own_id)
    if session.scalar(query.limit(1)) is not None:
        raise Conflict({"key": [N_("This key stands for another purpose. Choose another key.")]})


def _shown(row: ConsentWording) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SHOWN}


def _audit(
    session: Session, actor: Actor, action: AuditAction, row: ConsentWording, before: dict[str, Any]
) -> None:
    audit.record(
        session, actor, action, subject=("consent_wording", row.id), changes=diff(before, _shown(row))
    )
