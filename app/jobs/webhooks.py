"""Deliver outgoing events: the outbox has claims of its own, so that no address keeps jobs waiting."""

import time
from datetime import timedelta

from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import events, networks
from app.domain.actor import Actor
from app.domain.jobs import JobKind
from app.domain.texts import N_
from app.domain.values import BadValue
from app.jobs.registry import Background, Work, every, sweeps
from app.queries import webhooks as queries
from app.services import outbound, webhooks
from app.services.sealing import Sealer

# Threads of each process; the services see to it that one address never has them all.
THREADS = 4


@sweeps
def deliver(background: Background) -> None:
    """Begin to deliver when something is due; returns at once."""
    with Session(background.engine) as session:
        is_due = queries.first_due(session) is not None
    if is_due:
        background.start("webhooks", THREADS, lambda: deliver_one(background))


def deliver_one(background: Background) -> bool:
    """Claim one delivery, send it and note how it went; False when nothing is due."""
    settings = background.settings
    sealer = Sealer(settings.secret_keys)
    with Session(background.engine, expire_on_commit=False) as session:
        # Looked for before the transaction, which on SQLite holds up everybody who writes.
        due = queries.first_due(session)
        if due is None:
            return False
        with transaction(session):
            parcel = webhooks.claim(session, sealer, due)
        if parcel is None:
            # Somebody else has it by now; there may be another.
            return True
        answer, error = send(parcel, allow_private=settings.webhook_allow_private)
        with transaction(session):
            webhooks.settle(
                session,
                Actor.system(N_("webhooks")),
                parcel,
                status=answer.status if answer else None,
                error=error,
                retry_after=answer.retry_after if answer else "",
            )
    return True


def send(parcel: webhooks.Parcel, *, allow_private: bool) -> tuple[outbound.Answer | None, str]:
    """Send a delivery, and return the answer or what went wrong."""
    if not parcel.secrets:
        return None, N_("Its secret cannot be read with this SECRET_KEY. Make a new secret.")
    try:
        # Read again: what may be called can have changed since the address was saved.
        target = networks.parse(parcel.url, allow_private=allow_private)
        headers = events.headers(
            parcel.secrets, event_id=parcel.event_id, timestamp=int(time.time()), content=parcel.content
        )
        return outbound.post(target, headers, parcel.content, allow_private=allow_private), ""
    except (outbound.Unreachable, BadValue) as error:
        return None, str(error)


@every(timedelta(hours=24), JobKind.EVENTS_TIDY)
def tidy(work: Work) -> None:
    """Delete events that are old."""
    with work.step() as session:
        webhooks.tidy(session)
