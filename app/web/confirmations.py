"""The own password once more, before what cannot be taken back or carries data out."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from wtforms import HiddenField, PasswordField
from wtforms.validators import InputRequired

from app.db import transaction
from app.errors import RateLimited
from app.request_session import get_session
from app.services import confirmations as service
from app.web import htmx, passwords
from app.web.access import safe_next, signed_in
from app.web.forms.base import BaseForm
from app.web.language import say

View = TypeVar("View", bound=Callable[..., Any])

blueprint = Blueprint("confirmations", __name__)


class ConfirmForm(BaseForm):
    """The own password."""

    password = PasswordField(
        lazy_gettext("Your password"), validators=[InputRequired(lazy_gettext("Enter your password."))]
    )
    next = HiddenField()


def recently_confirmed(view: View) -> View:
    """Let the view be opened only within ten minutes of giving one's password; else ask for it first.

    The view answers GET as well, so that there is a page to come back to.
    """
    view.recently_confirmed = True  # type: ignore[attr-defined]
    return view


def recently_confirmed_from(endpoint: str) -> Callable[[View], View]:
    """As `recently_confirmed`, for a view that only posts: then the page it is asked from comes back."""

    def mark(view: View) -> View:
        view.asked_from = endpoint  # type: ignore[attr-defined]
        return recently_confirmed(view)

    return mark


def register(app: Flask) -> None:
    """Ask for the password before the views that want it."""

    @app.before_request
    def ask() -> Response | None:
        view = app.view_functions.get(request.endpoint or "")
        if not getattr(view, "recently_confirmed", False) or not current_user.is_authenticated:
            return None
        if service.is_fresh(get_session(), current_user.get_id()):
            return None
        page = getattr(view, "asked_from", None)
        target = f"{url_for(page)}?{urlencode(_filters())}" if page else request.path
        return htmx.see_other(url_for("confirmations.confirm", next=target))


def _filters() -> dict[str, str]:
    """Return what the form asks for, which the page before had in its address as well."""
    return {name: value for name, value in request.form.items() if value and name != "csrf_token"}


@blueprint.route("/confirm-password", methods=["GET", "POST"])
@signed_in
def confirm() -> Response:
    """Ask for the own password, and go on to where it is wanted."""
    target = safe_next(request.values.get("next")) or url_for("customers.index")
    form = ConfirmForm(data={"next": target})
    status, messages = 200, list[str]()
    if form.validate_on_submit():
        try:
            attempt = passwords.try_own(form.password.data or "")
        except RateLimited as error:
            response = htmx.render("auth/confirm.html", form=form, messages=[say(error.message)], status=429)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        if attempt is not None:
            database = get_session()
            with transaction(database):
                service.confirm(database, attempt, current_user.get_id())
            return htmx.see_other(target)
        form.password.errors = [_("This is not your password.")]
        status = 422
    elif form.is_submitted():
        status = 422
    return htmx.render("auth/confirm.html", form=form, messages=messages, status=status)
