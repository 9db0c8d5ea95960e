"""How a customer's opt-ins stand, and how they came about."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain.actor import Actor
from app.domain.consents import (
    OPEN_STATES,
    YES_ACTIONS,
    Action,
    Channel,
    Method,
    Purpose,
    State,
    summary,
    weaknesses,
)
from app.domain.texts import Text
from app.models import Associate, Consent, ConsentEvent, ConsentWording, Customer, Store
from app.queries import customers as customer_queries
from app.queries import scope, together

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
    device: str
    weaknesses: tuple[str, ...]

    @property
    def label(self) -> str:
        """Say what was declared for what."""
        return Text.of(
            "%(action)s: %(channel)s, %(purpose)s",
            action=Text.of(self.action.label),
            channel=Text.of(self.channel.label),
            purpose=Text.of(self.purpose.label),
        )

    @property
    def method_label(self) -> str:
        """Name the method for people."""
        return self.method.label


# Each profile asks, so it is made once, and of tables, whose rows take half as long as of classes.
_consents, _stores = Consent.__table__.c, Store.__table__.c
_STATES = (
    select(
        _consents.store_id, _stores.name, _consents.channel, _consents.purpose, _consents.state,
        _consents.since,
    )
    .join(Store.__table__, _stores.id == _consents.store_id)
    .where(_consents.customer_id == bindparam("customer_id"))
    .order_by(_consents.purpose, _stores.name, _consents.channel)
    .execution_options(**PLANNED_ONCE)
)  # fmt: skip


@lru_cache(maxsize=256)
def _states_in(kept_to: scope.Bounds) -> Select[Any]:
    return _STATES if kept_to is None else _STATES.where(scope.among(_consents.store_id, kept_to))


def list_states(session: Session, actor: Actor, customer_id: uuid.UUID) -> Sequence[ConsentRow]:
    """Return each channel and purpose in the stores that the actor may see, clienteling first."""
    customer_queries.seen(session, actor, customer_id)
    return [
        ConsentRow(
            store_id=row.store_id,
            store_name=row.name,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            state=State(row.state),
            since=row.since,
        )
        for row in together.rows(session, read_of_states(actor, customer_id))
    ]


def read_of_states(actor: Actor, customer_id: uuid.UUID) -> together.Read:
    """Return what `list_states` asks."""
    return together.Read(_states_in(scope.bounds(actor)), {"customer_id": customer_id})


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
            device=event.device,
            weaknesses=weaknesses(
                Method(event.method),
                has_wording=event.wording != "",
                has_evidence=event.evidence_id is not None,
            )
            if Action(event.action) in YES_ACTIONS
            else (),
        )
        for event, name, associate in session.execute(query)
    ]


@dataclass(frozen=True, kw_only=True)
class OpenChannel:
    """A channel through which a customer may be reached, or is being asked, and what for."""

    channel: Channel
    purposes: tuple[Purpose, ...]


def open_channels(session: Session, customer_id: uuid.UUID, store_id: uuid.UUID) -> list[OpenChannel]:
    """Return what a customer can withdraw in a store, channel by channel."""
    rows = session.scalars(
        select(Consent)
        .where(
            Consent.customer_id == customer_id,
            Consent.store_id == store_id,
            Consent.state.in_([state.value for state in OPEN_STATES]),
        )
        .order_by(Consent.purpose)
    ).all()
    found = {
        channel: tuple(Purpose(row.purpose) for row in rows if row.channel == channel) for channel in Channel
    }
    return [
        OpenChannel(channel=channel, purposes=purposes) for channel, purposes in found.items() if purposes
    ]


def last_language(session: Session, customer_id: uuid.UUID) -> str | None:
    """Return the language that a customer was asked in last, None for nobody asked."""
    return session.scalar(
        select(ConsentEvent.language)
        .where(ConsentEvent.customer_id == customer_id, ConsentEvent.language != "")
        .order_by(ConsentEvent.at.desc())
        .limit(1)
    )


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What a customer agreed to and when, in the exact words."""

    store_name: str
    channel: Channel
    purpose: Purpose
    title: str
    text: str
    language: str
    since: datetime


def agreements(
    session: Session, actor: Actor, customer_id: uuid.UUID, store_id: uuid.UUID
) -> list[Agreement]:
    """Return what stands in a store with the wording that it stands on, for a receipt."""
    customer_queries.get(session, actor, customer_id)
    scope.require_store(actor, store_id)
    query = (
        select(Consent, ConsentWording, Store.name)
        .join(Store, Store.id == Consent.store_id)
        .join(
            ConsentEvent,
            and_(
                ConsentEvent.customer_id == Consent.customer_id,
                ConsentEvent.store_id == Consent.store_id,
                ConsentEvent.purpose == Consent.purpose,
                ConsentEvent.channel == Consent.channel,
                ConsentEvent.at == Consent.since,
                ConsentEvent.action.in_([action.value for action in YES_ACTIONS]),
            ),
        )
        .join(ConsentWording, ConsentWording.id == ConsentEvent.wording_id)
        .where(
            Consent.customer_id == customer_id,
            Consent.store_id == store_id,
            Consent.state == State.ACCEPTED.value,
        )
        .order_by(Consent.purpose, Consent.channel)
    )
    return [
        Agreement(
            store_name=name,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            title=wording.title,
            text=wording.text,
            language=wording.language,
            since=row.since,
        )
        for row, wording, name in session.execute(query)
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


def parties(
    session: Session, customer_id: uuid.UUID, store_id: uuid.UUID
) -> tuple[Customer | None, Store | None]:
    """Return the customer and the store that a link names, None for each that is gone."""
    return session.get(Customer, customer_id), session.get(Store, store_id)


def _who(event: ConsentEvent, associate: Associate | None) -> str:
    return associate.name if associate else Text.of(event.source or Method(event.method).label)
