"""API clients and their tokens."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.db import PLANNED_ONCE
from app.domain import digests
from app.domain.actor import Actor
from app.domain.permissions import Permission
from app.domain.tokens import TokenKind
from app.errors import NotFound
from app.models import ApiClient, ApiClientStore, ApiToken


class Access(NamedTuple):
    """An access token and its client, as far as each request asks."""

    token_id: uuid.UUID
    scopes: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    api_client_id: uuid.UUID
    client_name: str
    client_scopes: str
    every_store: bool
    is_active: bool


_tokens, _clients, _stores = ApiToken.__table__.c, ApiClient.__table__.c, ApiClientStore.__table__.c
# Each request asks this: plain columns, and built once.
_ACCESS = (
    select(
        _tokens.id,
        _tokens.scopes,
        _tokens.expires_at,
        _tokens.revoked_at,
        _tokens.last_used_at,
        _clients.id,
        _clients.name,
        _clients.scopes,
        _clients.every_store,
        _clients.is_active,
    )
    .join_from(ApiToken.__table__, ApiClient.__table__)
    .where(_tokens.token_hash == bindparam("token_hash"), _tokens.kind == TokenKind.ACCESS.value)
    .execution_options(**PLANNED_ONCE)
)
_STORE_IDS = (
    select(_stores.store_id)
    .where(_stores.api_client_id == bindparam("api_client_id"))
    .order_by(_stores.store_id)
    .execution_options(**PLANNED_ONCE)
)


def find_access(session: Session, token: str) -> Access | None:
    """Return the access token with its client as both stand now, whether it is still good or not."""
    found = session.execute(_ACCESS, {"token_hash": digests.sha256(token)}).one_or_none()
    return None if found is None else Access._make(found)


def find_refresh(session: Session, token: str, *, for_update: bool = False) -> ApiToken | None:
    """Return the refresh token with its client, whether it is still good or not.

    `for_update` locks it, so that it is not exchanged twice at the same time.
    """
    query = (
        select(ApiToken)
        .where(ApiToken.token_hash == digests.sha256(token), ApiToken.kind == TokenKind.REFRESH.value)
        .options(joinedload(ApiToken.api_client, innerjoin=True))
    )
    if for_update:
        query = query.with_for_update(of=ApiToken).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def store_ids(session: Session, api_client_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the stores that a client works for, in a fixed order."""
    return list(session.scalars(_STORE_IDS, {"api_client_id": api_client_id}))


def list_clients(session: Session, actor: Actor) -> Sequence[ApiClient]:
    """Return all API clients with their stores, by name. Raises Forbidden."""
    actor.require(Permission.ADMIN_MANAGE)
    return session.scalars(
        select(ApiClient).options(selectinload(ApiClient.stores)).order_by(ApiClient.name_key)
    ).all()


def find_client(session: Session, actor: Actor, client_id: str) -> ApiClient | None:
    """Return the API client that calls itself so, None when there is none."""
    actor.require(Permission.ADMIN_MANAGE)
    return session.scalars(select(ApiClient).where(ApiClient.client_id == client_id)).one_or_none()


def get_client(session: Session, actor: Actor, api_client_id: uuid.UUID) -> ApiClient:
    """Return an API client with its stores. Raises Forbidden and NotFound."""
    actor.require(Permission.ADMIN_MANAGE)
    client = session.scalars(
        select(ApiClient).where(ApiClient.id == api_client_id).options(selectinload(ApiClient.stores))
    ).one_or_none()
    if client is None:
        raise NotFound
    return client


def list_tokens(session: Session, actor: Actor, api_client_id: uuid.UUID) -> Sequence[ApiToken]:
    """Return the newest tokens of a client, newest first. Raises Forbidden."""
    actor.require(Permission.ADMIN_MANAGE)
    return session.scalars(
        select(ApiToken)
        .where(ApiToken.api_client_id == api_client_id)
        .order_by(ApiToken.issued_at.desc(), ApiToken.id.desc())
        .limit(100)
    ).all()
