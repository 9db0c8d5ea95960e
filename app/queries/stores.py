"""Stores for the administrator's pages."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.actor import Actor
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import Store
from app.queries import small_lists


def list_page(session: Session, actor: Actor, text: str, asked: PageRequest) -> Page[Store]:
    """Return the stores whose name holds the text, open ones first, then by name."""
    actor.require(Permission.ADMIN_MANAGE)
    return small_lists.page(session, select(Store), [Store.name], text, asked)


def get(session: Session, actor: Actor, store_id: uuid.UUID) -> Store:
    """Return the store. Raises NotFound when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    store = session.get(Store, store_id, populate_existing=True)
    if store is None:
        raise NotFound
    return store


def find(session: Session, actor: Actor, name_or_id: str) -> Store | None:
    """Return the store of this name or id, None when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    stores = session.scalars(select(Store).order_by(Store.name))
    return next((store for store in stores if name_or_id in {store.name, str(store.id)}), None)


def choices(session: Session, actor: Actor) -> list[tuple[str, str, bool]]:
    """Return (id, name, is open) of all stores by name, to choose an associate's from."""
    actor.require(Permission.ADMIN_MANAGE)
    query = select(Store.id, Store.name, Store.is_active).order_by(Store.name)
    return [(str(store_id), name, is_active) for store_id, name, is_active in session.execute(query)]
