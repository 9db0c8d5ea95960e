"""API clients and their tokens."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.actor import Actor
from app.domain.permissions import Permission
from app.domain.tokens import TokenKind, digest
from app.errors import NotFound
from app.models import ApiClient, ApiClientStore, ApiToken


def find_token(session: Session, kind: TokenKind, token: str, *, for_update: bool = False) -> ApiToken | None:
    """Return the token with its client, whether it is still good or not.

    `for_update` locks it, so that it is not exchanged twice at the same time.
    """
    query = (
        select(ApiToken)
        .where(ApiToken.token_hash == digest(token), ApiToken.kind == kind.value)
        .options(joinedload(ApiToken.api_client, innerjoin=True))
    )
    if for_update:
        query = query.with_for_update(of=ApiToken).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def store_ids(session: Session, api_client_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the stores that a client works for, in a fixed order."""
    return list(
        session.scalars(
            select(ApiClientStore.store_id)
            .where(ApiClientStore.api_client_id == api_client_id)
            .order_by(ApiClientStore.store_id)
        )
    )


def list_clients(session: Session, actor: Actor) -> Sequence[ApiClient]:
    """Return all API clients with their stores, by name. Raises Forbidden."""
    actor.require(Permission.ADMIN_MANAGE)
    return session.scalars(
        select(ApiClient).options(selectinload(ApiClient.stores)).order_by(ApiClient.name_key)
    ).all()


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
