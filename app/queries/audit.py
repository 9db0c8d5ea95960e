"""The history of a customer: who changed which field, when."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import addresses, customers, values
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.paging import Page, PageRequest
from app.models import AttributeDefinition, AuditEntry
from app.queries import customers as customer_queries

ACTION_LABELS = {
    AuditAction.ADDRESS_CREATED: "Address added",
    AuditAction.ADDRESS_DELETED: "Address deleted",
    AuditAction.ADDRESS_UPDATED: "Address changed",
    AuditAction.ATTRIBUTES_UPDATED: "Preferences changed",
    AuditAction.CONSENT_RECORDED: "Opt-in recorded",
    AuditAction.CUSTOMER_ADDED_TO_STORE: "Added to a store",
    AuditAction.CUSTOMER_CREATED: "Created",
    AuditAction.CUSTOMER_UPDATED: "Contact changed",
    AuditAction.ORDER_RECORDED: "Order recorded",
}


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field of a change, before and after, as text."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One act on a customer; `can_restore` when its old values can be put back."""

    id: uuid.UUID
    label: str
    who: str
    at: datetime
    fields: tuple[FieldChange, ...]
    can_restore: bool


def history(session: Session, actor: Actor, customer_id: uuid.UUID, page: PageRequest) -> Page[Change]:
    """Return the changes of a customer and its parts, newest first. Raises NotFound."""
    customer_queries.get(session, actor, customer_id)
    criterion = AuditEntry.customer_id == customer_id
    total = session.scalar(select(func.count()).select_from(AuditEntry).where(criterion)) or 0
    entries = session.scalars(
        select(AuditEntry)
        .where(criterion)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .offset(page.offset)
        .limit(page.count)
    ).all()
    labels = {
        row.key: row.label
        for row in session.execute(select(AttributeDefinition.key, AttributeDefinition.label))
    }
    return Page(
        items=[_change(entry, labels) for entry in entries],
        offset=page.offset,
        requested=page.count,
        total=total,
    )


def _change(entry: AuditEntry, attribute_labels: dict[str, str]) -> Change:
    known = {
        "customer": customers.FIELD_LABELS,
        "address": addresses.FIELD_LABELS,
        "attributes": attribute_labels,
    }.get(entry.subject_type, {})
    return Change(
        id=entry.id,
        label=ACTION_LABELS.get(AuditAction(entry.action), entry.action),
        who=entry.actor_name,
        at=entry.at,
        fields=tuple(
            FieldChange(label=known.get(name, name), old=_shown(name, pair[0]), new=_shown(name, pair[1]))
            for name, pair in (entry.changes or {}).items()
        ),
        can_restore=entry.action == AuditAction.CUSTOMER_UPDATED and bool(entry.changes),
    )


def _shown(name: str, value: Any) -> str:
    # The history is no way round the masking of contact data: to see it whole, reveal it.
    match name:
        case "email":
            return values.mask_email(_text(value)) if value else ""
        case "phone_number" | "contact_phone":
            return values.mask_phone(_text(value))
        case _:
            return _text(value)


def _text(value: Any) -> str:
    return (
        {True: "yes", False: "no", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
