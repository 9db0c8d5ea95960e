"""Attribute definitions for the administrator's pages."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import AttributeDefinition
from app.queries import small_lists


def list_page(session: Session, actor: Actor, text: str, asked: PageRequest) -> Page[AttributeDefinition]:
    """Return the definitions whose label, key or group holds the text, active ones first."""
    actor.require(Permission.ADMIN_MANAGE)
    texts = [AttributeDefinition.group, AttributeDefinition.label, AttributeDefinition.key]
    return small_lists.page(session, select(AttributeDefinition), texts, text, asked)


def get(session: Session, actor: Actor, definition_id: uuid.UUID) -> AttributeDefinition:
    """Return the definition. Raises NotFound when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    definition = session.get(AttributeDefinition, definition_id, populate_existing=True)
    if definition is None:
        raise NotFound
    return definition
