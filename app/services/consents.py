"""Consents: record what was declared; the state of each channel follows in the same act."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, consents, values
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.consents import Action, Channel, ConsentInput, Method, Purpose, State
from app.domain.customers import LinkReason
from app.domain.fields import Checker
from app.domain.permissions import Permission
from app.errors import Invalid, NotFound
from app.models import Address, Consent, ConsentEvent, Customer, CustomerStore
from app.queries import scope
from app.services import audit, revisions, search_index

# Clocks of other systems differ a little from ours.
_TOLERANCE = timedelta(minutes=5)
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
    language: str = "",
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
        language=language,
        associate_id=actor.id,
    )
    outcome = record_batch(session, actor, [given])[0]
    if isinstance(outcome, Invalid | NotFound):
        raise outcome
    return outcome


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
    search_index.refresh(session, sorted(known.changed))
    return outcomes


class _Known:
    """What the customers of a batch have said so far, read with a constant number of statements."""

    def __init__(self, session: Session, actor: Actor, batch: Sequence[ConsentInput]) -> None:
        ids = {given.customer_id for given in batch}
        found = session.scalars(
            select(Customer)
            .where(Customer.id.in_(ids), scope.visible(actor))
            .order_by(Customer.id)
            .with_for_update(of=Customer)
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
        self.said_no: dict[_Key, bool] = {}
        answers = session.execute(
            select(
                ConsentEvent.customer_id,
                ConsentEvent.store_id,
                ConsentEvent.purpose,
                ConsentEvent.channel,
                ConsentEvent.action,
            )
            .where(
                ConsentEvent.customer_id.in_(ids),
                ConsentEvent.action.not_in([Action.REQUESTED.value, Action.EXPIRED.value]),
            )
            # In the order of recording, in which the states followed each other.
            .order_by(ConsentEvent.recorded_at, ConsentEvent.id)
        )
        for customer_id, store_id, purpose, channel, action in answers:
            self.said_no[customer_id, store_id, purpose, channel] = Action(action) in consents.NO_ACTIONS
        self.changed: set[uuid.UUID] = set()


def _record_one(session: Session, actor: Actor, given: ConsentInput, known: _Known) -> Consent:
    customer = known.customers.get(given.customer_id)
    if customer is None or not actor.works_in(given.store_id):
        raise NotFound
    now = clock.utcnow()
    texts = _check_texts(given)
    if given.at > now + _TOLERANCE:
        raise Invalid({"at": ["This time is in the future."]})
    key = (customer.id, given.store_id, given.purpose.value, given.channel.value)
    row = known.consents.get(key)
    before = State(row.state) if row else State.NOT_ASKED
    after = consents.move(before, given.action, given.method, last_said_no=known.said_no.get(key, False))
    consents.refuse_without_contact(
        given.channel,
        given.action,
        has_phone=bool(customer.phone_number),
        has_address=customer.id in known.with_address,
    )
    session.add(
        ConsentEvent(
            customer_id=customer.id,
            store_id=given.store_id,
            channel=given.channel.value,
            purpose=given.purpose.value,
            action=given.action.value,
            method=given.method.value,
            associate_id=given.associate_id,
            at=given.at,
            recorded_at=now,
            **texts,
        )
    )
    if row is None:
        row = Consent(
            customer_id=customer.id,
            store_id=given.store_id,
            purpose=given.purpose.value,
            channel=given.channel.value,
            state=after.value,
            since=given.at,
        )
        session.add(row)
        known.consents[key] = row
    elif before is not after:
        row.state, row.since = after.value, given.at
    if given.action not in {Action.REQUESTED, Action.EXPIRED}:
        known.said_no[key] = given.action in consents.NO_ACTIONS
    _settle_link(session, customer, given, known)
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
    return row


def _check_texts(given: ConsentInput) -> dict[str, str]:
    checker = Checker()
    texts = {
        "source": checker.take("source", lambda: values.text(given.source, max_length=100), ""),
        "wording": checker.take("wording", lambda: values.text(given.wording, max_length=100), ""),
        "language": checker.take("language", lambda: values.text(given.language, max_length=10), ""),
    }
    checker.done()
    return texts


def _settle_link(session: Session, customer: Customer, given: ConsentInput, known: _Known) -> None:
    """Derive the store's opt-in from its clienteling channels."""
    link = known.links.get((given.store_id, customer.id))
    if link is None:
        link = CustomerStore(
            store_id=given.store_id,
            customer_id=customer.id,
            since=clock.utcnow(),
            reason=LinkReason.OPTED_IN.value,
            opt_in_state=State.NOT_ASKED.value,
        )
        session.add(link)
        known.links[given.store_id, customer.id] = link
    if given.purpose is not Purpose.CLIENTELING:
        return
    channels: list[Any] = [
        known.consents.get((customer.id, given.store_id, Purpose.CLIENTELING.value, channel.value))
        for channel in Channel
    ]
    after = consents.summary(State(row.state) for row in channels if row is not None)
    if after is State.ACCEPTED and link.opt_in_state != State.ACCEPTED.value:
        link.opted_in_at = given.at
    link.opt_in_state = after.value
