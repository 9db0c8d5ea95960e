"""Ending what time ends; only the system does this, and it never gives anything."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.consent_asks import AskKind, AskState
from app.domain.consents import Action, Channel, ConsentInput, Method, Purpose, State
from app.domain.texts import N_
from app.models import Consent, ConsentAsk
from app.services import consents


def end_asks(session: Session, actor: Actor, *, limit: int) -> int:
    """End open questions whose time is over, with what waited for their answer; return how many."""
    asks = session.scalars(
        select(ConsentAsk)
        .where(ConsentAsk.state == AskState.OPEN.value, ConsentAsk.expires_at <= clock.utcnow())
        .order_by(ConsentAsk.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for ask in asks:
        ask.state = AskState.EXPIRED.value
        if ask.kind != AskKind.CONFIRMATION:
            continue
        keys = [(purpose, channel) for channel, purpose, _ in ask.offers]
        rows = session.scalars(
            select(Consent).where(
                Consent.customer_id == ask.customer_id,
                Consent.store_id == ask.store_id,
                Consent.state == State.PENDING.value,
            )
        )
        _expire(session, actor, [row for row in rows if (row.purpose, row.channel) in keys])
    return len(asks)


def end_old_consents(session: Session, actor: Actor, *, months: int, limit: int) -> int:
    """Let opt-ins expire that were given longer ago than so many months; return how many."""
    before = clock.add_months(clock.utcnow(), -months)
    rows = session.scalars(
        select(Consent)
        .where(Consent.state == State.ACCEPTED.value, Consent.since < before)
        .order_by(Consent.since, Consent.customer_id)
        .limit(limit)
    ).all()
    _expire(session, actor, list(rows))
    return len(rows)


def _expire(session: Session, actor: Actor, rows: list[Consent]) -> None:
    batch = [
        ConsentInput(
            customer_id=row.customer_id,
            store_id=row.store_id,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            action=Action.EXPIRED,
            method=Method.SYSTEM,
            at=clock.utcnow(),
            source=N_("Time limit"),
        )
        for row in rows
    ]
    consents.record_all(session, actor, batch)
