"""Who asks: `Authorization: Bearer <token>`, never a cookie, never the address.

Scopes, stores and whether the client is active are read anew for each request, so a change or a
revocation holds from the next one on.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, request

from app.api import responses
from app.domain.actor import Actor
from app.domain.permissions import Scope
from app.errors import Forbidden, Unauthenticated
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


def guard(view: View, scope: Scope | None) -> View:
    """Return the view with its door: who asks, whether the scope allows it, and one JSON answer.

    `scope` None opens it to everybody. Raises Forbidden for a token that is unknown, expired or
    revoked (v0 answers 403 there, not 401) and for a missing scope.
    """

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        if scope is not None:
            g.api_actor = actor = tokens.authenticate(get_session(), bearer_token(), request_id=g.request_id)
            if scope not in actor.scopes:
                raise Forbidden(f"This token lacks the scope {scope}.")
        return responses.as_response(view(**arguments))

    # The pages' own check lets these pass: the door is here.
    guarded.access = "token"  # type: ignore[attr-defined]
    guarded.scope = scope  # type: ignore[attr-defined]
    return guarded
