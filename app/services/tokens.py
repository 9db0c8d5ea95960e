"""Tokens of the API: whose they are, issuing, rotating and revoking them."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor, Channel
from app.domain.permissions import Role, permissions_of
from app.domain.tokens import TokenKind, split_scopes
from app.errors import Forbidden
from app.models import ApiClient, ApiToken
from app.queries import tokens as token_queries

REFUSED = "This token is unknown, expired or revoked. Ask for a new one at POST /v0/token."


def authenticate(session: Session, token: str, *, request_id: str = "") -> Actor:
    """Return who a token acts for, with the stores and scopes that its client has now.

    Raises Forbidden for a token that is unknown, expired or revoked, or whose client was closed.
    """
    found = token_queries.find_token(session, TokenKind.ACCESS, token)
    if found is None or not is_good(found, clock.utcnow()):
        raise Forbidden(REFUSED)
    return actor_of(session, found.api_client, found.scopes, token_id=found.id, request_id=request_id)


def is_good(token: ApiToken, now: datetime) -> bool:
    """True while the token opens something."""
    return token.revoked_at is None and token.expires_at > now and token.api_client.is_active


def actor_of(
    session: Session,
    client: ApiClient,
    scopes: str,
    *,
    token_id: uuid.UUID | None = None,
    request_id: str = "",
) -> Actor:
    """Return the actor of a client: never more than the client may now, whatever the token was given.

    With a list of stores it sees these stores' customers only, also where people share all; new
    customers go to the first of them.
    """
    granted = split_scopes(scopes) & split_scopes(client.scopes)
    stores = [] if client.every_store else token_queries.store_ids(session, client.id)
    return Actor(
        id=client.id,
        name=client.name,
        role=Role.API,
        store_ids=frozenset(stores),
        store_id=stores[0] if stores else None,
        channel=Channel.API,
        request_id=request_id,
        device=str(token_id or ""),
        permissions=permissions_of(granted),
        scopes=granted,
        every_store=client.every_store,
    )
