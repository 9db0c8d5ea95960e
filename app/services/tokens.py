"""Tokens of the API: whose they are, issuing, rotating and revoking them."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain import clock, digests, tokens
from app.domain.actor import Actor, Channel
from app.domain.audit import AuditAction
from app.domain.permissions import Permission, Role, permissions_of
from app.domain.texts import N_
from app.domain.tokens import TOKEN_BEGINS, TokenKind, join_scopes, split_scopes
from app.errors import Forbidden, NotFound, RateLimited
from app.models import ApiClient, ApiFailure, ApiToken
from app.queries import tokens as token_queries
from app.queries.tokens import Access
from app.services import audit

REFUSED = "This token is unknown, expired or revoked. Ask for a new one at POST /v0/token."

# How often a use is written down: a GET must not wait for the disk each time.
USE_NOTED_EVERY = timedelta(minutes=5)

# Failed tries within the window after which nobody gets a token: for one client from one address,
# and for one address. Not for one client alone: a stranger who knows its name could shut it out.
WINDOW = timedelta(minutes=15)
MAX_CLIENT_FAILURES = 10
MAX_SOURCE_FAILURES = 50
# Tokens that one client may ask for in a minute.
MAX_ISSUED_A_MINUTE = 30
# Tokens that ended so long ago are deleted when the client asks for a new one.
KEPT_AFTER_END = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What the program gets; nobody can read the two tokens again."""

    access_token: str
    refresh_token: str
    expires_in: int
    scopes: str


@dataclass(frozen=True, kw_only=True)
class Use:
    """A token that was used, and whose it is."""

    token_id: uuid.UUID
    api_client_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class Try:
    """Somebody who asks for a token, as keyed hashes: who is named, and from where."""

    client_hash: str
    source_hash: str

    @classmethod
    def of(cls, secret: str, *, named: str, source: str) -> "Try":
        """Return the hashes under the secret key."""
        pair = f"{source} {named.casefold()[:200]}"
        return cls(
            client_hash=digests.keyed(secret, "api", pair),
            source_hash=digests.keyed(secret, "api-source", source),
        )


def authenticate(session: Session, token: str, *, request_id: str = "") -> tuple[Actor, Access]:
    """Return who a token acts for, with the stores and scopes that its client has now, and the token.

    Raises Forbidden for a token that is unknown, expired or revoked, or whose client was closed.
    """
    found = token_queries.find_access(session, token)
    if (
        found is None
        or found.revoked_at is not None
        or found.expires_at <= clock.utcnow()
        or not found.is_active
    ):
        raise Forbidden(REFUSED)
    granted = split_scopes(found.scopes) & split_scopes(found.client_scopes)
    actor = _actor(
        session,
        found.api_client_id,
        found.client_name,
        granted,
        every_store=found.every_store,
        device=str(found.token_id),
        request_id=request_id,
    )
    return actor, found


def is_good(token: ApiToken, now: datetime) -> bool:
    """True while the token opens something."""
    return token.revoked_at is None and token.expires_at > now and token.api_client.is_active


def state_of(token: ApiToken) -> str:
    """Return how a token stands, its client aside: good, used, revoked or expired."""
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at <= clock.utcnow():
        return "expired"
    return "used" if token.used_at is not None else "good"


def actor_of(session: Session, client: ApiClient, scopes: str, *, request_id: str = "") -> Actor:
    """Return the actor of a client: never more than the client may now, whatever the token was given."""
    granted = split_scopes(scopes) & split_scopes(client.scopes)
    return _actor(
        session, client.id, client.name, granted, every_store=client.every_store, request_id=request_id
    )


def _actor(
    session: Session,
    api_client_id: uuid.UUID,
    name: str,
    granted: frozenset[str],
    *,
    every_store: bool,
    device: str = "",
    request_id: str = "",
) -> Actor:
    # With a list of stores it sees these stores' customers only, also where people share all; new
    # customers go to the first of them.
    stores = [] if every_store else token_queries.store_ids(session, api_client_id)
    return Actor(
        id=api_client_id,
        name=name,
        role=Role.API,
        store_ids=frozenset(stores),
        store_id=stores[0] if stores else None,
        channel=Channel.API,
        request_id=request_id,
        device=device,
        permissions=permissions_of(granted),
        scopes=granted,
        every_store=every_store,
    )


def due_use(token: Access) -> Use | None:
    """Return the use to write down, when it is time to, or None."""
    if token.last_used_at is not None and clock.utcnow() - token.last_used_at < USE_NOTED_EVERY:
        return None
    return Use(token_id=token.token_id, api_client_id=token.api_client_id)


def note_used(session: Session, use: Use) -> None:
    """Write down that the token, and so its client, was used just now."""
    now = clock.utcnow()
    session.execute(update(ApiToken).where(ApiToken.id == use.token_id).values(last_used_at=now))
    session.execute(update(ApiClient).where(ApiClient.id == use.api_client_id).values(last_used_at=now))


def find_client(session: Session, name: str) -> ApiClient | None:
    """Return the active client of this client id or, for the password grant, of this name."""
    return session.scalars(
        select(ApiClient)
        .where(or_(ApiClient.client_id == name, ApiClient.name_key == name.casefold()), ApiClient.is_active)
        .order_by(ApiClient.client_id != name)
        .limit(1)
    ).one_or_none()


def is_secret_of(client: ApiClient | None, secret: str) -> bool:
    """True when the secret is the client's; takes alike for no client at all."""
    stored = client.secret_hash if client else digests.sha256("")
    return hmac.compare_digest(stored, digests.sha256(secret)) and client is not None


def issue(
    session: Session,
    client: ApiClient,
    scopes: str,
    *,
    grant: str,
    lifetime: timedelta,
    refresh_lifetime: timedelta,
    family_id: uuid.UUID | None = None,
    request_id: str = "",
) -> Issued:
    """Give a client an access token and a refresh token, of a new family unless one is named.

    `scopes` is what it asked for, "" for all that it may. Raises RateLimited when it asks for
    tokens all the time instead of keeping the one it has.
    """
    now = clock.utcnow()
    _refuse_flood(session, client, now)
    session.execute(
        delete(ApiToken).where(
            ApiToken.api_client_id == client.id, ApiToken.expires_at < now - KEPT_AFTER_END
        )
    )
    granted = join_scopes(split_scopes(scopes or client.scopes) & split_scopes(client.scopes))
    family = family_id or uuid.uuid4()
    made: dict[TokenKind, str] = {}
    for kind, duration in ((TokenKind.ACCESS, lifetime), (TokenKind.REFRESH, refresh_lifetime)):
        made[kind] = tokens.generate(TOKEN_BEGINS[kind])
        session.add(
            ApiToken(
                kind=kind.value,
                token_hash=digests.sha256(made[kind]),
                prefix=tokens.prefix(made[kind]),
                api_client_id=client.id,
                family_id=family,
                grant=grant,
                scopes=granted,
                issued_at=now,
                expires_at=now + duration,
            )
        )
    actor = actor_of(session, client, granted, request_id=request_id)
    audit.record(session, actor, AuditAction.API_TOKEN_ISSUED, subject=("api_client", client.id))
    session.flush()
    return Issued(
        access_token=made[TokenKind.ACCESS],
        refresh_token=made[TokenKind.REFRESH],
        expires_in=int(lifetime.total_seconds()),
        scopes=granted,
    )


def find_refresh_token(session: Session, token: str) -> ApiToken | None:
    """Return the refresh token with its client, whether it is still good or not."""
    return token_queries.find_refresh(session, token)


def use_refresh_token(session: Session, token: str, *, request_id: str = "") -> ApiToken | None:
    """Return the refresh token, which works once; None when it is not good.

    One that was used already is in two hands: its whole family is revoked, access tokens too
    (RFC 9700, section 4.14.2). The caller must commit also then.
    """
    found = token_queries.find_refresh(session, token, for_update=True)
    now = clock.utcnow()
    if found is None or not is_good(found, now):
        return None
    if found.used_at is not None:
        actor = actor_of(session, found.api_client, "", request_id=request_id)
        _revoke(session, actor, found.api_client_id, ApiToken.family_id == found.family_id)
        return None
    return found


def spend(session: Session, token: ApiToken) -> None:
    """Note that a refresh token was exchanged: it must not come back."""
    token.used_at = clock.utcnow()
    session.flush()


def revoke(session: Session, actor: Actor, api_client_id: uuid.UUID, token_id: uuid.UUID) -> None:
    """Revoke a token with its family: who has the refresh token could make another. Raises NotFound."""
    actor.require(Permission.ADMIN_MANAGE)
    token = session.get(ApiToken, token_id)
    if token is None or token.api_client_id != api_client_id:
        raise NotFound
    _revoke(session, actor, api_client_id, ApiToken.family_id == token.family_id)


def revoke_all(session: Session, actor: Actor, api_client_id: uuid.UUID) -> int:
    """Revoke all tokens of a client and return how many were good. Raises Forbidden."""
    actor.require(Permission.ADMIN_MANAGE)
    return _revoke(session, actor, api_client_id, ApiToken.api_client_id == api_client_id)


def refuse_storm(session: Session, asking: Try) -> None:
    """Raise RateLimited after too many failed tries, also for the right secret."""
    now = clock.utcnow()
    since = now - WINDOW
    session.execute(delete(ApiFailure).where(ApiFailure.at < since))
    for limit, criterion in (
        (MAX_CLIENT_FAILURES, ApiFailure.client_hash == asking.client_hash),
        (MAX_SOURCE_FAILURES, ApiFailure.source_hash == asking.source_hash),
    ):
        count, oldest = session.execute(
            select(func.count(), func.min(ApiFailure.at)).where(criterion, ApiFailure.at >= since)
        ).one()
        if count >= limit:
            raise RateLimited(max(1, int((oldest + WINDOW - now).total_seconds())))


def note_failure(session: Session, asking: Try) -> None:
    """Count a failed try, in the database, so that all processes know."""
    session.add(ApiFailure(client_hash=asking.client_hash, source_hash=asking.source_hash, at=clock.utcnow()))
    actor = Actor.system(N_("token"), channel=Channel.API)
    audit.record(
        session, actor, AuditAction.API_TOKEN_REFUSED, subject=("api_client", asking.client_hash[:16])
    )
    session.flush()


def _refuse_flood(session: Session, client: ApiClient, now: datetime) -> None:
    since = now - timedelta(minutes=1)
    count = session.scalar(
        select(func.count()).where(
            ApiToken.api_client_id == client.id,
            ApiToken.issued_at > since,
            ApiToken.kind == TokenKind.ACCESS.value,
        )
    )
    if (count or 0) >= MAX_ISSUED_A_MINUTE:
        raise RateLimited(60, "Too many tokens: keep one until it expires, or renew it.")


def _revoke(session: Session, actor: Actor, api_client_id: uuid.UUID, criterion: ColumnElement[bool]) -> int:
    now = clock.utcnow()
    changed = session.execute(
        update(ApiToken)
        .where(criterion, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
        .values(revoked_at=now)
        .returning(ApiToken.id)
    ).all()
    if changed:
        audit.record(session, actor, AuditAction.API_TOKENS_REVOKED, subject=("api_client", api_client_id))
        session.flush()
    return len(changed)
