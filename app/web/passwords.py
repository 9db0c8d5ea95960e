"""A try with a password, whose hash is compared between two transactions: that takes long, on purpose."""

from flask import Response, current_app, request

from app.db import transaction
from app.domain import known_devices
from app.queries import associates
from app.request_session import get_session
from app.services import sign_in
from app.web.access import current_actor, current_settings

# For half a year after the last time that the account signed in on the device.
_KNOWN_SECONDS = 180 * 24 * 3600


def begin(email: str) -> sign_in.Attempt:
    """Count a try for the account, in a transaction of its own. Raises RateLimited."""
    settings = current_settings()
    account = sign_in.account_key(email)
    device = known_devices.number(request.cookies.get(_cookie_name(), ""), account, settings.secret_key)
    database = get_session()
    with transaction(database):
        return sign_in.begin(
            database,
            email=email,
            source=request.remote_addr or "",
            secret=settings.secret_key,
            device=device,
        )


def remember(response: Response, email: str) -> Response:
    """Let the device know the account that has just signed in on it, and return the response."""
    known = request.cookies.get(_cookie_name(), "")
    response.set_cookie(
        _cookie_name(),
        known_devices.learn(known, sign_in.account_key(email), current_settings().secret_key),
        max_age=_KNOWN_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Strict",
    )
    return response


def try_own(password: str) -> sign_in.Attempt | None:
    """Return the try if the password is that of the signed-in person, else None. Raises RateLimited.

    It stands as a failure until a service takes it back in the act that it allows.
    """
    database = get_session()
    attempt = begin(associates.own_email(database, current_actor()))
    return attempt if sign_in.is_right(attempt, password) else None


def _cookie_name() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"
