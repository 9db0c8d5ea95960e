"""How many requests a client may still send in this minute, counted for all processes together."""

import uuid

from sqlalchemy import case
from sqlalchemy.orm import Session

from app.models import ApiQuota
from app.services import upserts


def take(
    session: Session, api_client_id: uuid.UUID, kind: str, *, minute: int, wanted: int, limit: int
) -> int:
    """Return how many of the wanted requests the client may send in the minute; one statement.

    What is given out here is never given out twice, so all processes together never let more
    through than the limit.
    """
    statement = upserts.insert(session, ApiQuota).values(
        api_client_id=api_client_id, kind=kind, minute=minute, used=wanted
    )
    before = case((ApiQuota.minute == minute, ApiQuota.used), else_=0)
    used = session.execute(
        statement.on_conflict_do_update(
            index_elements=[ApiQuota.api_client_id, ApiQuota.kind],
            set_={"minute": minute, "used": before + wanted},
        ).returning(ApiQuota.used)
    ).scalar_one()
    return max(0, min(wanted, limit - (int(used) - wanted)))
