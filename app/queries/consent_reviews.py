"""The managers' queue: which opt-ins wait for a review, and one of them with all its evidence."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from app.domain import clock, digests, values
from app.domain.actor import Actor
from app.domain.consent_reviews import (
    ALARM_AFTER,
    CONSENT_AGES,
    DECISIONS,
    SOURCE,
    UNDO_WITHIN,
    Decision,
    Group,
    Reason,
    decision_label,
)
from app.domain.consents import Action, Channel, EvidenceKind, Method, Purpose, State
from app.domain.events import DeliveryState, EventKind
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.domain.texts import Text
from app.errors import NotFound
from app.models import (
    Associate,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentReview,
    ConsentWording,
    Customer,
    Delivery,
    Event,
    Store,
    Webhook,
)
from app.queries import scope

MAX_HISTORY = 50
# Of a customer on hold nothing is decided. A receiver that still writes to them is to be rung all the more.
_WITH_HELD = {Group.WITHDRAWALS}
MANY = 1_000_000
# Absolute moves, lines and curves: pairs of numbers, as the signature pad writes them.
_PATH = re.compile(r"[MLQC0-9 ,.\-]+\Z")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One opt-in that waits."""

    event_id: uuid.UUID
    review_id: uuid.UUID | None
    customer_id: uuid.UUID
    name: str
    contact: str
    store_name: str
    channel: Channel
    purpose: Purpose
    state: State
    since: datetime
    method: Method
    is_weak: bool
    captured_by: str
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """One of several opt-ins that are to be decided together."""

    customer_id: uuid.UUID
    name: str
    contact: str
    store_name: str
    channel: Channel
    purpose: Purpose
    at: datetime
    method: Method
    is_weak: bool
    state: State
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """One event of the same channel, or one decision on it."""

    at: datetime
    label: str
    who: str
    store_name: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class SilentReceiver:
    """A receiver that has not acknowledged a withdrawal yet."""

    name: str
    attempts: int
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Strokes to draw: SVG path data, and the box around them."""

    path: str
    view_box: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """One opt-in with its evidence, its history and what can be done."""

    consent: Consent
    event: ConsentEvent
    customer: Customer
    store: Store
    captured_by: str
    wording: ConsentWording | None
    evidence: ConsentEvidence | None
    history: Sequence[HistoryRow]
    review: ConsentReview | None
    reviewer: str
    decisions: Sequence[Decision]
    is_current: bool
    is_own: bool
    may_undo: bool
    silent: Sequence[SilentReceiver] = ()

    @property
    def signature(self) -> Signature | None:
        """The strokes of a signature, fitted into their box; none for other evidence."""
        if self.evidence is None or self.evidence.kind != EvidenceKind.SIGNATURE.value:
            return None
        path = self.evidence.content
        numbers = [float(text) for text in _NUMBER.findall(path)] if _PATH.match(path) else []
        if len(numbers) < 2:
            return None
        xs, ys = numbers[::2], numbers[1::2]
        left, top = min(xs) - 8, min(ys) - 8
        width, height = max(xs) - left + 8, max(ys) - top + 8
        return Signature(path=path, view_box=f"{left:.0f} {top:.0f} {width:.0f} {height:.0f}")

    @property
    def evidence_label(self) -> str:
        """Name what was kept."""
        return EvidenceKind(self.evidence.kind).label if self.evidence else ""

    @property
    def evidence_is_whole(self) -> bool:
        """True while what was kept is what was captured."""
        return self.evidence is not None and self.evidence.sha256 == digests.sha256(self.evidence.content)

    @property
    def channel(self) -> Channel:
        """The channel."""
        return Channel(self.event.channel)

    @property
    def purpose(self) -> Purpose:
        """The purpose."""
        return Purpose(self.event.purpose)

    @property
    def method(self) -> Method:
        """How it was declared."""
        return Method(self.event.method)

    @property
    def state(self) -> State:
        """How it stands now."""
        return State(self.consent.state)


def _in_stores(
    actor: Actor, store_id: uuid.UUID | None, rows: type[Consent] = Consent
) -> ColumnElement[bool]:
    if store_id is not None:
        return rows.store_id == store_id
    # Naming all stores lets the indexes be used, which begin with the store.
    return rows.store_id.in_(select(Store.id) if actor.has_every_store else actor.store_ids)


def _not_on_hold() -> ColumnElement[bool]:
    return Consent.customer_id.not_in(scope.on_hold())


def unacknowledged(before: datetime) -> Select[Any]:
    """Return the events of withdrawals that some receiver did not acknowledge, sent before a time."""
    return (
        select(Event.number)
        .join(Delivery, Delivery.event_number == Event.number)
        .where(
            Event.kind == EventKind.CONSENT_CHANGED.value,
            Event.data["state"].as_string() == State.WITHDRAWN.value,
            Delivery.state != DeliveryState.DELIVERED.value,
            Delivery.created_at < before,
        )
    )


def _is_unacknowledged(now: datetime) -> ColumnElement[bool]:
    # Read once from the few deliveries that are open, not once for each withdrawal.
    found = unacknowledged(now - ALARM_AFTER).with_only_columns(
        Event.customer_id,
        Event.store_id,
        Event.data["channel"].as_string(),
        Event.data["purpose"].as_string(),
    )
    key = tuple_(Consent.customer_id, Consent.store_id, Consent.channel, Consent.purpose)
    return key.in_(found)


def _of_group(group: Group, now: datetime, rows: type[Consent] = Consent) -> ColumnElement[bool]:
    """Return the criterion of a group on the opt-ins, or on `rows`, an alias of them."""
    if group is Group.WITHDRAWALS:
        return and_(rows.state == State.WITHDRAWN.value, rows.event_id.is_not(None), _is_unacknowledged(now))
    if group is Group.PENDING:
        return and_(rows.state == State.PENDING.value, rows.event_id.is_not(None))
    if group is Group.OLD:
        # What waits for another reason is in that group.
        return and_(
            rows.state == State.ACCEPTED.value,
            rows.since < now - CONSENT_AGES,
            rows.review == "",
            rows.event_id.is_not(None),
        )
    return rows.review == group.value


def counts(session: Session, actor: Actor, store_id: uuid.UUID | None, now: datetime) -> Mapping[Group, int]:
    """Return how many opt-ins wait in each group, in the order of risk, with one statement.

    Those on hold wait for their release. They are few: read once by their customers and taken off,
    while all others are counted off the indexes of the stores.
    """
    actor.require(Permission.REVIEW_VIEW)
    rows = select(Consent).where(Consent.customer_id.in_(scope.on_hold()))
    # Limited, so that no planner looks for them among all others instead.
    held = aliased(Consent, rows.limit(MANY).cte("held"))
    parts = []
    for place, group in enumerate(Group):
        query = select(func.count(), func.max(place)).select_from(Consent)
        parts.append(query.where(_in_stores(actor, store_id), _of_group(group, now)))
        if group not in _WITH_HELD:
            less = select(-func.count(), func.max(place)).select_from(held)
            parts.append(less.where(_in_stores(actor, store_id, held), _of_group(group, now, held)))
    found = dict.fromkeys(Group, 0)
    for count, place in session.execute(union_all(*parts)):
        if place is not None:
            found[list(Group)[place]] += count
    return found


def waiting(session: Session, actor: Actor, *, at_most: int = 100) -> int:
    """Return how many opt-ins nobody has looked at yet, counted up to `at_most`: for the navigation."""
    if not actor.can(Permission.REVIEW_VIEW):
        return 0
    query = select(Consent.customer_id).where(_in_stores(actor, None), Consent.review > "", _not_on_hold())
    return session.scalar(select(func.count()).select_from(query.limit(at_most).subquery())) or 0


def list_page(
    session: Session,
    actor: Actor,
    group: Group,
    store_id: uuid.UUID | None,
    asked: PageRequest,
    *,
    total: int,
    now: datetime,
) -> Page[QueueRow]:
    """Return the opt-ins of a group: the highest risk first, one kind of evidence together, oldest first."""
    actor.require(Permission.REVIEW_VIEW)
    if store_id is not None:
        scope.require_store(actor, store_id)
    keys = select(Consent.customer_id, Consent.store_id, Consent.purpose, Consent.channel).where(
        _in_stores(actor, store_id), _of_group(group, now)
    )
    if group not in _WITH_HELD:
        keys = keys.where(_not_on_hold())
    kind = (Consent.risk.desc(), Consent.evidence, Consent.is_weak)
    wanted = (
        keys.order_by(*kind, Consent.since, Consent.event_id).offset(asked.offset).limit(asked.count)
    ).subquery()
    newest = (
        select(ConsentReview.id)
        .where(ConsentReview.event_id == Consent.event_id)
        .order_by(ConsentReview.at.desc(), ConsentReview.id.desc())
        .limit(1)
        .correlate(Consent)
        .scalar_subquery()
    )
    query = (
        select(Consent, Customer, Store.name, Associate, newest)
        .join(
            wanted,
            and_(
                wanted.c.customer_id == Consent.customer_id,
                wanted.c.store_id == Consent.store_id,
                wanted.c.purpose == Consent.purpose,
                wanted.c.channel == Consent.channel,
            ),
        )
        .join(Customer, Customer.id == Consent.customer_id)
        .join(Store, Store.id == Consent.store_id)
        .outerjoin(Associate, Associate.id == Consent.captured_by_id)
        .order_by(*kind, Consent.since, Consent.event_id)
    )
    rows = [
        QueueRow(
            event_id=row.event_id or uuid.UUID(int=0),
            review_id=review_id,
            customer_id=customer.id,
            name=customer.name if customer.first_name or customer.last_name else "",
            contact=values.mask_email(customer.email),
            store_name=store_name,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            state=State(row.state),
            since=row.since,
            method=Method(row.evidence),
            is_weak=row.is_weak,
            captured_by=associate.name if associate else "",
            is_own=associate is not None and associate.id == actor.id,
        )
        for row, customer, store_name, associate, review_id in session.execute(query)
    ]
    return Page(items=rows, offset=asked.offset, requested=asked.count, total=total)


def next_event(
    session: Session, actor: Actor, group: Group, store_id: uuid.UUID | None, now: datetime
) -> uuid.UUID | None:
    """Return the first opt-in of a group that the actor may decide on."""
    page = list_page(session, actor, group, store_id, PageRequest(count=5), total=0, now=now)
    return next((row.event_id for row in page.items if not row.is_own), None)


def get(session: Session, actor: Actor, event_id: uuid.UUID, *, now: datetime, four_eyes: bool) -> Case:
    """Return the opt-in that rests on this declaration. Raises NotFound."""
    actor.require(Permission.REVIEW_VIEW)
    found = session.execute(
        select(ConsentEvent, Customer, Store, Associate, ConsentWording, ConsentEvidence)
        .join(Customer, Customer.id == ConsentEvent.customer_id)
        .join(Store, Store.id == ConsentEvent.store_id)
        .outerjoin(Associate, Associate.id == ConsentEvent.associate_id)
        .outerjoin(ConsentWording, ConsentWording.id == ConsentEvent.wording_id)
        .outerjoin(ConsentEvidence, ConsentEvidence.id == ConsentEvent.evidence_id)
        .where(ConsentEvent.id == event_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None or not actor.works_in(found[0].store_id):
        raise NotFound
    event, customer, store, associate, wording, evidence = found
    consent = session.get(
        Consent,
        (event.customer_id, event.store_id, event.purpose, event.channel),
        populate_existing=True,
    )
    if consent is None:
        raise NotFound
    review, reviewer = _newest_review(session, event.id)
    is_current = consent.event_id == event.id
    is_own = event.associate_id is not None and event.associate_id == actor.id
    may_review = actor.can(Permission.CONSENT_REVIEW) and not (four_eyes and is_own) and is_current
    return Case(
        consent=consent,
        event=event,
        customer=customer,
        store=store,
        captured_by=associate.name if associate else Text.of(event.source),
        wording=wording,
        evidence=evidence,
        history=_history(session, actor, event),
        review=review,
        reviewer=reviewer,
        decisions=DECISIONS.get(State(consent.state), ()) if may_review else (),
        is_current=is_current,
        is_own=is_own,
        may_undo=may_review
        and review is not None
        and review.undoes_id is None
        and now - review.at <= UNDO_WITHIN,
        silent=_silent(session, consent) if consent.state == State.WITHDRAWN.value else (),
    )


def _silent(session: Session, consent: Consent) -> Sequence[SilentReceiver]:
    found = session.execute(
        unacknowledged(clock.utcnow())
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(
            Event.customer_id == consent.customer_id,
            Event.store_id == consent.store_id,
            Event.data["channel"].as_string() == consent.channel,
            Event.data["purpose"].as_string() == consent.purpose,
        )
        .with_only_columns(Webhook.name, Delivery.attempts, Delivery.created_at)
        .order_by(Delivery.created_at)
    )
    return [SilentReceiver(name=name, attempts=attempts, since=since) for name, attempts, since in found]


def get_many(session: Session, actor: Actor, event_ids: Sequence[uuid.UUID]) -> list[Chosen]:
    """Return opt-ins that were chosen to be decided together. Raises NotFound when one is not there."""
    actor.require(Permission.REVIEW_VIEW)
    found = session.execute(
        select(ConsentEvent, Consent, Customer, Store.name)
        .join(
            Consent,
            and_(
                Consent.customer_id == ConsentEvent.customer_id,
                Consent.store_id == ConsentEvent.store_id,
                Consent.purpose == ConsentEvent.purpose,
                Consent.channel == ConsentEvent.channel,
            ),
        )
        .join(Customer, Customer.id == ConsentEvent.customer_id)
        .join(Store, Store.id == ConsentEvent.store_id)
        .where(ConsentEvent.id.in_(event_ids))
    ).all()
    rows = {event.id: (event, consent, customer, name) for event, consent, customer, name in found}
    if not all(event_id in rows and actor.works_in(rows[event_id][0].store_id) for event_id in event_ids):
        raise NotFound
    return [
        Chosen(
            customer_id=customer.id,
            name=customer.name if customer.first_name or customer.last_name else "",
            contact=values.mask_email(customer.email),
            store_name=name,
            channel=Channel(event.channel),
            purpose=Purpose(event.purpose),
            at=event.at,
            method=Method(consent.evidence or event.method),
            is_weak=consent.is_weak,
            state=State(consent.state),
            is_own=event.associate_id is not None and event.associate_id == actor.id,
        )
        for event, consent, customer, name in (rows[event_id] for event_id in event_ids)
    ]


def _newest_review(session: Session, event_id: uuid.UUID) -> tuple[ConsentReview | None, str]:
    found = session.execute(
        select(ConsentReview, Associate)
        .outerjoin(Associate, Associate.id == ConsentReview.reviewer_id)
        .where(ConsentReview.event_id == event_id)
        .order_by(ConsentReview.at.desc(), ConsentReview.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return (found[0], found[1].name if found[1] else "") if found else (None, "")


def _history(session: Session, actor: Actor, event: ConsentEvent) -> Sequence[HistoryRow]:
    """Return what happened to this channel and purpose in all stores that the actor sees, newest first."""
    reviewer = aliased(Associate)
    events = (
        select(ConsentEvent, Store.name, Associate)
        .join(Store, Store.id == ConsentEvent.store_id)
        .outerjoin(Associate, Associate.id == ConsentEvent.associate_id)
        .where(
            ConsentEvent.customer_id == event.customer_id,
            ConsentEvent.purpose == event.purpose,
            ConsentEvent.channel == event.channel,
        )
        .order_by(ConsentEvent.at.desc(), ConsentEvent.id.desc())
        .limit(MAX_HISTORY)
    )
    decisions = (
        select(ConsentReview, Store.name, reviewer)
        .join(Store, Store.id == ConsentReview.store_id)
        .outerjoin(reviewer, reviewer.id == ConsentReview.reviewer_id)
        .where(
            ConsentReview.customer_id == event.customer_id,
            ConsentReview.purpose == event.purpose,
            ConsentReview.channel == event.channel,
        )
        .order_by(ConsentReview.at.desc(), ConsentReview.id.desc())
        .limit(MAX_HISTORY)
    )
    if not actor.has_every_store:
        # A no in another store counts against a yes here, so that it was said is shown, without more.
        decisions = decisions.where(ConsentReview.store_id.in_(actor.store_ids))
    rows = [
        HistoryRow(
            at=row.at,
            label=Action(row.action).label,
            who=(who.name if who else Text.of(row.source)) if actor.works_in(row.store_id) else "",
            store_name=name,
            detail=Method(row.method).label,
        )
        for row, name, who in session.execute(events)
        # A decision of a review stands there with its reason.
        if row.source != SOURCE
    ]
    rows += [
        HistoryRow(
            at=row.at,
            label=decision_label(row.decision),
            who=who.name if who else "",
            store_name=name,
            detail=" · ".join(filter(None, (Reason(row.reason).label if row.reason else "", row.note))),
        )
        for row, name, who in session.execute(decisions)
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)
