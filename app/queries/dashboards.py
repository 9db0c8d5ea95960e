"""Figures of opt-ins: by store, channel, associate and week; always with the share of weak evidence.

The number of statements does not depend on how many stores, people or customers there are.
"""

import statistics
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union_all
from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose, State, is_weak
from app.domain.events import EventKind
from app.domain.permissions import Permission
from app.domain.texts import N_, Text
from app.errors import NotFound
from app.models import Associate, Consent, ConsentEvent, CustomerStore, Delivery, Event, Store

# Upper ends of the ages of an opt-in, in days; the last has none.
AGE_ENDS = (90, 180, 365, 730)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which stores are looked at, and since when."""

    stores: Sequence[Store]
    since: datetime
    now: datetime

    @property
    def ids(self) -> list[uuid.UUID]:
        """The ids of the stores."""
        return [store.id for store in self.stores]


@dataclass(kw_only=True)
class Tally:
    """Answers, counted: who said yes, of these with weak evidence, who said no or withdrew."""

    label: str
    yes: int = 0
    weak: int = 0
    no: int = 0
    withdrawn: int = 0

    @property
    def answers(self) -> int:
        """How many answered when they were asked."""
        return self.yes + self.no

    @property
    def rate(self) -> float | None:
        """The share of yes among the answers."""
        return self.yes / self.answers if self.answers else None

    @property
    def weak_share(self) -> float | None:
        """The share of weak evidence among the yeses."""
        return self.weak / self.yes if self.yes else None


@dataclass(kw_only=True)
class StoreRate:
    """How many customers of a store are opted in, and how well that is proved."""

    label: str
    customers: int = 0
    opted_in: int = 0
    accepted: int = 0
    weak: int = 0

    @property
    def rate(self) -> float | None:
        """The share of customers who are opted in."""
        return self.opted_in / self.customers if self.customers else None

    @property
    def weak_share(self) -> float | None:
        """The share of weak evidence among the accepted opt-ins."""
        return self.weak / self.accepted if self.accepted else None


@dataclass(kw_only=True)
class ChannelStates:
    """How one channel stands: opt-ins by state, and how many of the accepted are weak."""

    channel: Channel
    states: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    weak: int = 0

    @property
    def total(self) -> int:
        """All who were asked."""
        return sum(self.states.values())

    @property
    def rate(self) -> float | None:
        """The share of accepted among those who were asked."""
        return self.states[State.ACCEPTED] / self.total if self.total else None

    @property
    def weak_share(self) -> float | None:
        """The share of weak evidence among the accepted."""
        accepted = self.states[State.ACCEPTED]
        return self.weak / accepted if accepted else None


@dataclass(frozen=True, kw_only=True)
class OptInFigures:
    """Everything that the dashboard says of opt-ins."""

    total: StoreRate
    stores: Sequence[StoreRate]
    channels: Sequence[ChannelStates]
    ages: Sequence[tuple[int | None, int]]
    weeks: Sequence[tuple[date, Tally]]
    associates: Sequence[Tally]


def stores(session: Session, actor: Actor) -> Sequence[Store]:
    """Return the open stores whose figures the actor may see, by name."""
    actor.require(Permission.DASHBOARD_VIEW)
    query = select(Store).where(Store.is_active).order_by(Store.name)
    if not actor.has_every_store:
        query = query.where(Store.id.in_(actor.store_ids))
    return session.scalars(query).all()


def scope(
    session: Session, actor: Actor, store_id: uuid.UUID | None, *, weeks: int, now: datetime
) -> tuple[Scope, Sequence[Store]]:
    """Return what is looked at, and all stores to choose from. Raises NotFound for another's store."""
    own = stores(session, actor)
    chosen = [store for store in own if store_id in (None, store.id)]
    if store_id is not None and not chosen:
        raise NotFound
    # Whole weeks: the first begins on a Monday.
    since = now - timedelta(days=now.weekday(), weeks=weeks - 1)
    since = since.replace(hour=0, minute=0, second=0, microsecond=0)
    return Scope(stores=chosen, since=since, now=now), own


def opt_ins(session: Session, scope: Scope) -> OptInFigures:
    """Return the figures of opt-ins with five statements."""
    by_store = {store.id: StoreRate(label=store.name) for store in scope.stores}
    channels = {channel: ChannelStates(channel=channel) for channel in Channel}
    ages = [0] * (len(AGE_ENDS) + 1)
    known = select(
        CustomerStore.store_id,
        func.count(),
        func.sum(case((CustomerStore.opt_in_state == State.ACCEPTED.value, 1), else_=0)),
    ).group_by(CustomerStore.store_id)
    for store_id, customers, opted_in in session.execute(known.where(CustomerStore.store_id.in_(scope.ids))):
        by_store[store_id].customers, by_store[store_id].opted_in = customers, opted_in
    age = case(
        *((Consent.since > scope.now - timedelta(days=end), place) for place, end in enumerate(AGE_ENDS)),
        else_=len(AGE_ENDS),
    ).label("age")
    standing = (
        select(Consent.store_id, Consent.channel, Consent.state, Consent.is_weak, age, func.count())
        .where(Consent.store_id.in_(scope.ids), Consent.purpose == Purpose.CLIENTELING.value)
        .group_by(Consent.store_id, Consent.channel, Consent.state, Consent.is_weak, age)
    )
    for store_id, channel, state, weak, place, count in session.execute(standing):
        channels[Channel(channel)].states[State(state)] += count
        if state == State.ACCEPTED.value:
            ages[place] += count
            by_store[store_id].accepted += count
            if weak:
                by_store[store_id].weak += count
                channels[Channel(channel)].weak += count
    total = StoreRate(label="")
    for one in by_store.values():
        total.customers += one.customers
        total.opted_in += one.opted_in
        total.accepted += one.accepted
        total.weak += one.weak
    return OptInFigures(
        total=total,
        stores=list(by_store.values()),
        channels=[one for one in channels.values() if one.total],
        ages=list(zip((*AGE_ENDS, None), ages, strict=True)),
        weeks=_weeks(session, scope),
        associates=_associates(session, scope),
    )


@dataclass(frozen=True, kw_only=True)
class Withdrawals:
    """How quickly receivers acknowledge withdrawals; `median` is none where none was acknowledged."""

    pending: int
    acknowledged: int
    median: timedelta | None


def withdrawals(session: Session, scope: Scope) -> Withdrawals:
    """Return how many withdrawals some receiver has not acknowledged, and how long the others took."""
    found = session.execute(
        select(
            Event.at,
            func.max(Delivery.acknowledged_at),
            func.sum(case((Delivery.acknowledged_at.is_(None), 1), else_=0)),
        )
        .join(Delivery, Delivery.event_number == Event.number)
        .where(
            Event.kind == EventKind.CONSENT_CHANGED.value,
            Event.at >= scope.since,
            Event.store_id.in_(scope.ids),
            Event.data["state"].as_string() == State.WITHDRAWN.value,
        )
        .group_by(Event.number, Event.at)
    ).all()
    took = [last - at for at, last, missing in found if not missing and last is not None]
    return Withdrawals(
        pending=sum(1 for _at, _last, missing in found if missing),
        acknowledged=len(took),
        median=statistics.median(took) if took else None,
    )


_ANSWERS = {
    Action.GIVEN: "yes",
    Action.CONFIRMED: "yes",
    Action.REFUSED: "no",
    Action.WITHDRAWN: "withdrawn",
}


def _is_weak_event() -> ColumnElement[bool]:
    """The rule of `consents.is_weak`, which a test compares, for the database."""
    bad = {
        (has_wording, has_evidence): [
            method.value
            for method in Method
            if is_weak(method, has_wording=has_wording, has_evidence=has_evidence)
        ]
        for has_wording in (True, False)
        for has_evidence in (True, False)
    }
    return or_(
        *(
            and_(
                (ConsentEvent.wording != "") if has_wording else (ConsentEvent.wording == ""),
                ConsentEvent.evidence_id.is_not(None) if has_evidence else ConsentEvent.evidence_id.is_(None),
                ConsentEvent.method.in_(methods),
            )
            for (has_wording, has_evidence), methods in bad.items()
        )
    )


def _answers(scope: Scope) -> list[ColumnElement[bool]]:
    return [
        ConsentEvent.store_id.in_(scope.ids),
        ConsentEvent.at >= scope.since - timedelta(days=1),
        ConsentEvent.at <= scope.now,
        ConsentEvent.action.in_([action.value for action in _ANSWERS]),
        ConsentEvent.purpose == Purpose.CLIENTELING.value,
    ]


def _add(tally: Tally, action: str, has_weak: int, count: int) -> None:
    name = _ANSWERS[Action(action)]
    setattr(tally, name, getattr(tally, name) + count)
    if name == "yes" and has_weak:
        tally.weak += count


def _weeks(session: Session, scope: Scope) -> Sequence[tuple[date, Tally]]:
    """Return each week by its Monday, in the time zone of each store."""
    first = scope.since.date()
    count_weeks = (scope.now.date() - first).days // 7 + 1
    mondays = [first + timedelta(weeks=number) for number in range(count_weeks)]
    weeks = {monday: Tally(label=_week_label(monday)) for monday in mondays}
    by_zone: dict[str, list[uuid.UUID]] = defaultdict(list)
    for store in scope.stores:
        by_zone[store.time_zone].append(store.id)
    if not by_zone:
        return list(weeks.items())
    # One part for each time zone, in which weeks begin at times of their own.
    parts = [_weeks_of_zone(scope, ZoneInfo(zone), ids, mondays) for zone, ids in by_zone.items()]
    for place, action, has_weak, count in session.execute(union_all(*parts)):
        _add(weeks[mondays[place]], action, has_weak, count)
    return list(weeks.items())


def _weeks_of_zone(
    scope: Scope, zone: ZoneInfo, store_ids: Sequence[uuid.UUID], mondays: Sequence[date]
) -> Select[Any]:
    begins = [datetime.combine(monday, time(), zone) for monday in mondays]
    place = case(
        *((ConsentEvent.at < begin, number) for number, begin in enumerate(begins[1:])),
        else_=len(begins) - 1,
    ).label("place")
    weak = case((_is_weak_event(), 1), else_=0).label("is_weak")
    return (
        select(place, ConsentEvent.action, weak, func.count())
        .where(*_answers(scope), ConsentEvent.store_id.in_(store_ids), ConsentEvent.at >= begins[0])
        .group_by(place, ConsentEvent.action, weak)
    )


def _week_label(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return Text.of(N_("%(year)s-W%(week)s"), year=year, week=f"{week:02d}")


def _associates(session: Session, scope: Scope) -> Sequence[Tally]:
    """Return the answers that each associate took, by name: no ranking."""
    weak = case((_is_weak_event(), 1), else_=0).label("is_weak")
    found = session.execute(
        select(ConsentEvent.associate_id, ConsentEvent.action, weak, func.count())
        .where(*_answers(scope), ConsentEvent.at >= scope.since, ConsentEvent.associate_id.is_not(None))
        .group_by(ConsentEvent.associate_id, ConsentEvent.action, weak)
    ).all()
    names = _names(session, {row[0] for row in found})
    tallies: dict[uuid.UUID, Tally] = {}
    for associate_id, action, has_weak, count in found:
        tally = tallies.setdefault(associate_id, Tally(label=names.get(associate_id, "")))
        _add(tally, action, has_weak, count)
    return sorted(tallies.values(), key=lambda one: one.label.casefold())


def _names(session: Session, ids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    names: dict[uuid.UUID, str] = defaultdict(str)
    for associate in session.scalars(select(Associate).where(Associate.id.in_(list(ids)))):
        names[associate.id] = associate.name
    return names
