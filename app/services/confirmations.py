"""Confirming one's password again before an act that cannot be taken back or that carries data out.

A confirmation is a try as signing in is one: `sign_in.begin`, `sign_in.is_right`, then `confirm`.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, digests
from app.models import SignInSession
from app.services import sign_in
from app.services.sign_in import Attempt

# For how long a confirmation holds; signing in is one.
FRESH = timedelta(minutes=10)


def is_fresh(session: Session, token: str) -> bool:
    """True when the session's password was given within the last minutes."""
    row = session.execute(
        select(SignInSession.confirmed_at, SignInSession.created_at).where(
            SignInSession.token_hash == digests.sha256(token)
        )
    ).one_or_none()
    return row is not None and clock.utcnow() - (row.confirmed_at or row.created_at) < FRESH


def confirm(session: Session, attempt: Attempt, token: str) -> None:
    """Note that the session's password was given, after a try that was right; failures are forgiven."""
    sign_in.forgive(session, attempt)
    row = session.get(SignInSession, digests.sha256(token))
    if row is not None and row.associate_id == attempt.associate_id:
        row.confirmed_at = clock.utcnow()
