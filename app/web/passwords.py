"""A try with a password, whose hash is compared between two transactions: that takes long, on purpose."""

from flask import request

from app.db import transaction
from app.queries import associates
from app.request_session import get_session
from app.services import sign_in
from app.web.access import current_actor, current_settings


def begin(email: str) -> sign_in.Attempt:
    """Count a try for the account, in a transaction of its own. Raises RateLimited."""
    settings = current_settings()
    database = get_session()
    with transaction(database):
        return sign_in.begin(
            database, email=email, source=request.remote_addr or "", secret=settings.secret_key
        )


def try_own(password: str) -> sign_in.Attempt | None:
    """Return the try if the password is that of the signed-in person, else None. Raises RateLimited.

    It stands as a failure until a service takes it back in the act that it allows.
    """
    database = get_session()
    attempt = begin(associates.own_email(database, current_actor()))
    return attempt if sign_in.is_right(attempt, password) else None
