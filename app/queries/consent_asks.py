"""Questions to customers: found by id, by the tablet that was handed over or by a link, and what they ask.

Whoever has the tablet or the link may answer, so nothing here asks who is signed in.
"""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, digests
from app.domain.consent_asks import AskKind, AskState, Choice
from app.domain.consents import Channel, Purpose, State
from app.errors import NotFound
from app.models import Consent, ConsentAsk, ConsentWording, SignInSession, Store


def get(session: Session, ask_id: uuid.UUID) -> ConsentAsk:
    """Return the question as it stands now. Raises NotFound."""
    ask = session.get(ConsentAsk, ask_id, populate_existing=True)
    if ask is None:
        raise NotFound
    return ask


def handed_over(session: Session, token: str) -> ConsentAsk | None:
    """Return the question that a device was handed over for; `token` is that of its session."""
    row = session.get(SignInSession, digests.sha256(token))
    return session.get(ConsentAsk, row.hand_over_id) if row is not None and row.hand_over_id else None


def open_link(session: Session, token: str, kind: AskKind) -> ConsentAsk:
    """Return the open question behind a token. Raises NotFound for one that is used up or late."""
    query = select(ConsentAsk).where(
        ConsentAsk.token_hash == digests.sha256(token), ConsentAsk.kind == kind.value
    )
    ask = session.scalars(query).one_or_none()
    if ask is None or not is_open(ask):
        raise NotFound
    return ask


def is_open(ask: ConsentAsk) -> bool:
    """True while the customer can still answer."""
    return ask.state == AskState.OPEN and ask.expires_at > clock.utcnow()


def store_of(session: Session, ask: ConsentAsk) -> Store:
    """Return the store that asks."""
    return session.get_one(Store, ask.store_id)


def wordings(session: Session, ask: ConsentAsk) -> dict[Choice, ConsentWording]:
    """Return the wording of each choice of a question."""
    keys = {uuid.UUID(key) for _, _, key in ask.offers}
    texts = {
        row.id: row for row in session.scalars(select(ConsentWording).where(ConsentWording.id.in_(keys)))
    }
    return {
        (Channel(channel), Purpose(purpose)): texts[uuid.UUID(key)] for channel, purpose, key in ask.offers
    }


def states(session: Session, customer_id: uuid.UUID, store_id: uuid.UUID) -> dict[Choice, State]:
    """Return how everything stands that a customer ever declared in a store."""
    rows = session.scalars(
        select(Consent).where(Consent.customer_id == customer_id, Consent.store_id == store_id)
    )
    return {(Channel(row.channel), Purpose(row.purpose)): State(row.state) for row in rows}


def has_pending(session: Session, ask: ConsentAsk) -> bool:
    """True when something of a question waits for the link in a mail."""
    standing = states(session, ask.customer_id, ask.store_id)
    return any(
        standing.get((Channel(channel), Purpose(purpose))) is State.PENDING
        for channel, purpose, _ in ask.offers
    )
