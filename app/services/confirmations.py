"""Confirming one's password again before an act that cannot be taken back or that carries data out."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.models import Associate, SignInFailure, SignInSession
from app.services import sign_in

# For how long a confirmation holds; signing in is one.
FRESH = timedelta(minutes=10)


def is_fresh(session: Session, token: str) -> bool:
    """True when the session's password was given within the last minutes."""
    row = session.execute(
        select(SignInSession.confirmed_at, SignInSession.created_at).where(
            SignInSession.token_hash == _hash(token)
        )
    ).one_or_none()
    return row is not None and clock.utcnow() - (row.confirmed_at or row.created_at) < FRESH


def confirm(session: Session, actor: Actor, token: str, *, password: str, source: str, secret: str) -> bool:
    """Note that the signed-in actor gave their password; False when it is wrong, which counts as a failure.

    Raises RateLimited, also for the right password, after too many failures.
    """
    associate = session.get_one(Associate, actor.id)
    now = clock.utcnow()
    account_hash = sign_in._keyed(secret, "account", associate.email_key)  # noqa: SLF001
    source_hash = sign_in._keyed(secret, "source", source)  # noqa: SLF001
    sign_in._refuse_storm(session, account_hash, source_hash, now)  # noqa: SLF001
    if not sign_in._verify(associate.password_hash or sign_in._DUMMY_HASH, password):  # noqa: SLF001
        session.add(SignInFailure(account_hash=account_hash, source_hash=source_hash, at=now))
        return False
    session.execute(delete(SignInFailure).where(SignInFailure.account_hash == account_hash))
    row = session.get(SignInSession, _hash(token))
    if row is not None:
        row.confirmed_at = now
    return True


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
