"""API clients: create, update, a new secret, deactivate; the secret is given out once."""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, digests, tokens
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.domain.tokens import ApiClientInput
from app.errors import Conflict, NotFound, Stale
from app.models import ApiClient, ApiClientStore
from app.services import audit, store_links
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
    store_links.require_open(session, store_ids)
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
    store_links.replace(session, ApiClientStore.api_client_id, client.id, store_ids)
    changes = diff({}, {name: columns[name] for name in FIELDS} | {"stores": store_links.plain(store_ids)})
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
    held = store_links.held(session, ApiClientStore.api_client_id, api_client_id)
    wanted = _wanted_stores(given)
    store_links.require_open(session, wanted, held=held)
    _refuse_taken_name(session, columns["name_key"], api_client_id)
    old: dict[str, Any] = {name: getattr(client, name) for name in FIELDS} | {
        "stores": store_links.plain(held)
    }
    changes = diff(old, {name: columns[name] for name in FIELDS} | {"stores": store_links.plain(wanted)})
    if not changes:
        return client
    for name, value in columns.items():
        setattr(client, name, value)
    store_links.replace(session, ApiClientStore.api_client_id, api_client_id, wanted, held=held)
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


def _refuse_taken_name(session: Session, key: str, own_id: uuid.UUID | None) -> None:
    taken = session.scalars(select(ApiClient.id).where(ApiClient.name_key == key)).one_or_none()
    if taken is not None and taken != own_id:
        raise Conflict({"name": [N_("There is an API client of this name already.")]})
