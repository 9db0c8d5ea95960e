"""The audit log and the access log: every act writes here, in its own transaction."""

import uuid

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction, AuditAction, Changes
from app.models import AccessEntry, AuditEntry


def record(
    session: Session,
    actor: Actor,
    action: AuditAction,
    *,
    subject: tuple[str, object],
    customer_id: uuid.UUID | None = None,
    store_id: uuid.UUID | None = None,
    revision: int | None = None,
    changes: Changes | None = None,
) -> AuditEntry:
    """Add the entry of an act to the running transaction.

    `subject` is (type, id) of what was changed; `changes` maps field to (old, new), plain values.
    """
    entry = AuditEntry(
        at=clock.utcnow(),
        actor_id=actor.id,
        actor_name=actor.name,
        role=actor.role.value,
        channel=actor.channel.value,
        action=action.value,
        subject_type=subject[0],
        subject_id=str(subject[1]),
        customer_id=customer_id,
        store_id=store_id or actor.store_id,
        revision=revision,
        fields=sorted(changes or {}),
        changes={name: list(pair) for name, pair in changes.items()} if changes else None,
        request_id=actor.request_id,
    )
    session.add(entry)
    return entry


def record_access(session: Session, actor: Actor, action: AccessAction, customer_id: uuid.UUID) -> None:
    """Add to the access log that the actor saw the customer's data."""
    session.add(
        AccessEntry(
            at=clock.utcnow(),
            actor_id=actor.id,
            actor_name=actor.name,
            channel=actor.channel.value,
            store_id=actor.store_id,
            customer_id=customer_id,
            action=action.value,
            request_id=actor.request_id,
        )
    )
