"""Reviews of opt-ins: decide on the evidence, one or several at once, and take a decision back.

A decision can end an opt-in or have it asked again, and nothing else: see `domain/consent_reviews.py`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain import clock, consents, payment_cards
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.consent_reviews import (
    ACTIONS,
    DECISIONS,
    MAX_NOTE,
    UNDO_WITHIN,
    Decision,
    Reason,
    check_one_kind,
    check_selection,
)
from app.domain.consents import State
from app.domain.fields import Checker
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import AuditEntry, Consent, ConsentEvent, ConsentReview, Customer
from app.models.base import new_id
from app.queries import scope
from app.services import audit
from app.services import consents as consent_services

UNDONE = "undone"
_CONTACT = {"email", "phone_number"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An opt-in as the reviewer saw it: the declaration it rests on, and the newest decision on it."""

    event_id: uuid.UUID
    review_id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is decided and why; a reason is needed unless the evidence is sufficient."""

    decision: Decision
    reason: Reason | None = None
    note: str = ""


def decide(
    session: Session, actor: Actor, seen: Seen, verdict: Verdict, *, four_eyes: bool = True
) -> ConsentReview:
    """Decide on one opt-in and return the decision.

    Raises NotFound, Forbidden for one's own capture, Invalid without a reason, and Conflict when
    the opt-in or the decision on it changed since it was looked at.
    """
    return _decide(session, actor, [seen], verdict, four_eyes=four_eyes, bulk_id=None)[0]


def decide_many(
    session: Session, actor: Actor, seen: Sequence[Seen], verdict: Verdict, *, four_eyes: bool = True
) -> uuid.UUID:
    """Decide on several opt-ins whose evidence is of one kind, all or none; return the id to undo by.

    Raises what `decide` raises, for any of them, and Invalid for evidence of several kinds.
    """
    check_selection([one.event_id for one in seen])
    bulk_id = new_id()
    _decide(session, actor, seen, verdict, four_eyes=four_eyes, bulk_id=bulk_id)
    return bulk_id


def _decide(
    session: Session,
    actor: Actor,
    seen: Sequence[Seen],
    verdict: Verdict,
    *,
    four_eyes: bool,
    bulk_id: uuid.UUID | None,
) -> list[ConsentReview]:
    actor.require(Permission.CONSENT_REVIEW)
    note = _check(verdict)
    rows = _load(session, actor, [one.event_id for one in seen])
    _refuse_decided(session, seen)
    _refuse_own(actor, rows, four_eyes=four_eyes)
    if bulk_id is not None:
        check_one_kind((row.evidence, row.is_weak) for row in rows)
    for row in rows:
        if verdict.decision not in DECISIONS.get(State(row.state), ()):
            raise Conflict(message=N_("The customer's answer changed meanwhile. Look at it again."))
    before = [(State(row.state), row.since, row.review, row.risk) for row in rows]
    now = clock.utcnow()
    action = ACTIONS[verdict.decision]
    added: Sequence[ConsentEvent | None] = [None] * len(rows)
    if action is None:
        for row in rows:
            row.review, row.risk = "", 0
    else:
        added = consent_services.review_batch(session, actor, rows, action, now)
    reviews = [
        _review(
            actor,
            row,
            event,
            now,
            decision=verdict.decision.value,
            reason=verdict.reason.value if verdict.reason else "",
            note=note,
            state_before=state.value,
            state_after=row.state,
            since_before=since,
            review_before=review,
            risk_before=risk,
            bulk_id=bulk_id,
        )
        for row, event, (state, since, review, risk) in zip(rows, added, before, strict=True)
    ]
    _keep(session, actor, reviews, AuditAction.CONSENT_REVIEWED)
    return reviews


def _refuse_decided(session: Session, seen: Sequence[Seen]) -> None:
    newest = newest_reviews(session, [one.event_id for one in seen])
    for one in seen:
        found = newest.get(one.event_id)
        if (found.id if found else None) != one.review_id:
            raise Conflict(
                message=N_("Somebody else decided on this meanwhile. Look again at what they decided.")
            )


def _refuse_own(actor: Actor, rows: Sequence[Consent], *, four_eyes: bool) -> None:
    if four_eyes and any(_is_own(actor, row) for row in rows):
        raise Forbidden(N_("You captured this opt-in yourself: somebody else has to review it."))


def _review(
    actor: Actor, row: Consent, added: ConsentEvent | None, now: datetime, **decided: Any
) -> ConsentReview:
    """Return the entry of a decision on an opt-in, or of one that is taken back."""
    columns: dict[str, Any] = {
        "id": new_id(),
        "at": now,
        "customer_id": row.customer_id,
        "store_id": row.store_id,
        "purpose": row.purpose,
        "channel": row.channel,
        "event_id": row.event_id,
        "added_event_id": added.id if added else None,
        "reviewer_id": actor.id,
    }
    return ConsentReview(**columns | decided)


def _check(verdict: Verdict) -> str:
    checker = Checker()
    note = checker.take("note", lambda: payment_cards.text(verdict.note, max_length=MAX_NOTE), "")
    checker.done()
    if verdict.decision is not Decision.SUFFICIENT and verdict.reason is None:
        raise Invalid({"reason": [N_("Say why the evidence is not sufficient.")]})
    if verdict.reason is Reason.OTHER and not note:
        raise Invalid({"note": [N_("Say in a few words what the reason is.")]})
    return note


def _load(session: Session, actor: Actor, event_ids: Sequence[uuid.UUID]) -> list[Consent]:
    """Return the opt-ins that rest on these declarations, locked, in that order.

    Raises NotFound when one is not there for the actor, Conflict when one rests on another by now.
    """
    events = session.execute(
        select(ConsentEvent.id, ConsentEvent.store_id, ConsentEvent.customer_id).where(
            ConsentEvent.id.in_(event_ids)
        )
    ).all()
    if len(events) != len(set(event_ids)) or not all(actor.works_in(event.store_id) for event in events):
        raise NotFound
    customer_ids = {event.customer_id for event in events}
    locked = session.scalars(
        select(Customer.id)
        .where(Customer.id.in_(customer_ids), scope.visible(actor))
        .order_by(Customer.id)
        .with_for_update(of=Customer, key_share=True)
    ).all()
    if set(locked) != customer_ids:
        raise NotFound
    found = session.scalars(
        select(Consent).where(Consent.event_id.in_(event_ids)).execution_options(populate_existing=True)
    )
    rows = {row.event_id: row for row in found}
    if len(rows) != len(set(event_ids)):
        raise Conflict(message=N_("The customer's answer changed meanwhile. Look at it again."))
    return [rows[event_id] for event_id in event_ids]


def newest_reviews(session: Session, event_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, ConsentReview]:
    """Return the newest decision, or undoing of one, by declaration."""
    found = session.scalars(
        select(ConsentReview)
        .where(ConsentReview.event_id.in_(event_ids))
        .order_by(ConsentReview.at, ConsentReview.id)
    )
    return {review.event_id: review for review in found}


def _is_own(actor: Actor, row: Consent) -> bool:
    return actor.id is not None and row.captured_by_id == actor.id


def undo(session: Session, actor: Actor, review_id: uuid.UUID, *, four_eyes: bool = True) -> ConsentReview:
    """Take one decision back: the opt-in stands as it stood before, by the customer's own declaration.

    Raises NotFound, Forbidden for one's own capture, and Conflict when it is too late: after a day,
    or when the customer, their contact data or another decision came in between.
    """
    actor.require(Permission.CONSENT_REVIEW)
    review = session.get(ConsentReview, review_id)
    if review is None:
        raise NotFound
    return _undo(session, actor, [review], four_eyes=four_eyes)[0]


def undo_many(
    session: Session, actor: Actor, bulk_id: uuid.UUID, *, four_eyes: bool = True
) -> list[ConsentReview]:
    """Take back all decisions that were made at once, or none. Raises what `undo` raises for any."""
    actor.require(Permission.CONSENT_REVIEW)
    reviews = session.scalars(
        select(ConsentReview)
        .where(ConsentReview.bulk_id == bulk_id, ConsentReview.undoes_id.is_(None))
        .order_by(ConsentReview.id)
    ).all()
    if not reviews:
        raise NotFound
    return _undo(session, actor, reviews, four_eyes=four_eyes)


def undo_any(
    session: Session, actor: Actor, some_id: uuid.UUID, *, four_eyes: bool = True
) -> list[ConsentReview]:
    """Take back the decision of this id, or all that were made at once under it."""
    actor.require(Permission.CONSENT_REVIEW)
    if session.get(ConsentReview, some_id) is None:
        return undo_many(session, actor, some_id, four_eyes=four_eyes)
    return [undo(session, actor, some_id, four_eyes=four_eyes)]


def undoable(session: Session, actor: Actor, some_id: uuid.UUID) -> list[ConsentReview]:
    """Return the decisions that `undo_any` would try to take back; none where it would refuse at once."""
    if not actor.can(Permission.CONSENT_REVIEW):
        return []
    found = list(
        session.scalars(
            select(ConsentReview).where(
                or_(ConsentReview.id == some_id, ConsentReview.bulk_id == some_id),
                ConsentReview.undoes_id.is_(None),
                ConsentReview.at >= clock.utcnow() - UNDO_WITHIN,
            )
        )
    )
    if any(not actor.works_in(review.store_id) for review in found):
        return []
    newest = newest_reviews(session, [review.event_id for review in found])
    return found if all(newest[review.event_id].id == review.id for review in found) else []


def _undo(
    session: Session, actor: Actor, reviews: Sequence[ConsentReview], *, four_eyes: bool
) -> list[ConsentReview]:
    if any(review.undoes_id is not None or not actor.works_in(review.store_id) for review in reviews):
        raise NotFound
    rows = _load(session, actor, [review.event_id for review in reviews])
    _refuse_own(actor, rows, four_eyes=four_eyes)
    now = clock.utcnow()
    if any(now - review.at > UNDO_WITHIN for review in reviews):
        raise Conflict(message=N_("This was decided more than a day ago and cannot be undone."))
    newest = newest_reviews(session, [review.event_id for review in reviews])
    if any(newest[review.event_id].id != review.id for review in reviews):
        raise Conflict(message=N_("A newer decision was made, or this one was undone already."))
    if _something_newer(session, reviews):
        raise Conflict(
            message=N_(
                "The customer's answers or contact data changed since then. This cannot be undone:"
                " ask the customer."
            )
        )
    pairs = list(zip(rows, reviews, strict=True))
    moved = [(row, State(review.state_before)) for row, review in pairs if review.added_event_id is not None]
    added: dict[uuid.UUID | None, ConsentEvent] = {}
    if moved:
        events = consent_services.restore_batch(session, actor, moved, now)
        added = {row.event_id: event for (row, _), event in zip(moved, events, strict=True)}
    undoing = []
    for row, review in pairs:
        state_after = State(row.state)
        row.since, row.review, row.risk = review.since_before, review.review_before, review.risk_before
        undoing.append(
            _review(
                actor,
                row,
                added.get(row.event_id),
                now,
                event_id=review.event_id,
                decision=UNDONE,
                state_before=review.state_after,
                state_after=state_after.value,
                since_before=review.at,
                bulk_id=review.bulk_id,
                undoes_id=review.id,
            )
        )
    _keep(session, actor, undoing, AuditAction.CONSENT_REVIEW_UNDONE)
    return undoing


def _something_newer(session: Session, reviews: Sequence[ConsentReview]) -> bool:
    """True when the customer said no anywhere, anything on the same opt-in, or is reached otherwise now."""
    first = min(review.at for review in reviews)
    by_customer: dict[uuid.UUID, list[ConsentReview]] = {}
    for review in reviews:
        by_customer.setdefault(review.customer_id, []).append(review)
    known = {id_ for review in reviews for id_ in (review.event_id, review.added_event_id)}
    no = [action.value for action in consents.NO_ACTIONS]
    events = session.scalars(
        select(ConsentEvent).where(
            ConsentEvent.customer_id.in_(by_customer), ConsentEvent.recorded_at >= first
        )
    )
    for event in events:
        for review in by_customer[event.customer_id]:
            if event.id in known or event.recorded_at < review.at:
                continue
            is_same = (event.store_id, event.purpose, event.channel) == (
                review.store_id, review.purpose, review.channel,
            )  # fmt: skip
            if is_same or event.action in no:
                return True
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.customer_id.in_(by_customer), AuditEntry.at >= first)
    )
    return any(
        entry.at >= review.at
        for entry in entries
        if entry.customer_id is not None and _changes_contact(entry)
        for review in by_customer[entry.customer_id]
    )


def _changes_contact(entry: AuditEntry) -> bool:
    if entry.subject_type == "address":
        return entry.action != AuditAction.ADDRESS_CREATED.value
    return entry.subject_type == "customer" and bool(_CONTACT & set(entry.fields))


def _keep(session: Session, actor: Actor, reviews: Sequence[ConsentReview], action: AuditAction) -> None:
    session.add_all(reviews)
    session.flush()
    for review in reviews:
        audit.record(
            session,
            actor,
            action,
            subject=("consent_review", review.id),
            customer_id=review.customer_id,
            store_id=review.store_id,
            changes={
                "decision": (None, review.decision),
                "state": (review.state_before, review.state_after),
            },
        )
