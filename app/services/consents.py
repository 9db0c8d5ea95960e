"""Consents: record what was declared; the state of each channel follows in the same act."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.domain import clock, consents, values
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.consent_reviews import CONFLICT_RISK, SOURCE, Group, assess
from app.domain.consents import Action, Channel, ConsentInput, Method, Purpose, ReviewAction, Standing, State
from app.domain.customers import LinkReason
from app.domain.events import EventKind, NewEvent
from app.domain.fields import Checker
from app.domain.permissions import Permission, Role
from app.domain.texts import N_
from app.errors import Invalid, NotFound
from app.models import (
    Address,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentWording,
    Customer,
    CustomerStore,
    Store,
)
from app.models.base import new_id
from app.queries import customers as customer_queries
from app.queries import scope, suppressions
from app.services import audit, revisions, search_index
from app.services import events as event_service

# Clocks of other systems differ a little from ours.
_TOLERANCE = timedelta(minutes=5)
ERASED = N_("Somebody with this address was erased: only the customer can opt in again; an import cannot.")
_SOURCES = {Method.SPOKEN: N_("Store"), Method.MAIL_LINK: N_("Link")}
_Key = tuple[uuid.UUID, uuid.UUID, str, str]


def record(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    store_id: uuid.UUID,
    channel: Channel,
    purpose: Purpose,
    action: Action,
    method: Method,
    at: datetime | None = None,
    source: str = "",
    wording: str = "",
    wording_id: uuid.UUID | None = None,
    language: str = "",
    evidence_id: uuid.UUID | None = None,
    device: str = "",
) -> Consent:
    """Record one declaration, and return how the channel and purpose stand after it.

    Raises NotFound, Forbidden, and Invalid for an impossible move or a channel without contact.
    """
    given = ConsentInput(
        customer_id=customer_id,
        store_id=store_id,
        channel=channel,
        purpose=purpose,
        action=action,
        method=method,
        at=at or clock.utcnow(),
        source=source,
        wording=wording,
        wording_id=wording_id,
        language=language,
        evidence_id=evidence_id,
        associate_id=actor.associate_id,
        device=device,
    )
    return record_all(session, actor, [given])[0]


def record_all(session: Session, actor: Actor, batch: Sequence[ConsentInput]) -> list[Consent]:
    """Record declarations that stand or fall together. Raises the first refusal."""
    recorded = []
    for outcome in record_batch(session, actor, batch):
        if isinstance(outcome, Invalid | NotFound):
            raise outcome
        recorded.append(outcome)
    return recorded


def record_batch(
    session: Session, actor: Actor, batch: Sequence[ConsentInput]
) -> list[Consent | Invalid | NotFound]:
    """Record declarations in their order with few statements; a refused one gives its error instead."""
    actor.require(Permission.CONSENT_CAPTURE)
    known = _Known(session, actor, batch)
    outcomes: list[Consent | Invalid | NotFound] = []
    for given in batch:
        try:
            outcomes.append(_record_one(session, actor, given, known))
        except (Invalid, NotFound) as error:
            outcomes.append(error)
    session.flush()
    event_service.add_batch(session, actor, known.told)
    search_index.refresh(session, sorted(known.changed))
    return outcomes


def withdraw(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    store_id: uuid.UUID,
    channel: Channel,
    purpose: Purpose,
    method: Method = Method.SPOKEN,
    device: str = "",
) -> Consent:
    """Take one consent back at once: no reason, nobody's approval. Raises NotFound."""
    return record(
        session,
        actor,
        customer_id,
        store_id=store_id,
        channel=channel,
        purpose=purpose,
        action=Action.WITHDRAWN,
        method=method,
        source=_SOURCES.get(method, ""),
        device=device,
    )


def withdraw_all(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *,
    store_id: uuid.UUID | None = None,
    channels: Collection[Channel] = tuple(Channel),
    method: Method = Method.SPOKEN,
    device: str = "",
) -> int:
    """Take everything back that was given or is being asked; return how much that was.

    Without `store_id` in every store, those of others too: a customer who says *stop* means it.
    Raises NotFound for a customer whom the actor may not see.
    """
    actor.require(Permission.CONSENT_CAPTURE)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    query = select(Consent).where(
        Consent.customer_id == customer.id,
        Consent.state.in_([state.value for state in consents.OPEN_STATES]),
        Consent.channel.in_([channel.value for channel in channels]),
    )
    if store_id is not None:
        query = query.where(Consent.store_id == store_id)
    rows = session.scalars(query.order_by(Consent.store_id, Consent.purpose, Consent.channel)).all()
    now = clock.utcnow()
    batch = [
        ConsentInput(
            customer_id=customer.id,
            store_id=row.store_id,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            action=Action.WITHDRAWN,
            method=method,
            at=now,
            source=_SOURCES.get(method, ""),
            associate_id=actor.associate_id,
            device=device,
        )
        for row in rows
    ]
    # The customer's word reaches further than the stores of whoever heard it; the audit names them.
    record_all(session, _everywhere(actor), batch)
    return len(batch)


def require_contact(session: Session, customer: Customer, channels: Collection[Channel]) -> None:
    """Raise Invalid for a channel that the customer cannot be reached by."""
    reasons = unreachable(session, customer)
    for channel in channels:
        if channel in reasons:
            raise Invalid({"channel": [reasons[channel]]})


def unreachable(session: Session, customer: Customer) -> dict[Channel, str]:
    """Return the channels that the customer cannot be reached by, each with the reason."""
    address = session.scalar(select(Address.id).where(Address.customer_id == customer.id).limit(1))
    found = {
        channel: consents.unreachable(
            channel,
            has_email=bool(customer.email),
            has_phone=bool(customer.phone_number),
            has_address=address is not None,
        )
        for channel in Channel
    }
    return {channel: reason for channel, reason in found.items() if reason}


def _everywhere(actor: Actor) -> Actor:
    return replace(actor, role=Role.SYSTEM)


def note_changed_contact(
    session: Session, actor: Actor, customer: Customer, changed: Collection[Channel]
) -> None:
    """Ask again for channels whose address or number changed: the consent was for the old one.

    Part of the act that changes the customer; it reaches the consents of every store, and no
    permission of the actor's is needed for what only takes consent away.
    """
    rows = session.scalars(
        select(Consent).where(
            Consent.customer_id == customer.id,
            Consent.channel.in_([channel.value for channel in changed]),
            Consent.state.in_([state.value for state in consents.MOVES[Action.CONTACT_CHANGED]]),
        )
    ).all()
    if not rows:
        return
    now = clock.utcnow()
    system = replace(Actor.system(N_("Contact changed"), channel=actor.channel), request_id=actor.request_id)
    batch = [
        ConsentInput(
            customer_id=row.customer_id,
            store_id=row.store_id,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            action=Action.CONTACT_CHANGED,
            method=Method.SYSTEM,
            at=now,
            source=N_("Contact changed"),
            associate_id=actor.associate_id,
        )
        for row in rows
    ]
    record_all(session, system, batch)


class _Known:
    """What the customers of a batch have said so far, read with a constant number of statements."""

    def __init__(self, session: Session, actor: Actor, batch: Sequence[ConsentInput]) -> None:
        ids = {given.customer_id for given in batch}
        found = session.scalars(
            select(Customer)
            .where(Customer.id.in_(ids), scope.visible(actor))
            .order_by(Customer.id)
            .with_for_update(of=Customer, key_share=True)
            .execution_options(populate_existing=True)
        )
        self.customers = {customer.id: customer for customer in found}
        self.with_address = set(
            session.scalars(select(Address.customer_id).where(Address.customer_id.in_(ids)).distinct())
        )
        links = session.scalars(select(CustomerStore).where(CustomerStore.customer_id.in_(ids)))
        self.links = {(link.store_id, link.customer_id): link for link in links}
        self.consents: dict[_Key, Consent] = {
            (row.customer_id, row.store_id, row.purpose, row.channel): row
            for row in session.scalars(select(Consent).where(Consent.customer_id.in_(ids)))
        }
        self.standings = self._standings(session, ids)
        self.wordings = {
            row.id: row
            for row in session.scalars(
                select(ConsentWording).where(
                    ConsentWording.id.in_({one.wording_id for one in batch} - {None})
                )
            )
        }
        proofs = {one.evidence_id for one in batch} - {None}
        self.evidence = {
            row.id: row.customer_id
            for row in session.scalars(select(ConsentEvidence).where(ConsentEvidence.id.in_(proofs)))
        }
        self.time_zones: dict[uuid.UUID, str] = {
            row.id: row.time_zone
            for row in session.scalars(select(Store).where(Store.id.in_({one.store_id for one in batch})))
        }
        # An import must not bring back what somebody who was erased had said.
        remote = any(one.method in consents.REMOTE and one.action in consents.TOWARDS_YES for one in batch)
        self.suppressed = suppressions.among(session, self.customers.values()) if remote else set()
        self.changed: set[uuid.UUID] = set()
        self.told: list[NewEvent] = []

    def _standings(self, session: Session, ids: set[uuid.UUID]) -> dict[_Key, Standing]:
        own = ConsentEvent.method.not_in([method.value for method in consents.REMOTE])
        yes = ConsentEvent.action.in_([action.value for action in consents.YES_ACTIONS])
        no = ConsentEvent.action.in_([action.value for action in consents.NO_ACTIONS])
        withdrawn = ConsentEvent.action == Action.WITHDRAWN.value
        rejected = ConsentEvent.action == Action.REJECTED.value
        restored = ConsentEvent.action == Action.RESTORED.value
        found = session.execute(
            select(
                ConsentEvent.customer_id,
                ConsentEvent.store_id,
                ConsentEvent.purpose,
                ConsentEvent.channel,
                func.max(ConsentEvent.at),
                func.max(case((own & yes, ConsentEvent.at))),
                func.max(case((no, ConsentEvent.at))),
                func.max(case((withdrawn, ConsentEvent.at))),
                func.max(case((rejected, ConsentEvent.at))),
                func.max(case((restored, ConsentEvent.at))),
            )
            .where(ConsentEvent.customer_id.in_(ids))
            .group_by(
                ConsentEvent.customer_id, ConsentEvent.store_id, ConsentEvent.purpose, ConsentEvent.channel
            )
        )
        standings = {}
        for *key_columns, newest_at, own_yes_at, no_at, withdrawn_at, out_at, back_at in found:
            key: _Key = tuple(key_columns)
            # A rejection counts as a no until it is taken back.
            is_out = out_at is not None and (back_at is None or back_at < out_at)
            row = self.consents.get(key)
            standings[key] = Standing(
                state=State(row.state) if row else State.NOT_ASKED,
                newest_at=newest_at,
                own_yes_at=own_yes_at,
                no_at=max(no_at or out_at, out_at) if is_out else no_at,
                withdrawn_at=max(withdrawn_at or out_at, out_at) if is_out else withdrawn_at,
            )
        return standings


def _record_one(session: Session, actor: Actor, given: ConsentInput, known: _Known) -> Consent:
    customer = known.customers.get(given.customer_id)
    if customer is None or not actor.works_in(given.store_id):
        raise NotFound
    now = clock.utcnow()
    texts = _check_texts(given) | _check_proof(given, known)
    if given.at > now + _TOLERANCE:
        raise Invalid({"at": [N_("This time is in the future.")]})
    # A clock that runs ahead must not make what comes after it look late.
    at = min(given.at, now)
    key = (customer.id, given.store_id, given.purpose.value, given.channel.value)
    standing = known.standings.get(key, Standing())
    if (
        given.method in consents.REMOTE
        and given.action in consents.TOWARDS_YES
        and customer.id in known.suppressed
    ):
        raise Invalid({"action": [ERASED]})
    settled = standing.after(given.action, given.method, at)
    consents.refuse_without_contact(
        given.channel,
        given.action,
        has_phone=bool(customer.phone_number),
        has_address=customer.id in known.with_address,
    )
    known.standings[key] = settled
    return _write(session, actor, replace(given, at=at), known, settled.state, texts)[0]


def _write(
    session: Session,
    actor: Actor,
    given: ConsentInput,
    known: _Known,
    after: State,
    texts: dict[str, Any],
) -> tuple[Consent, ConsentEvent]:
    """Append the event, and derive from it how the channel, the store and the review stand."""
    customer, at = known.customers[given.customer_id], given.at
    key = (customer.id, given.store_id, given.purpose.value, given.channel.value)
    row = known.consents.get(key)
    before = State(row.state) if row else State.NOT_ASKED
    event = ConsentEvent(
        id=new_id(),
        customer_id=customer.id,
        store_id=given.store_id,
        channel=given.channel.value,
        purpose=given.purpose.value,
        action=given.action.value,
        method=given.method.value,
        evidence_id=given.evidence_id,
        associate_id=given.associate_id,
        declared_by=given.method.declared_by.value,
        time_zone=known.time_zones.get(given.store_id, ""),
        at=at,
        recorded_at=clock.utcnow(),
        **texts,
    )
    session.add(event)
    if row is None:
        row = Consent(
            customer_id=customer.id,
            store_id=given.store_id,
            purpose=given.purpose.value,
            channel=given.channel.value,
            state=after.value,
            since=at,
        )
        session.add(row)
        known.consents[key] = row
    elif before is not after or _is_renewed(row, given, after):
        row.state, row.since = after.value, at
    _settle_review(row, event, after, known)
    _settle_link(session, customer, given, known, at)
    known.changed.add(customer.id)
    revisions.touch(customer)
    audit.record(
        session,
        actor,
        AuditAction.CONSENT_RECORDED,
        subject=("consent", f"{given.purpose.value}.{given.channel.value}"),
        customer_id=customer.id,
        store_id=given.store_id,
        revision=customer.revision,
        changes={"state": (before.value, after.value)},
    )
    if before is not after:
        known.told.append(
            NewEvent(
                kind=EventKind.CONSENT_CHANGED,
                customer_id=customer.id,
                revision=customer.revision,
                store_id=given.store_id,
                details={
                    "channel": given.channel.value,
                    "purpose": given.purpose.value,
                    "state": after.value,
                },
            )
        )
    return row, event


def _is_renewed(row: Consent, given: ConsentInput, after: State) -> bool:
    """True for a newer yes to what is accepted: age, receipt and expiry follow it, as the review does."""
    return after is State.ACCEPTED and given.action in consents.YES_ACTIONS and given.at > row.since


def _settle_review(row: Consent, event: ConsentEvent, after: State, known: _Known) -> None:
    """Put the opt-in into the manager's queue, or take it out; a no is held against yeses elsewhere."""
    action = Action(event.action)
    if event.at < row.since:
        # History that came late: the opt-in rests on something newer.
        return
    row.review, row.risk = "", 0
    if action in consents.ANSWERS or action is Action.REQUESTED:
        row.event_id, row.evidence, row.captured_by_id = event.id, event.method, event.associate_id
        found = assess(
            Method(event.method),
            has_wording=bool(event.wording),
            has_evidence=event.evidence_id is not None,
        )
        row.is_weak = found.is_weak
        if after is State.ACCEPTED:
            row.review, row.risk = found.group.value, found.risk
    if action in consents.NO_ACTIONS:
        for other in known.consents.values():
            is_same = (other.customer_id, other.purpose, other.channel) == (
                row.customer_id, row.purpose, row.channel,
            )  # fmt: skip
            if is_same and other is not row and other.state == State.ACCEPTED.value:
                other.review, other.risk = Group.CONFLICT.value, CONFLICT_RISK


def review_batch(
    session: Session, actor: Actor, rows: Sequence[Consent], action: ReviewAction, at: datetime
) -> list[ConsentEvent]:
    """Add what a review decided to the history of each opt-in, and return the events in that order.

    Only the type's two actions can come in, and neither leads to an opt-in.
    Raises Invalid when there is nothing to decide.
    """
    actor.require(Permission.CONSENT_REVIEW)
    after = [(row, Standing(state=State(row.state)).reviewed(action, at).state) for row in rows]
    return _append(session, actor, after, action, at)


def restore_batch(
    session: Session, actor: Actor, rows: Sequence[tuple[Consent, State]], at: datetime
) -> list[ConsentEvent]:
    """Bring back states that stood by the customers' own declarations before a review.

    Raises Invalid unless the rest of the history, replayed, leads to just that state.
    """
    actor.require(Permission.CONSENT_REVIEW)
    for row, wanted in rows:
        if consents.replay(_without_newest_review(session, row)).state is not wanted:
            raise Invalid({"": [N_("What the customer declared does not lead there. Ask the customer.")]})
    return _append(session, actor, rows, Action.RESTORED, at)


def _without_newest_review(session: Session, row: Consent) -> list[tuple[Action, Method, datetime]]:
    """Return the history without its newest event, a review's, and without what was taken back before."""
    events = session.execute(
        select(ConsentEvent.action, ConsentEvent.method, ConsentEvent.at)
        .where(
            ConsentEvent.customer_id == row.customer_id,
            ConsentEvent.store_id == row.store_id,
            ConsentEvent.purpose == row.purpose,
            ConsentEvent.channel == row.channel,
        )
        .order_by(ConsentEvent.recorded_at, ConsentEvent.id)
    ).all()
    history: list[tuple[Action, Method, datetime]] = []
    for name, method, at in events[:-1]:
        if name == Action.RESTORED.value:
            # It took back the review just before it: nothing comes between the two.
            history.pop()
        else:
            history.append((Action(name), Method(method), at))
    return history


def _append(
    session: Session, actor: Actor, rows: Sequence[tuple[Consent, State]], action: Action, at: datetime
) -> list[ConsentEvent]:
    batch = [
        ConsentInput(
            customer_id=row.customer_id,
            store_id=row.store_id,
            channel=Channel(row.channel),
            purpose=Purpose(row.purpose),
            action=action,
            method=Method.SYSTEM,
            at=at,
            source=SOURCE,
            associate_id=actor.associate_id,
        )
        for row, _ in rows
    ]
    known = _Known(session, actor, batch)
    events: list[ConsentEvent] = []
    for given, (_, after) in zip(batch, rows, strict=True):
        if given.customer_id not in known.customers:
            raise NotFound
        texts = _check_texts(given) | _check_proof(given, known)
        events.append(_write(session, actor, given, known, after, texts)[1])
    session.flush()
    event_service.add_batch(session, actor, known.told)
    search_index.refresh(session, sorted(known.changed))
    return events


def _check_texts(given: ConsentInput) -> dict[str, Any]:
    checker = Checker()

    def take(name: str, size: int) -> str:
        return checker.take(name, lambda: values.text(getattr(given, name), max_length=size), "")

    texts = {
        "source": take("source", 100),
        "source_id": take("source_id", 100),
        "wording": take("wording", 100),
        "language": take("language", 10),
        "device": take("device", 100),
    }
    checker.done()
    return texts


def _check_proof(given: ConsentInput, known: _Known) -> dict[str, Any]:
    """Return the wording as the event keeps it; from now on it cannot be edited."""
    if given.evidence_id is not None and known.evidence.get(given.evidence_id) != given.customer_id:
        raise Invalid({"evidence_id": [N_("This evidence belongs to another customer.")]})
    if given.wording_id is None:
        return {"wording_version": given.wording_version}
    wording = known.wordings.get(given.wording_id)
    if wording is None or wording.purpose != given.purpose.value:
        raise Invalid({"wording_id": [N_("Choose a wording for this purpose.")]})
    if wording.channels and given.channel.value not in wording.channels:
        raise Invalid({"wording_id": [N_("Choose a wording for this channel.")]})
    wording.used_at = wording.used_at or clock.utcnow()
    return {
        "wording_id": wording.id,
        "wording": wording.label,
        "wording_version": wording.version,
        "language": wording.language,
    }


def _settle_link(
    session: Session, customer: Customer, given: ConsentInput, known: _Known, at: datetime
) -> None:
    """Derive the store's opt-in from its clienteling channels.

    Only a yes makes the customer one of the store's: who refused there stays a stranger.
    """
    channels: list[Any] = [
        known.consents.get((customer.id, given.store_id, Purpose.CLIENTELING.value, channel.value))
        for channel in Channel
    ]
    after = consents.summary(State(row.state) for row in channels if row is not None)
    link = known.links.get((given.store_id, customer.id))
    if link is None:
        states = [
            row.state for key, row in known.consents.items() if key[:2] == (customer.id, given.store_id)
        ]
        if State.ACCEPTED.value not in states:
            return
        link = CustomerStore(
            store_id=given.store_id,
            customer_id=customer.id,
            since=clock.utcnow(),
            reason=LinkReason.OPTED_IN.value,
            opt_in_state=State.NOT_ASKED.value,
        )
        session.add(link)
        known.links[given.store_id, customer.id] = link
    if after is State.ACCEPTED and link.opt_in_state != State.ACCEPTED.value:
        link.opted_in_at = at
    link.opt_in_state = after.value
