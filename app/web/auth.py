"""Signing in and out, and the own password."""

import uuid
from contextlib import suppress

from flask import Blueprint, Response, current_app, flash, g, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user
from werkzeug.datastructures import MultiDict

from app.db import transaction
from app.errors import Conflict, Invalid, NotFound, RateLimited, Unauthenticated
from app.queries import associates
from app.request_session import get_session
from app.services import sign_in as service
from app.web import htmx, passwords
from app.web.access import User, current_actor, public, safe_next, signed_in
from app.web.forms.auth import PasswordForm, SignInForm
from app.web.language import say

blueprint = Blueprint("auth", __name__)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> Response:
    """Show the sign-in page, or check what was typed and begin a session."""
    target = safe_next(request.values.get("next")) or url_for("customers.index")
    if request.method == "GET" and current_user.is_authenticated:
        return htmx.see_other(target)
    sent = MultiDict({**request.form.to_dict(), "next": target}) if request.method == "POST" else None
    form = SignInForm(sent, next=target)
    message, status = "", 200
    if form.validate_on_submit():
        try:
            token = _try(form.username.data or "", form.password.data or "")
        except RateLimited as error:
            response = _page(form, say(error.message), 429)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        if token is not None:
            _begin(token)
            if htmx.wants_fragment():
                _stand_in(request.form.get("store_id", ""))
                return passwords.remember(_page(form, "", 200), form.username.data or "")
            return passwords.remember(htmx.see_other(target), form.username.data or "")
        message = _("The e-mail address or the password is not right. Check both and try again.")
        status = 422
    elif form.is_submitted():
        status = 422
    return _page(form, message, status)


@blueprint.post("/sign-out")
@signed_in
def sign_out() -> Response:
    """End the session on the server, and forget it in the browser."""
    database = get_session()
    token = current_user.get_id()
    with transaction(database):
        service.sign_out(database, current_actor(), token)
    return forget()


@blueprint.post("/sign-out-everywhere")
@signed_in
def sign_out_everywhere() -> Response:
    """End the user's sessions on every device, this one too."""
    database = get_session()
    with transaction(database):
        service.sign_out_everywhere(database, current_actor())
    return forget()


@blueprint.route("/password", methods=["GET", "POST"])
@signed_in
def password() -> Response:
    """Change the own password; all other sessions of this person end."""
    form = PasswordForm()
    messages: list[str] = []
    if form.validate_on_submit():
        try:
            _change_password(form.old_password.data or "", form.password.data or "")
        except (Invalid, Conflict) as error:
            messages = form.apply_errors(error)
        else:
            flash(_("Password changed. Other devices were signed out."), "ok")
            return htmx.see_other(url_for("customers.index"))
    status = 422 if form.is_submitted() else 200
    return htmx.render("auth/password.html", form=form, messages=messages, status=status)


def _try(email: str, password: str) -> str | None:
    """Return the token of a new session; None for what is not right. Raises RateLimited.

    The password is looked at between two short transactions, since that takes long on purpose.
    """
    database = get_session()
    attempt = passwords.begin(email)
    if not service.is_right(attempt, password):
        with transaction(database):
            service.refuse(database, attempt)
        return None
    better_hash = service.rehash(attempt, password)
    with transaction(database):
        return service.succeed(database, attempt, request_id=g.request_id, better_hash=better_hash)


def _change_password(old: str, new: str) -> None:
    """Change the own password. Raises Invalid for the wrong old or a weak new one, and RateLimited."""
    database, actor = get_session(), current_actor()
    email = associates.own_email(database, actor)
    attempt = passwords.try_own(old)
    if attempt is None:
        raise Invalid({"old_password": [_("This is not your password now.")]})
    hashed = service.hash_password(new, email=email)
    with transaction(database):
        service.change_password(database, actor, current_user.get_id(), attempt, hashed)


def forget() -> Response:
    """Let the browser forget a session that has ended, and lead to the sign-in page."""
    logout_user()
    session.clear()
    response = htmx.see_other(url_for("auth.sign_in"))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _begin(token: str) -> None:
    # A new session from scratch: what was in the cookie before, the CSRF secret too, is gone.
    session.clear()
    g.pop("csrf_token", None)
    user = current_app.login_manager._user_callback(token)  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(user, User):
        raise Unauthenticated
    login_user(user)


def _stand_in(store_id: str) -> None:
    """Go on in the store of the page that is open, where the user still works in it."""
    with suppress(ValueError, NotFound), transaction(get_session()):
        service.choose_store(get_session(), current_actor(), current_user.get_id(), uuid.UUID(store_id))


def _page(form: SignInForm, message: str, status: int) -> Response:
    # The cookie still names a session: it has ended, and did not by signing out.
    has_ended = "_user_id" in session and not current_user.is_authenticated
    return htmx.render(
        "auth/sign_in.html",
        fragment="auth/_again.html",
        form=form,
        message=message,
        has_ended=has_ended,
        status=status,
    )
