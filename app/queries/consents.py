"""How a customer's opt-ins stand, and how they came about."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose, State, summary
from app.models import Associate, Consent, ConsentEvent, Store
from app.queries import customers as customer_queries

MAX_EVENTS = 200


@dataclass(frozen=True, kw_only=True)
class ConsentRow:
    """How one channel and purpose stands in one store."""

    store_id: uuid.UUID
    store_name: str
    channel: Channel
    purpose: Purpose
    state: State
    since: datetime

    @property
    def channel_label(self) -> str:
        """Name the channel for people."""
        return self.channel.label

    @property
    def purpose_label(self) -> str:
        """Name the purpose for people."""
        return self.purpose.label

    @property
    def icon(self) -> str:
        """Name the channel's icon."""
        return self.channel.icon


@dataclass(frozen=True, kw_only=True)
class ConsentEventRow:
    """One declaration as the history shows it."""

    store_name: str
    channel: Channel
    purpose: Purpose
    action: Action
    method: Method
    at: datetime
    who: str
    source: str
    wording: str
    language: str

    @property
    def label(self) -> str:
        """Say what was declared for what."""
        return f"{self.action.label}: {self.channel.label}, {self.purpose.label}"

    @property
    def method_label(self) -> str:
        """Name the method for people."""
        return self.method.label


def list_states(session: Session, actor: Actor, customer_id: uuid.UUID) -> Sequence[ConsentRow]:
    """Return each channel and purpose in the stores that the actor may see, clienteling first."""
    customer_queries.get(session, actor, customer_id)
    query = (
        select(Consent, Store.name)
        .join(Store, Store.id == Consent.store_id)
        .where(Consent.customer_id == customer_id)
        .order_by(Consent.purpose, Store.name, Consent.channel)
    )
    if not actor.sees_every_customer:
        query = query.where(Consent.store_id.in_(actor.store_ids))
    return [
        ConsentRow(
            store_id=row.store_id,
            store_name=name,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            state=State(row.state),
            since=row.since,
        )
        for row, name in session.execute(query)
    ]


def list_events(session: Session, actor: Actor, customer_id: uuid.UUID) -> Sequence[ConsentEventRow]:
    """Return the newest declarations, at most `MAX_EVENTS`, in the stores that the actor may see."""
    customer_queries.get(session, actor, customer_id)
    query = (
        select(ConsentEvent, Store.name, Associate)
        .join(Store, Store.id == ConsentEvent.store_id)
        .outerjoin(Associate, Associate.id == ConsentEvent.associate_id)
        .where(ConsentEvent.customer_id == customer_id)
        .order_by(ConsentEvent.at.desc(), ConsentEvent.id.desc())
        .limit(MAX_EVENTS)
    )
    if not actor.sees_every_customer:
        query = query.where(ConsentEvent.store_id.in_(actor.store_ids))
    return [
        ConsentEventRow(
            store_name=name,
            channel=Channel(event.channel),
            purpose=Purpose(event.purpose),
            action=Action(event.action),
            method=Method(event.method),
            at=event.at,
            who=_who(event, associate),
            source=event.source,
            wording=event.wording,
            language=event.language,
        )
        for event, name, associate in session.execute(query)
    ]


def opt_ins_of(
    session: Session, customer_ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], tuple[str, datetime | None]]:
    """Return the opt-in state and its date by (store, customer), for links that are made later.

    Who refused in a store before ordering there has said no, although no link told so.
    """
    found: dict[tuple[uuid.UUID, uuid.UUID], list[Consent]] = {}
    for row in session.scalars(
        select(Consent).where(
            Consent.customer_id.in_(customer_ids), Consent.purpose == Purpose.CLIENTELING.value
        )
    ):
        found.setdefault((row.store_id, row.customer_id), []).append(row)
    return {
        key: (
            summary(State(row.state) for row in rows).value,
            max((row.since for row in rows if row.state == State.ACCEPTED.value), default=None),
        )
        for key, rows in found.items()
    }


def _who(event: ConsentEvent, associate: Associate | None) -> str:
    return associate.name if associate else event.source or Method(event.method).label
