"""Customers: create, update, restore, add to a store, look at."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction, AuditAction, diff
from app.domain.consents import BY_PHONE, Channel, State
from app.domain.customers import EMAIL_TAKEN, FIELD_LABELS, CustomerChanges, CustomerInput, LinkReason
from app.domain.events import EventKind
from app.domain.permissions import Permission
from app.errors import Conflict, NotFound
from app.models import AuditEntry, Customer, CustomerStore, Store
from app.queries import consents as consent_queries
from app.queries import customers as customer_queries
from app.queries import scope, search_whole
from app.services import audit, consents, customers_bulk, events, holds, revisions, search_index


def create(
    session: Session,
    actor: Actor,
    given: CustomerInput,
    *,
    store_id: uuid.UUID,
    created_by_id: uuid.UUID | None = None,
) -> Customer:
    """Create a customer of a store.

    Raises Invalid, and Conflict when the e-mail address is taken: its `existing_id` is set when
    the actor may see that customer, so that nobody makes a duplicate unknowingly.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    scope.require_store(actor, store_id)
    store = session.get_one(Store, store_id)
    columns = given.check(region=store.country_code)
    refuse_taken_email(session, actor, columns["email_key"], None)
    now = clock.utcnow()
    customer = Customer(
        **columns,
        display_id=customers_bulk.free_display_ids(session, 1)[0],
        created_by_id=created_by_id or actor.associate_id,
        created_by_client=actor.client_name,
        store_id=store_id,
        order_count=0,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    session.add(customer)
    session.flush()
    link(session, customer.id, store_id, LinkReason.CREATED)
    audit.record(
        session,
        actor,
        AuditAction.CUSTOMER_CREATED,
        subject=("customer", customer.id),
        customer_id=customer.id,
        store_id=store_id,
        revision=1,
        changes=diff({}, {name: getattr(customer, name) for name in FIELD_LABELS if columns.get(name)}),
    )
    events.add(
        session, actor, EventKind.CUSTOMER_CREATED, customer.id, revision=customer.revision, store_id=store_id
    )
    session.flush()
    search_index.refresh(session, [customer.id])
    return customer


def update(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    changes: CustomerChanges,
    *,
    revision: int,
    merge: bool = True,
    strict: bool = True,
) -> Customer:
    """Change a customer's own fields; `revision` is the one that the editor saw.

    With `merge`, what others saved meanwhile on other fields stays without a question; `strict` as
    in domain.values.phone.
    Raises Invalid, NotFound, Conflict (e-mail taken, on hold) and Stale (the same field, or no `merge`).
    """
    actor.require(Permission.CUSTOMER_EDIT)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    holds.refuse(session, actor, customer_id)
    region = customer.country_code or _region(session, customer.store_id)
    columns = changes.check(region=region, strict=strict)
    current = {name: getattr(customer, name) for name in FIELD_LABELS}
    mine = {name: columns[name] for name in FIELD_LABELS if name in columns}
    settled = revisions.settle(
        session,
        customer,
        subject=("customer", customer.id),
        revision=revision,
        current=current,
        mine=mine,
        merge=merge,
    )
    if not settled:
        return customer
    if "email" in settled:
        refuse_taken_email(session, actor, columns["email_key"], customer.id)
        settled["email_key"] = columns["email_key"]
    # A changed country changes how a national number is read, and the other way round.
    if "phone_number" in settled or "country_code" in settled:
        whole = CustomerChanges(
            phone_number=settled.get("phone_number", customer.phone_number),
            country_code=settled.get("country_code", customer.country_code),
        ).check(region=region, strict=False)
        settled["phone_e164"] = whole["phone_e164"]
    changed = _changed_channels(customer, settled)
    for name, value in settled.items():
        setattr(customer, name, value)
    revisions.touch(customer)
    audit.record(
        session,
        actor,
        AuditAction.CUSTOMER_UPDATED,
        subject=("customer", customer.id),
        customer_id=customer.id,
        revision=customer.revision,
        changes=diff(current, {name: value for name, value in settled.items() if name in FIELD_LABELS}),
    )
    events.add(
        session,
        actor,
        EventKind.CUSTOMER_UPDATED,
        customer.id,
        revision=customer.revision,
        changed=sorted(set(settled) & set(FIELD_LABELS)),
    )
    session.flush()
    consents.note_changed_contact(session, actor, customer, changed)
    search_index.refresh(session, [customer.id])
    return customer


def restore(session: Session, actor: Actor, customer_id: uuid.UUID, entry_id: uuid.UUID) -> Customer:
    """Give the fields of one change in the history the values that they had before it.

    It is an edit of how things stood right after that change: a field that was changed again since
    then raises Stale, so that nobody undoes it unasked.
    Raises NotFound when the entry is no change of this customer's own fields; else as `update`.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    customer_queries.get(session, actor, customer_id, for_update=True)
    entry = session.get(AuditEntry, entry_id)
    if (
        entry is None
        or entry.customer_id != customer_id
        or entry.action != AuditAction.CUSTOMER_UPDATED
        or not entry.changes
        or entry.revision is None
    ):
        raise NotFound
    old = {name: pair[0] or "" for name, pair in entry.changes.items() if name in FIELD_LABELS}
    return update(session, actor, customer_id, CustomerChanges(**old), revision=entry.revision)


def add_to_store(
    session: Session, actor: Actor, customer_id: uuid.UUID, *, store_id: uuid.UUID, proof: str
) -> Customer:
    """Make a customer of another store known to this one.

    `proof` is the whole e-mail address, phone number or display id that the associate was told:
    without it the customer is not found, so that nobody browses strangers. Who is the store's already
    stays so: two taps, or two colleagues at once, do it once. Raises NotFound, and Conflict for one on
    hold: no more people are to see them.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    scope.require_store(actor, store_id)
    place = (store_id, customer_id)
    if session.get(CustomerStore, place) is None and customer_id not in {
        found.id for found in search_whole.find(session, actor, proof).masked
    }:
        raise NotFound
    customer = session.get_one(Customer, customer_id, with_for_update=customer_queries.LOCK)
    if session.get(CustomerStore, place) is not None:
        return customer
    holds.refuse(session, actor, customer_id)
    link(session, customer.id, store_id, LinkReason.ADDED)
    revisions.touch(customer)
    audit.record(
        session,
        actor,
        AuditAction.CUSTOMER_ADDED_TO_STORE,
        subject=("customer", customer.id),
        customer_id=customer.id,
        store_id=store_id,
        revision=customer.revision,
    )
    events.add(
        session,
        actor,
        EventKind.CUSTOMER_UPDATED,
        customer.id,
        revision=customer.revision,
        store_id=store_id,
        changed=["stores"],
    )
    session.flush()
    search_index.refresh(session, [customer.id])
    return customer


def look_at(
    session: Session, actor: Actor, customer_id: uuid.UUID, action: AccessAction, *, detail: str = ""
) -> Customer:
    """Note that the actor saw the customer, or had data revealed, and return it; `detail` says which."""
    _require_sight(actor, action)
    customer = customer_queries.get(session, actor, customer_id)
    audit.record_access(session, actor, action, customer.id, detail=detail)
    return customer


def note_look(
    session: Session, actor: Actor, customer_id: uuid.UUID, action: AccessAction, *, detail: str = ""
) -> None:
    """Note as `look_at` does, for a customer whom a query gave this actor just now."""
    _require_sight(actor, action)
    audit.record_access(session, actor, action, customer_id, detail=detail)


def _require_sight(actor: Actor, action: AccessAction) -> None:
    actor.require(Permission.CUSTOMER_REVEAL if action is AccessAction.REVEALED else Permission.CUSTOMER_VIEW)


def link(session: Session, customer_id: uuid.UUID, store_id: uuid.UUID, reason: LinkReason) -> None:
    """Make the customer known to the store, unless it is already."""
    if session.get(CustomerStore, (store_id, customer_id)) is None:
        known = consent_queries.opt_ins_of(session, [customer_id])
        state, opted_in_at = known.get((store_id, customer_id), (State.NOT_ASKED.value, None))
        session.add(
            CustomerStore(
                store_id=store_id,
                customer_id=customer_id,
                since=clock.utcnow(),
                reason=reason.value,
                opt_in_state=state,
                opted_in_at=opted_in_at,
            )
        )
        session.flush()


def _changed_channels(customer: Customer, settled: dict[str, Any]) -> set[Channel]:
    """Return the channels that reach another address or number after the change."""
    changed: set[Channel] = set()
    if "email_key" in settled and settled["email_key"] != customer.email_key:
        changed.add(Channel.EMAIL)
    new = {name: settled.get(name, getattr(customer, name)) for name in ("phone_e164", "phone_number")}
    # The same number in another spelling is the same number.
    is_same = new["phone_e164"] == customer.phone_e164 is not None
    if not is_same and new["phone_number"] != customer.phone_number:
        changed |= BY_PHONE
    return changed


def refuse_taken_email(session: Session, actor: Actor, key: str | None, own_id: uuid.UUID | None) -> None:
    """Raise Conflict when another customer than `own_id` has the e-mail address."""
    taken = session.execute(
        select(Customer.id, scope.visible(actor)).where(Customer.email_key == key, Customer.id != own_id)
        if own_id
        else select(Customer.id, scope.visible(actor)).where(Customer.email_key == key)
    ).first()
    if taken is not None:
        existing_id, is_visible = taken
        raise Conflict({"email": [EMAIL_TAKEN]}, EMAIL_TAKEN, str(existing_id) if is_visible else None)


def _region(session: Session, store_id: uuid.UUID | None) -> str | None:
    return session.scalar(select(Store.country_code).where(Store.id == store_id))
