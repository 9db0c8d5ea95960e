"""What of the outgoing events people have to know."""

from datetime import timedelta

from sqlalchemy import exists, func, select, true
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.events import EventKind
from app.models import Delivery, Event


def count_unacknowledged_withdrawals(session: Session, actor: Actor, older_than: timedelta) -> int:
    """Return how many withdrawals a receiver was to be told of and has not acknowledged since.

    Only withdrawals of the actor's stores that are older than `older_than` count; each once,
    however many receivers are missing. Without a registered address there are none.
    """
    told = exists().where(Delivery.event_number == Event.number, Delivery.acknowledged_at.is_(None))
    in_store = true() if actor.has_every_store else Event.store_id.in_(actor.store_ids)
    query = select(func.count()).where(
        Event.kind == EventKind.CONSENT_CHANGED,
        Event.data["state"].as_string() == "withdrawn",
        Event.at < clock.utcnow() - older_than,
        in_store,
        told,
    )
    return session.scalar(query.select_from(Event)) or 0
