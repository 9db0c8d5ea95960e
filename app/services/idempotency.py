"""Acts that happen once, however often their form is sent."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, digests
from app.domain.actor import Actor
from app.domain.texts import N_
from app.errors import Conflict
from app.models import IdempotencyKey
from app.models.base import new_id
from app.services import upserts


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
    request_hash = digests.sha256(json.dumps(given, sort_keys=True, default=str))
    own_id = new_id()
    # The key goes first: whoever sends it at the same time waits here until the act is done or undone,
    # instead of doing it a second time and failing at the end.
    session.execute(
        upserts.insert(session, IdempotencyKey)
        .values(
            id=own_id,
            actor_key=who,
            act=act,
            key=key[:80],
            request_hash=request_hash,
            # What it leads to is known when the act is done.
            subject_id=own_id,
            created_at=clock.utcnow(),
        )
        .on_conflict_do_nothing(index_elements=["actor_key", "act", "key"])
    )
    known = session.scalars(
        select(IdempotencyKey).where(
            IdempotencyKey.actor_key == who, IdempotencyKey.act == act, IdempotencyKey.key == key[:80]
        )
    ).one()
    if known.id != own_id:
        if known.request_hash != request_hash:
            raise Conflict(
                message=N_("This form was saved already with other values. Open it again to add another.")
            )
        return known.subject_id
    known.subject_id = do()
    session.flush()
    return known.subject_id
