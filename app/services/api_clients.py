"""API clients: create, update, a new secret, deactivate; the secret is given out once."""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain import clock, digests, tokens
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.domain.tokens import ApiClientInput
from app.errors import Conflict, Invalid, NotFound, Stale
from app.models import ApiClient, ApiClientStore, Store
from app.services import audit
from app.services import tokens as token_services

FIELDS = ("name", "scopes", "every_store")


@dataclass(frozen=True, kw_only=True)
class NewSecret:
    """A client with the secret that nobody can read again."""

    client: ApiClient
    secret: str


def create(session: Session, actor: Actor, given: ApiClientInput) -> NewSecret:
    """Let a program in. Raises Invalid, and Conflict when the name is taken."""
    actor.require(Permission.ADMIN_MANAGE)
    columns = given.check()
    store_ids = _wanted_stores(given)
    _require_stores(session, store_ids)
    _refuse_taken_name(session, columns["name_key"], None)
    now = clock.utcnow()
    secret = tokens.generate(tokens.SECRET_BEGINS)
    client = ApiClient(
        **columns,
        client_id=f"cl_{secrets.token_hex(8)}",
        secret_hash=digests.sha256(secret),
        secret_prefix=tokens.prefix(secret),
        is_active=True,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    session.add(client)
    session.flush()
    _set_stores(session, client.id, frozenset(), store_ids)
    changes = diff({}, {name: columns[name] for name in FIELDS} | {"stores": _plain(store_ids)})
    audit.record(
        session, actor, AuditAction.API_CLIENT_CREATED, subject=("api_client", client.id), changes=changes
    )
    session.flush()
    return NewSecret(client=client, secret=secret)


def update(
    session: Session, actor: Actor, api_client_id: uuid.UUID, given: ApiClientInput, *, revision: int
) -> ApiClient:
    """Change a client's name, scopes and stores; tokens that are out lose what it loses at once.

    Raises Invalid, NotFound, Stale, and Conflict when the name is taken.
    """
    client = _open(session, actor, api_client_id, revision)
    columns = given.check()
    held, wanted = _held_stores(session, api_client_id), _wanted_stores(given)
    _require_stores(session, wanted - held)
    _refuse_taken_name(session, columns["name_key"], api_client_id)
    old: dict[str, Any] = {name: getattr(client, name) for name in FIELDS} | {"stores": _plain(held)}
    changes = diff(old, {name: columns[name] for name in FIELDS} | {"stores": _plain(wanted)})
    if not changes:
        return client
    for name, value in columns.items():
        setattr(client, name, value)
    _set_stores(session, api_client_id, held, wanted)
    return _finish(session, actor, client, AuditAction.API_CLIENT_UPDATED, changes)


def rotate_secret(session: Session, actor: Actor, api_client_id: uuid.UUID, *, revision: int) -> NewSecret:
    """Give a client a new secret; the old one and all its tokens open nothing from now on.

    Raises NotFound and Stale.
    """
    client = _open(session, actor, api_client_id, revision)
    secret = tokens.generate(tokens.SECRET_BEGINS)
    client.secret_hash, client.secret_prefix = digests.sha256(secret), tokens.prefix(secret)
    token_services.revoke_all(session, actor, api_client_id)
    _finish(session, actor, client, AuditAction.API_SECRET_ROTATED, {})
    return NewSecret(client=client, secret=secret)


def deactivate(session: Session, actor: Actor, api_client_id: uuid.UUID, *, revision: int) -> ApiClient:
    """Shut a client out; all its tokens are revoked for good. Raises NotFound and Stale."""
    client = _open(session, actor, api_client_id, revision)
    if not client.is_active:
        return client
    client.is_active = False
    token_services.revoke_all(session, actor, api_client_id)
    return _finish(session, actor, client, AuditAction.API_CLIENT_UPDATED, {"is_active": (True, False)})


def reactivate(session: Session, actor: Actor, api_client_id: uuid.UUID, *, revision: int) -> ApiClient:
    """Let a client in again, with the secret that it had. Raises NotFound and Stale."""
    client = _open(session, actor, api_client_id, revision)
    if client.is_active:
        return client
    client.is_active = True
    return _finish(session, actor, client, AuditAction.API_CLIENT_UPDATED, {"is_active": (False, True)})


def _open(session: Session, actor: Actor, api_client_id: uuid.UUID, revision: int) -> ApiClient:
    actor.require(Permission.ADMIN_MANAGE)
    client = session.get(ApiClient, api_client_id, with_for_update=True, populate_existing=True)
    if client is None:
        raise NotFound
    if revision != client.revision:
        raise Stale(client.revision)
    return client


def _finish(
    session: Session,
    actor: Actor,
    client: ApiClient,
    action: AuditAction,
    changes: dict[str, tuple[Any, Any]],
) -> ApiClient:
    client.revision += 1
    client.updated_at = clock.utcnow()
    audit.record(session, actor, action, subject=("api_client", client.id), changes=changes)
    session.flush()
    session.expire(client, ["stores"])
    return client


def _wanted_stores(given: ApiClientInput) -> frozenset[uuid.UUID]:
    return frozenset() if given.every_store else given.store_ids


def _held_stores(session: Session, api_client_id: uuid.UUID) -> frozenset[uuid.UUID]:
    return frozenset(
        session.scalars(select(ApiClientStore.store_id).where(ApiClientStore.api_client_id == api_client_id))
    )


def _require_stores(session: Session, wanted: frozenset[uuid.UUID]) -> None:
    found = session.scalars(select(Store.id).where(Store.id.in_(wanted), Store.is_active)).all()
    if len(found) != len(wanted):
        raise Invalid({"store_ids": [N_("Choose from the stores that are open.")]})


def _refuse_taken_name(session: Session, key: str, own_id: uuid.UUID | None) -> None:
    taken = session.scalars(select(ApiClient.id).where(ApiClient.name_key == key)).one_or_none()
    if taken is not None and taken != own_id:
        raise Conflict({"name": [N_("There is an API client of this name already.")]})


def _set_stores(
    session: Session, api_client_id: uuid.UUID, held: frozenset[uuid.UUID], wanted: frozenset[uuid.UUID]
) -> None:
    session.execute(
        delete(ApiClientStore).where(
            ApiClientStore.api_client_id == api_client_id, ApiClientStore.store_id.in_(held - wanted)
        )
    )
    session.add_all(
        ApiClientStore(api_client_id=api_client_id, store_id=store_id) for store_id in sorted(wanted - held)
    )
    session.flush()


def _plain(store_ids: frozenset[uuid.UUID]) -> list[str]:
    return sorted(map(str, store_ids))
