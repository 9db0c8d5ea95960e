"""Who asks: `Authorization: Bearer <token>`, never a cookie, never the address.

Scopes, stores and whether the client is active are read anew for each request, so a change or a
revocation holds from the next one on.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from flask import current_app, g, request

from app.api import responses
from app.api.limits import PATIENCE_MS, Limiter
from app.config import Settings
from app.db import transaction
from app.domain.actor import Actor
from app.domain.permissions import Scope
from app.errors import Forbidden, Unauthenticated, Unavailable
from app.request_session import get_session
from app.services import tokens

View = Callable[..., Any]


def current_actor() -> Actor:
    """Return the API client that acts in this request. Raises Unauthenticated on public routes."""
    actor: Actor | None = g.get("api_actor")
    if actor is None:
        raise Unauthenticated
    return actor


def bearer_token() -> str:
    """Return the token that the request carries.

    Raises Unauthenticated when there is no `Authorization: Bearer` with a token.
    """
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    token = token.strip()
    if scheme.casefold() != "bearer" or not token:
        raise Unauthenticated("Send the header Authorization: Bearer <access token>.")
    return token


def guard(view: View, scope: Scope | None, *, is_list: bool = False) -> View:
    """Return the view with its door: who asks, whether the scope allows it, and one JSON answer.

    `scope` None opens it to everybody; lists have a limit of their own. Raises Forbidden for a token
    that is unknown, expired or revoked (v0 answers 403 there, not 401) and for a missing scope, and
    RateLimited.
    """

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        if scope is not None:
            due_use = _let_in(scope, is_list=is_list)
            response = responses.as_response(view(**arguments))
            if due_use:
                _note_used(due_use)
            return response
        return responses.as_response(view(**arguments))

    # The pages' own check lets these pass: the door is here.
    guarded.access = "token"  # type: ignore[attr-defined]
    guarded.scope = scope  # type: ignore[attr-defined]
    return guarded


def _let_in(scope: Scope, *, is_list: bool) -> tokens.Use | None:
    session = get_session()
    actor, token = tokens.authenticate(session, bearer_token(), request_id=g.request_id)
    g.api_actor = actor
    settings: Settings = current_app.extensions["settings"]
    limiter: Limiter = current_app.extensions["api_limiter"]
    kind = "list" if is_list else "other"
    limit = settings.api_lists_per_minute if is_list else settings.api_requests_per_minute
    # Read before anything ends the transaction, after which it would have to be read again.
    use = tokens.due_use(token)
    limiter.spend(session, token.api_client_id, kind, limit)
    if scope not in actor.scopes:
        raise Forbidden(f"This token lacks the scope {scope}.")
    return use


def _note_used(use: tokens.Use) -> None:
    # Only if nobody else is writing: the answer does not depend on it.
    session = get_session()
    with suppress(Unavailable), transaction(session, patience_ms=PATIENCE_MS):
        tokens.note_used(session, use)
