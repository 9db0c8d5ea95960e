"""Attribute definitions: create, update, retire and bring back.

Values that exist stay as they are, and acceptable for the customer who has them.
"""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.attribute_definitions import DefinitionInput
from app.domain.audit import AuditAction, diff
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Conflict, NotFound, Stale
from app.models import AttributeDefinition, ExtendedAttribute
from app.services import audit


def create(session: Session, actor: Actor, given: DefinitionInput) -> AttributeDefinition:
    """Create a definition. Raises Invalid, and Conflict when the key is taken."""
    actor.require(Permission.ADMIN_MANAGE)
    columns = given.check()
    _refuse_taken_key(session, columns["key"], None)
    now = clock.utcnow()
    definition = AttributeDefinition(**columns, is_active=True, revision=1, created_at=now, updated_at=now)
    session.add(definition)
    session.flush()
    audit.record(
        session,
        actor,
        AuditAction.ATTRIBUTE_DEFINITION_CREATED,
        subject=("attribute_definition", definition.id),
        changes=diff({}, columns),
    )
    session.flush()
    return definition


def update(
    session: Session, actor: Actor, definition_id: uuid.UUID, given: DefinitionInput, *, revision: int
) -> AttributeDefinition:
    """Change a definition; key and type only while no customer has a value.

    Raises Invalid, NotFound, Stale for an older revision, and Conflict for a taken key or a key or
    type in use.
    """
    definition = _open(session, actor, definition_id, revision)
    columns = given.check()
    fixed = [name for name in ("key", "type") if columns[name] != getattr(definition, name)]
    if fixed and _is_used(session, definition.key):
        raise Conflict(
            {
                name: [N_("This cannot change any more: customers have values. Add a new one.")]
                for name in fixed
            }
        )
    _refuse_taken_key(session, columns["key"], definition_id)
    changes = diff({name: getattr(definition, name) for name in columns}, columns)
    if not changes:
        return definition
    for name, value in columns.items():
        setattr(definition, name, value)
    return _finish(session, actor, definition, changes)


def deactivate(
    session: Session, actor: Actor, definition_id: uuid.UUID, *, revision: int
) -> AttributeDefinition:
    """Stop asking for the attribute; values stay. Raises NotFound and Stale."""
    return _set_active(session, actor, definition_id, revision, is_active=False)


def reactivate(
    session: Session, actor: Actor, definition_id: uuid.UUID, *, revision: int
) -> AttributeDefinition:
    """Ask for the attribute again. Raises NotFound and Stale."""
    return _set_active(session, actor, definition_id, revision, is_active=True)


def _set_active(
    session: Session, actor: Actor, definition_id: uuid.UUID, revision: int, *, is_active: bool
) -> AttributeDefinition:
    definition = _open(session, actor, definition_id, revision)
    if definition.is_active == is_active:
        return definition
    definition.is_active = is_active
    return _finish(session, actor, definition, {"is_active": (not is_active, is_active)})


def _open(session: Session, actor: Actor, definition_id: uuid.UUID, revision: int) -> AttributeDefinition:
    actor.require(Permission.ADMIN_MANAGE)
    definition = session.get(AttributeDefinition, definition_id, with_for_update=True, populate_existing=True)
    if definition is None:
        raise NotFound
    if revision != definition.revision:
        raise Stale(definition.revision)
    return definition


def _finish(
    session: Session,
    actor: Actor,
    definition: AttributeDefinition,
    changes: dict[str, tuple[Any, Any]],
) -> AttributeDefinition:
    definition.revision += 1
    definition.updated_at = clock.utcnow()
    audit.record(
        session,
        actor,
        AuditAction.ATTRIBUTE_DEFINITION_UPDATED,
        subject=("attribute_definition", definition.id),
        changes=changes,
    )
    session.flush()
    return definition


def _is_used(session: Session, key: str) -> bool:
    query = select(ExtendedAttribute.customer_id).where(ExtendedAttribute.name == key).limit(1)
    return session.scalars(query).first() is not None


def _refuse_taken_key(session: Session, key: str, own_id: uuid.UUID | None) -> None:
    taken = session.scalars(
        select(AttributeDefinition.id).where(AttributeDefinition.key == key)
    ).one_or_none()
    if taken is not None and taken != own_id:
        raise Conflict({"key": [N_("An attribute with this key exists already.")]})
