"""Extended attributes of a customer."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import attributes, folding
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.customers import MAX_ATTRIBUTES
from app.domain.events import EventKind
from app.domain.permissions import Permission
from app.domain.texts import N_, Text
from app.errors import Invalid
from app.models import AttributeDefinition, Customer, ExtendedAttribute
from app.queries import customers as customer_queries
from app.queries import together
from app.services import audit, events, holds, revisions, search_index


def change(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    given: Mapping[str, object],
    *,
    revision: int,
    merge: bool = True,
) -> Customer:
    """Set the named attributes; an empty value removes one, a name not given stays.

    Raises Invalid (by definition, and past 20), NotFound, Conflict (on hold), and Stale field by field.
    """
    return _write(session, actor, customer_id, given, revision=revision, merge=merge, replaces=False)


def replace(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    given: Mapping[str, object],
    *,
    revision: int,
    merge: bool = True,
    is_counted: bool = False,
) -> Customer:
    """Make the attributes exactly these, as API v0's update does. Raises as `change`.

    `is_counted` says that the act which this is a part of has counted the revision already.
    """
    return _write(
        session,
        actor,
        customer_id,
        given,
        revision=revision,
        merge=merge,
        replaces=True,
        is_counted=is_counted,
    )


def _write(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    given: Mapping[str, object],
    *,
    revision: int,
    merge: bool,
    replaces: bool,
    is_counted: bool = False,
) -> Customer:
    actor.require(Permission.CUSTOMER_EDIT)
    customer = customer_queries.get(
        session, actor, customer_id, Customer.extended_attributes, for_update=True
    )
    holds.refuse(session, actor, customer_id)
    current = {row.name: row.value for row in customer.extended_attributes}
    checked = attributes.check(definitions(session), given, held=current)
    names = {*given, *current} if replaces else set(given)
    settled = revisions.settle(
        session,
        customer,
        subject=("attributes", customer.id),
        revision=revision,
        current=current,
        mine={name: checked.get(name) for name in names},
        merge=merge,
    )
    if not settled:
        return customer
    if sum(1 for value in {**current, **settled}.values() if value) > MAX_ATTRIBUTES:
        raise Invalid(
            {"": [Text.of(N_("Keep at most %(count)s attributes; remove one first."), count=MAX_ATTRIBUTES)]}
        )
    _store(session, customer, settled)
    if not is_counted:
        revisions.touch(customer)
    audit.record(
        session,
        actor,
        AuditAction.ATTRIBUTES_UPDATED,
        subject=("attributes", customer.id),
        customer_id=customer.id,
        revision=customer.revision,
        changes=diff(current, settled),
    )
    events.add(
        session,
        actor,
        EventKind.CUSTOMER_UPDATED,
        customer.id,
        revision=customer.revision,
        changed=["extended_attributes"],
    )
    session.flush()
    session.refresh(customer, ["extended_attributes"])
    search_index.refresh(session, [customer.id])
    return customer


# Each profile and list asks, so it is made once, and of a table, whose rows take half as long as a class's.
# Retired ones that are sensitive come too: their values are still there, and stay hidden.
_columns = AttributeDefinition.__table__.c
_DEFINITIONS = (
    select(
        _columns.key, _columns.label, _columns.type, _columns.choices, _columns.group_name,
        _columns.is_sensitive, _columns.is_active,
    )
    .where(_columns.is_active | _columns.is_sensitive)
    .order_by(_columns.group_name, _columns.position, _columns.label)
    .execution_options(**PLANNED_ONCE)
)  # fmt: skip


def definitions(session: Session) -> dict[str, attributes.Definition]:
    """Return the active definitions by key, in the order in which they are asked."""
    return {key: found for key, found in to_show(session).items() if found.is_active}


def to_show(session: Session) -> dict[str, attributes.Definition]:
    """Return what values are shown by: the active definitions and, of the retired, the sensitive ones."""
    return {row.key: attributes.Definition(*row) for row in together.rows(session, read_of_definitions())}


def read_of_definitions() -> together.Read:
    """Return what `definitions` and `to_show` ask."""
    return together.Read(_DEFINITIONS, {})


def _store(session: Session, customer: Customer, settled: Mapping[str, Any]) -> None:
    rows = {row.name: row for row in customer.extended_attributes}
    for name, value in settled.items():
        if not value:
            customer.extended_attributes.remove(rows[name])
            session.delete(rows[name])
        elif name in rows:
            rows[name].value = value
            rows[name].value_key = folding.fold(value)
        else:
            session.add(
                ExtendedAttribute(
                    customer_id=customer.id, name=name, value=value, value_key=folding.fold(value)
                )
            )
