"""Addresses of a customer: create, update, delete."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.addresses import FIELD_LABELS, AddressInput
from app.domain.audit import AuditAction, diff
from app.domain.consents import Channel
from app.domain.events import EventKind
from app.domain.permissions import Permission
from app.domain.texts import N_, Text
from app.errors import Conflict, NotFound, Stale
from app.models import Address, AuditEntry, Customer
from app.queries import customers as customer_queries
from app.services import audit, consents, events, holds, revisions

MAX_ADDRESSES = 50
_EVENTS = {
    AuditAction.ADDRESS_CREATED: EventKind.ADDRESS_CREATED,
    AuditAction.ADDRESS_DELETED: EventKind.ADDRESS_DELETED,
    AuditAction.ADDRESS_UPDATED: EventKind.ADDRESS_UPDATED,
}


def get(session: Session, actor: Actor, customer_id: uuid.UUID, address_id: uuid.UUID) -> Address:
    """Return an address of a customer that the actor may see; raises NotFound."""
    customer_queries.get(session, actor, customer_id)
    return _get(session, customer_id, address_id)


def was_deleted(session: Session, customer_id: uuid.UUID, address_id: uuid.UUID) -> bool:
    """True when the customer, whom the actor may see, had this address until somebody deleted it."""
    query = select(AuditEntry.id).where(
        AuditEntry.subject_type == "address",
        AuditEntry.subject_id == str(address_id),
        AuditEntry.customer_id == customer_id,
        AuditEntry.action == AuditAction.ADDRESS_DELETED,
    )
    return session.scalar(query.limit(1)) is not None


def create(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    given: AddressInput,
    *,
    revision: int | None = None,
    strict: bool = True,
) -> Address:
    """Add an address; the first of its type becomes the default.

    A new address conflicts with nothing: `revision` is compared only when given (API v0).
    Raises Invalid, NotFound, Conflict (on hold, too many), Stale.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    holds.refuse(session, actor, customer_id)
    columns = given.check(strict=strict, may_be_empty=not strict)
    _refuse_stale(customer, revision)
    known = session.scalars(select(Address).where(Address.customer_id == customer_id)).all()
    if len(known) >= MAX_ADDRESSES:
        raise Conflict(
            message=Text.of(
                N_("A customer keeps at most %(count)s addresses. Delete one first."), count=MAX_ADDRESSES
            )
        )
    if not any(address.type == columns["type"] for address in known):
        columns["is_default"] = True
    dropped = _clear_default(session, customer_id, columns["type"]) if columns["is_default"] else []
    now = clock.utcnow()
    address = Address(customer_id=customer_id, **columns, created_at=now, updated_at=now)
    session.add(address)
    session.flush()
    _record(session, actor, AuditAction.ADDRESS_CREATED, customer, address, diff({}, _shown(columns)))
    _note_defaults(session, actor, customer, dropped)
    return address


def update(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    address_id: uuid.UUID,
    given: AddressInput,
    *,
    revision: int | None,
    merge: bool = True,
    strict: bool = True,
) -> Address:
    """Change an address; see services.customers.update for `revision` and `merge`.

    Without a revision the newest is meant (API v0 does not ask for one).

    A default address stays the default until another of its type takes over; where it gets another type,
    each of the two keeps one default.
    Raises Invalid, NotFound, Conflict (on hold), Stale.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    holds.refuse(session, actor, customer_id)
    address = _get(session, customer_id, address_id)
    columns = given.check(strict=strict, may_be_empty=not strict)
    current = {name: getattr(address, name) for name in FIELD_LABELS}
    if current["is_default"] and columns["type"] == current["type"]:
        columns["is_default"] = True
    settled = revisions.settle(
        session,
        customer,
        subject=("address", address.id),
        revision=customer.revision if revision is None else revision,
        current=current,
        mine=columns,
        merge=merge,
    )
    if not settled:
        return address
    kind = settled.get("type")
    if kind and not _has_default(session, customer_id, kind):
        settled["is_default"] = True
    changed: list[Address] = []
    if settled.get("is_default") or (kind and columns["is_default"]):
        changed += _clear_default(session, customer_id, columns["type"], but=address.id)
    for name, value in settled.items():
        setattr(address, name, value)
    address.updated_at = clock.utcnow()
    session.flush()
    if kind and current["is_default"]:
        changed += _inherit(session, customer_id, current["type"])
    _record(session, actor, AuditAction.ADDRESS_UPDATED, customer, address, diff(current, settled))
    _note_defaults(session, actor, customer, changed)
    return address


def delete(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    address_id: uuid.UUID,
    *,
    revision: int,
    merge: bool = True,
) -> None:
    """Delete an address; when it was the default, the oldest other one of its type takes over.

    Raises NotFound, Conflict (on hold), and Stale when the address itself was changed since `revision`
    (any change of the customer, without `merge`).
    """
    actor.require(Permission.CUSTOMER_EDIT)
    customer = customer_queries.get(session, actor, customer_id, for_update=True)
    holds.refuse(session, actor, customer_id)
    address = _get(session, customer_id, address_id)
    current = {name: getattr(address, name) for name in FIELD_LABELS}
    # Deleting sets every field to nothing: it conflicts with whatever others changed meanwhile.
    revisions.settle(
        session,
        customer,
        subject=("address", address.id),
        revision=revision,
        current=current,
        mine=dict.fromkeys(FIELD_LABELS),
        merge=merge,
    )
    session.delete(address)
    session.flush()
    heirs = _inherit(session, customer_id, address.type) if address.is_default else []
    changes: dict[str, tuple[Any, Any]] = {name: (value, None) for name, value in _shown(current).items()}
    _record(session, actor, AuditAction.ADDRESS_DELETED, customer, address, changes)
    _note_defaults(session, actor, customer, heirs)
    if session.scalar(select(Address.id).where(Address.customer_id == customer.id).limit(1)) is None:
        # Nothing is left that post could reach; a later address is another one.
        consents.note_changed_contact(session, actor, customer, {Channel.POST})


def _get(session: Session, customer_id: uuid.UUID, address_id: uuid.UUID) -> Address:
    address = session.get(Address, address_id)
    if address is None or address.customer_id != customer_id:
        raise NotFound
    return address


def _refuse_stale(customer: Customer, revision: int | None) -> None:
    if revision is not None and revision != customer.revision:
        raise Stale(customer.revision)


def _has_default(session: Session, customer_id: uuid.UUID, kind: str) -> bool:
    query = select(Address.id).where(
        Address.customer_id == customer_id, Address.type == kind, Address.is_default
    )
    return session.scalar(query) is not None


def _clear_default(
    session: Session, customer_id: uuid.UUID, kind: str, *, but: uuid.UUID | None = None
) -> list[Address]:
    """Let no address of the type be the default; return the one that was."""
    query = select(Address).where(
        Address.customer_id == customer_id, Address.type == kind, Address.is_default
    )
    found = [other for other in session.scalars(query) if other.id != but]
    for other in found:
        other.is_default = False
    session.flush()
    return found


def _inherit(session: Session, customer_id: uuid.UUID, kind: str) -> list[Address]:
    """Make the oldest address of the type the default, now that the one before is gone; return it."""
    query = select(Address).where(Address.customer_id == customer_id, Address.type == kind)
    found = session.scalars(query.order_by(Address.created_at, Address.id).limit(1)).all()
    for heir in found:
        heir.is_default = True
    session.flush()
    return list(found)


def _note_defaults(session: Session, actor: Actor, customer: Customer, changed: list[Address]) -> None:
    """Write down which other addresses began or ceased to be the default by the act.

    Else somebody who had one open meanwhile would make it the default again, unknowingly.
    """
    for address in changed:
        audit.record(
            session,
            actor,
            AuditAction.ADDRESS_UPDATED,
            subject=("address", address.id),
            customer_id=customer.id,
            revision=customer.revision,
            changes={"is_default": (not address.is_default, address.is_default)},
        )
    session.flush()


def _shown(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if value not in ("", False, None)}


def _record(
    session: Session,
    actor: Actor,
    action: AuditAction,
    customer: Customer,
    address: Address,
    changes: dict[str, tuple[Any, Any]],
) -> None:
    revisions.touch(customer)
    audit.record(
        session,
        actor,
        action,
        subject=("address", address.id),
        customer_id=customer.id,
        revision=customer.revision,
        changes=changes,
    )
    events.add(
        session,
        actor,
        _EVENTS[action],
        customer.id,
        revision=customer.revision,
        changed=sorted(changes),
        address_id=str(address.id),
    )
    session.flush()
