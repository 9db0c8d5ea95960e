"""Stores: create, update, close and open again; a closed store keeps its customers."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, folding
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.permissions import Permission
from app.domain.stores import StoreInput
from app.domain.texts import N_
from app.errors import Conflict, NotFound, Stale
from app.models import Store
from app.services import audit


def create(session: Session, actor: Actor, given: StoreInput) -> Store:
    """Create a store. Raises Invalid, and Conflict when the name is taken."""
    actor.require(Permission.ADMIN_MANAGE)
    columns = given.check()
    _refuse_taken_name(session, columns["name"], None)
    now = clock.utcnow()
    store = Store(**columns, is_active=True, revision=1, created_at=now, updated_at=now)
    session.add(store)
    session.flush()
    audit.record(
        session,
        actor,
        AuditAction.STORE_CREATED,
        subject=("store", store.id),
        store_id=store.id,
        changes=diff({}, columns),
    )
    session.flush()
    return store


def update(session: Session, actor: Actor, store_id: uuid.UUID, given: StoreInput, *, revision: int) -> Store:
    """Change a store. Raises Invalid, NotFound, Stale for an older revision, Conflict for a taken name."""
    store = _open(session, actor, store_id, revision)
    columns = given.check()
    _refuse_taken_name(session, columns["name"], store_id)
    changes = diff({name: getattr(store, name) for name in columns}, columns)
    if not changes:
        return store
    for name, value in columns.items():
        setattr(store, name, value)
    return _finish(session, actor, store, changes)


def deactivate(session: Session, actor: Actor, store_id: uuid.UUID, *, revision: int) -> Store:
    """Close a store: nobody stands in it any more, its customers stay. Raises NotFound and Stale."""
    return _set_active(session, actor, store_id, revision, is_active=False)


def reactivate(session: Session, actor: Actor, store_id: uuid.UUID, *, revision: int) -> Store:
    """Open a closed store again. Raises NotFound and Stale."""
    return _set_active(session, actor, store_id, revision, is_active=True)


def _set_active(
    session: Session, actor: Actor, store_id: uuid.UUID, revision: int, *, is_active: bool
) -> Store:
    store = _open(session, actor, store_id, revision)
    if store.is_active == is_active:
        return store
    store.is_active = is_active
    return _finish(session, actor, store, {"is_active": (not is_active, is_active)})


def _open(session: Session, actor: Actor, store_id: uuid.UUID, revision: int) -> Store:
    actor.require(Permission.ADMIN_MANAGE)
    store = session.get(Store, store_id, with_for_update=True, populate_existing=True)
    if store is None:
        raise NotFound
    if revision != store.revision:
        raise Stale(store.revision)
    return store


def _finish(session: Session, actor: Actor, store: Store, changes: dict[str, tuple[Any, Any]]) -> Store:
    store.revision += 1
    store.updated_at = clock.utcnow()
    audit.record(
        session,
        actor,
        AuditAction.STORE_UPDATED,
        subject=("store", store.id),
        store_id=store.id,
        changes=changes,
    )
    session.flush()
    return store


def _refuse_taken_name(session: Session, name: str, own_id: uuid.UUID | None) -> None:
    key = folding.fold(name)
    for store_id, other in session.execute(select(Store.id, Store.name)):
        if store_id != own_id and (other == name or (key and folding.fold(other) == key)):
            raise Conflict({"name": [N_("A store with this name exists already.")]})
