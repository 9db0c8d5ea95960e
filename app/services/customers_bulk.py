"""Many new customers at once: the rules and the audit of `services.customers`, few statements."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, customers, folding
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.consents import State
from app.domain.customers import FIELD_LABELS, LinkReason
from app.domain.events import EventKind, NewEvent
from app.domain.permissions import Permission
from app.models import Address, Customer, CustomerStore, ExtendedAttribute
from app.models.base import Base, new_id
from app.queries import scope
from app.services import audit, events
from app.services.rows import insert_rows


@dataclass(frozen=True, kw_only=True)
class NewCustomer:
    """A customer to create, checked already: columns as the domain's `check()` returns them."""

    columns: dict[str, Any]
    store_id: uuid.UUID | None
    reason: LinkReason = LinkReason.CREATED
    created_by_id: uuid.UUID | None = None
    created_at: datetime | None = None
    # Known to the store from then on; without it since they were created.
    since: datetime | None = None
    addresses: Sequence[dict[str, Any]] = ()
    attributes: dict[str, str] | None = None


def create(
    session: Session,
    actor: Actor,
    batch: Sequence[NewCustomer],
    *,
    permission: Permission = Permission.CUSTOMER_EDIT,
) -> list[uuid.UUID]:
    """Create customers whose e-mail addresses the caller knows to be free, with all their parts.

    Returns their ids, in the order of the batch. The search entries are left to the caller, which refreshes
    them once for its whole batch.
    `permission` is what the act needs that this is a part of. Raises NotFound for a store that is
    not the actor's, and for none unless the actor works for all.
    """
    actor.require(permission)
    for store_id in {given.store_id for given in batch}:
        scope.require_store(actor, store_id)
    now = clock.utcnow()
    # As plain rows: to make objects of them, and to keep track of each, takes longer than to write them.
    rows: dict[type[Base], list[dict[str, Any]]] = {
        # A child's row must not go before the customer that it points to.
        Customer: [],
        CustomerStore: [],
        Address: [],
        ExtendedAttribute: [],
    }
    entries = []
    for given, display_id in zip(batch, free_display_ids(session, len(batch)), strict=True):
        customer = _row(actor, given, display_id, now)
        rows[Customer].append(customer)
        _add_parts(rows, customer, given)
        shown = {name: given.columns[name] for name in FIELD_LABELS if given.columns.get(name)}
        entry = audit.entry_values(
            actor,
            AuditAction.CUSTOMER_CREATED,
            subject=("customer", customer["id"]),
            customer_id=customer["id"],
            store_id=given.store_id,
            revision=1,
            changes=diff({}, shown),
        )
        entries.append(entry)
    session.flush()
    for model, made in rows.items():
        insert_rows(session, model, made)
    audit.record_batch(session, entries)
    events.add_batch(
        session,
        actor,
        [
            NewEvent(
                kind=EventKind.CUSTOMER_CREATED,
                customer_id=customer["id"],
                revision=1,
                store_id=customer["store_id"],
            )
            for customer in rows[Customer]
        ],
    )
    return [customer["id"] for customer in rows[Customer]]


def _row(actor: Actor, given: NewCustomer, display_id: str, now: datetime) -> dict[str, Any]:
    at = given.created_at or now
    return {
        **given.columns,
        "id": new_id(),
        "display_id": display_id,
        "created_by_id": given.created_by_id or actor.associate_id,
        "created_by_client": actor.client_name,
        "store_id": given.store_id,
        "order_count": 0,
        "revision": 1,
        "created_at": at,
        "updated_at": at,
    }


def _add_parts(
    parts: Mapping[type[Base], list[dict[str, Any]]], customer: Mapping[str, Any], given: NewCustomer
) -> None:
    if given.store_id is not None:
        parts[CustomerStore].append(
            {
                "store_id": given.store_id,
                "customer_id": customer["id"],
                "since": given.since or customer["created_at"],
                "reason": given.reason.value,
                "opt_in_state": State.NOT_ASKED.value,
            }
        )
    defaults: set[str] = set()
    explicit = {columns["type"] for columns in given.addresses if columns["is_default"]}
    for columns in given.addresses:
        kind = columns["type"]
        # As in services.addresses: one default of each type, the first where none is named.
        is_default = (columns["is_default"] or kind not in explicit) and kind not in defaults
        if is_default:
            defaults.add(kind)
        parts[Address].append(
            columns
            | {
                "is_default": is_default,
                "customer_id": customer["id"],
                "created_at": customer["created_at"],
                "updated_at": customer["created_at"],
            }
        )
    parts[ExtendedAttribute] += [
        {"customer_id": customer["id"], "name": name, "value": value, "value_key": folding.fold(value)}
        for name, value in (given.attributes or {}).items()
    ]


def free_display_ids(session: Session, count: int) -> list[str]:
    """Return different display ids that no customer has."""
    free: set[str] = set()
    while len(free) < count:
        candidates = {customers.new_display_id() for _ in range(count - len(free))} - free
        taken = session.scalars(select(Customer.display_id).where(Customer.display_id.in_(candidates)))
        free |= candidates - set(taken)
    return sorted(free)
