"""The audit log and the access log: every act writes here, in its own transaction."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict, Unpack, cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import clock, digests, folding
from app.domain.actor import Actor
from app.domain.audit import AccessAction, AuditAction, Changes
from app.models import AccessEntry, AuditEntry
from app.services.rows import insert_rows


class What(TypedDict, total=False):
    """What an act did.

    `subject` is (type, id) of what was changed; `changes` maps field to (old, new), plain values.
    """

    subject: Required[tuple[str, object]]
    customer_id: uuid.UUID | None
    store_id: uuid.UUID | None
    revision: int | None
    changes: Changes | None


def record(session: Session, actor: Actor, action: AuditAction, **what: Unpack[What]) -> AuditEntry:
    """Add the entry of an act to the running transaction."""
    entry = AuditEntry(**entry_values(actor, action, **what))
    session.add(entry)
    return entry


def entry_values(actor: Actor, action: AuditAction, **what: Unpack[What]) -> dict[str, Any]:
    """Return the columns of the entry that `record` adds, for `record_batch`."""
    subject, changes = what["subject"], what.get("changes")
    return {
        "at": clock.utcnow(),
        "actor_id": actor.id,
        "actor_name": actor.name,
        "role": actor.role.value,
        "channel": actor.channel.value,
        "action": action.value,
        "subject_type": subject[0],
        "subject_id": str(subject[1]),
        "customer_id": what.get("customer_id"),
        "store_id": what.get("store_id") or actor.store_id,
        "revision": what.get("revision"),
        "fields": sorted(changes or {}),
        "changes": {name: list(pair) for name, pair in changes.items()} if changes else None,
        "request_id": actor.request_id,
        "device": actor.device,
    }


def record_batch(session: Session, entries: Sequence[Mapping[str, Any]]) -> None:
    """Add the entries of many acts, each as `entry_values` gives it, with one statement."""
    insert_rows(session, AuditEntry, entries)


_ACCESS = insert(cast("Table", AccessEntry.__table__)).execution_options(**PLANNED_ONCE)


def record_access(
    session: Session, actor: Actor, action: AccessAction, customer_id: uuid.UUID, *, detail: str = ""
) -> None:
    """Add to the access log that the actor saw the customer's data; `detail` says which, where it matters."""
    values = access_values(actor, action, detail=detail) | {"customer_id": customer_id}
    # Each profile notes one, so it is not made an object first, which takes as long as all the rest.
    session.execute(_ACCESS, values)


def access_values(
    actor: Actor, action: AccessAction, *, detail: str = "", search_hash: str = ""
) -> dict[str, Any]:
    """Return the columns of an entry of the access log: who, where and when, but not yet whom."""
    return {
        "at": clock.utcnow(),
        "actor_id": actor.id,
        "actor_name": actor.name,
        "channel": actor.channel.value,
        "store_id": actor.store_id,
        "action": action.value,
        "detail": detail[:40],
        "search_hash": search_hash,
        "device": actor.device,
        "request_id": actor.request_id,
    }


def hash_search(secret: str, text: str) -> str:
    """Return what was searched as a keyed hash: the same search can be known again, and not be read."""
    folded = folding.fold(text) or text.strip()
    if not folded:
        return ""
    return digests.keyed(secret, "search", folded)[:32]
