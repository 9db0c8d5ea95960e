"""Associates for the administrator's pages."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain import values
from app.domain.actor import Actor
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission, Role
from app.errors import NotFound
from app.models import Associate, AssociateStore
from app.queries import small_lists


def list_page(session: Session, actor: Actor, text: str, asked: PageRequest) -> Page[Associate]:
    """Return the associates whose name or e-mail address holds the text, active ones first."""
    actor.require(Permission.ADMIN_MANAGE)
    rows = select(Associate).options(selectinload(Associate.stores))
    texts = [Associate.first_name, Associate.last_name, Associate.email]
    return small_lists.page(session, rows, texts, text, asked)


def get(session: Session, actor: Actor, associate_id: uuid.UUID) -> Associate:
    """Return the associate with their stores. Raises NotFound when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    query = (
        select(Associate)
        .where(Associate.id == associate_id)
        .options(selectinload(Associate.stores))
        .execution_options(populate_existing=True)
    )
    associate = session.scalars(query).one_or_none()
    if associate is None:
        raise NotFound
    return associate


def own_email(session: Session, actor: Actor) -> str:
    """Return the e-mail address that the actor signs in with."""
    return session.get_one(Associate, actor.id).email


def by_email(session: Session, actor: Actor, email: str) -> Associate | None:
    """Return the associate with this e-mail address, None when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    key = values.email_key(email.strip())
    return session.scalars(select(Associate).where(Associate.email_key == key)).one_or_none()


def managers_of(session: Session, store_id: uuid.UUID | None) -> Sequence[Associate]:
    """Return the active managers of a store; the administrators where there is none."""
    active = select(Associate).where(Associate.is_active).order_by(Associate.id)
    of_store = select(AssociateStore.associate_id).where(AssociateStore.store_id == store_id)
    managers = session.scalars(
        active.where(Associate.role == Role.MANAGER.value, Associate.id.in_(of_store))
    ).all()
    return managers or session.scalars(active.where(Associate.role == Role.ADMIN.value)).all()
