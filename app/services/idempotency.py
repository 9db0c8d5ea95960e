"""Acts that happen once, however often their form is sent."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.texts import N_
from app.errors import Conflict
from app.models import IdempotencyKey


def once(
    session: Session,
    actor: Actor,
    act: str,
    key: str,
    given: Mapping[str, Any],
    do: Callable[[], uuid.UUID],
) -> uuid.UUID:
    """Do the act and return the id of what it made; the same key again returns that id undone.

    Raises Conflict when the key was used with other input. The key is written in the running
    transaction: it is kept exactly when the act is.
    """
    who = str(actor.id or actor.name)
    request_hash = hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()
    known = session.scalars(
        select(IdempotencyKey).where(
            IdempotencyKey.actor_key == who, IdempotencyKey.act == act, IdempotencyKey.key == key[:80]
        )
    ).one_or_none()
    if known is not None:
        if known.request_hash != request_hash:
            raise Conflict(
                message=N_("This form was saved already with other values. Open it again to add another.")
            )
        return known.subject_id
    subject_id = do()
    session.add(
        IdempotencyKey(
            actor_key=who,
            act=act,
            key=key[:80],
            request_hash=request_hash,
            subject_id=subject_id,
            created_at=clock.utcnow(),
        )
    )
    session.flush()
    return subject_id
