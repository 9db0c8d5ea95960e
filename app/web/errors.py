"""Errors to pages: one handler for the program's own, one for HTTP's, one for faults."""

from dataclasses import dataclass

from flask import Flask, Response, current_app, g, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, SecurityError

from app.db import as_app_error
from app.domain.texts import N_
from app.errors import (
    FOREIGN_HOST,
    STATUS,
    AppError,
    Conflict,
    Invalid,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from app.logs import fault as log_fault
from app.web import htmx
from app.web.access import came_from, is_poll
from app.web.forms.auth import SignInForm
from app.web.language import say

# Title, advice and icon of the line that htmx shows; each status has a page of its own as well.
_TEXTS = {
    400: (N_("This request cannot be read"), N_("Load the page again and try once more."), "triangle-alert"),
    403: (N_("Your role does not allow this"), N_("Ask a manager or an administrator."), "lock"),
    404: (N_("Not found"), N_("It may have been removed, or belong to another store."), "search"),
    405: (N_("This cannot be done here"), N_("Use the buttons of the page."), "triangle-alert"),
    409: (
        N_("This cannot be done now"),
        N_("It was changed meanwhile. Load the page again to see how it stands."),
        "triangle-alert",
    ),
    413: (N_("This is too large"), N_("Send less than 1 MB at once."), "triangle-alert"),
    422: (N_("Something is missing or wrong"), N_("Please check what you entered."), "triangle-alert"),
    429: (N_("Too many tries"), N_("Please wait a little and try again."), "clock"),
    500: (
        N_("Something went wrong on our side"),
        N_("Nothing was saved. Please try again."),
        "triangle-alert",
    ),
    503: (N_("Not available right now"), N_("Nothing was saved. Please try again."), "wifi-off"),
}

# Who only opened a page saved nothing, and need not be told that nothing was saved.
_READING = {
    500: N_("Try again; if it happens again, tell your administrator the reference."),
    503: N_("The database cannot be reached right now. Try again in a moment."),
}


@dataclass(frozen=True, kw_only=True)
class ErrorText:
    """What the page says of an error."""

    title: str
    text: str
    icon: str


def register(app: Flask) -> None:
    """Turn every error into an answer that helps."""

    @app.errorhandler(AppError)
    def app_error(error: AppError) -> Response:
        return answer(error)

    @app.errorhandler(DBAPIError)
    def database_error(error: DBAPIError) -> Response:
        known = as_app_error(error)
        return answer(known) if isinstance(known, AppError) else fault(error)

    @app.errorhandler(PoolTimeoutError)
    def pool_timeout(_error: PoolTimeoutError) -> Response:
        return answer(Unavailable())

    @app.errorhandler(CSRFError)
    def csrf_error(_error: CSRFError) -> Response:
        # The commonest reason is a page left open until its session ended.
        if not current_user.is_authenticated and request.endpoint != "auth.sign_in":
            return answer(Unauthenticated())
        return page(
            400, N_("This page was open too long, so nothing was saved. Load it again and try once more.")
        )

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return error.get_response()  # type: ignore[return-value]
        if isinstance(error, SecurityError):
            # A page has links, and there are none for a host that is not served.
            return Response(f"{FOREIGN_HOST}\n", 400, mimetype="text/plain")
        response = page(error.code)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.allow.update(error.valid_methods)
        return response

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Response:
        if current_app.config["PROPAGATE_EXCEPTIONS"]:
            raise error
        log_fault(error, route=request.endpoint, request_id=g.get("request_id"))
        return page(500)


def answer(error: AppError) -> Response:
    """Return the answer that an error of the program's own means."""
    if isinstance(error, Unauthenticated):
        return _to_sign_in()
    response = page(STATUS[type(error)], _reasons(error) or error.message)
    if isinstance(error, (RateLimited, Unavailable)):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def page(status: int, message: str = "") -> Response:
    """Return the error page, or its one line where htmx asked."""
    try:
        bool(current_user)  # the page shows who is signed in
    except (DBAPIError, PoolTimeoutError):
        return answer(Unavailable())
    is_reading = request.method == "GET" and status in _READING
    if is_reading and message in {"", Unavailable.message}:
        message = _READING[status]
    title, advice, icon = _TEXTS.get(status, _TEXTS[400])
    request_id = g.get("request_id", "")
    if htmx.wants_fragment():
        error = ErrorText(title=_(title), text=say(message) or _(advice), icon=icon)
        text = render_template("errors/_message.html", error=error, request_id=request_id)
        return htmx.into_flashes(current_app.make_response((text, status)))
    template = f"errors/{status if status in _TEXTS else 400}.html"
    text = render_template(template, request_id=request_id, message=say(message), is_reading=is_reading)
    return current_app.make_response((text, status))


def _reasons(error: AppError) -> str:
    """Return what is wrong with each field, where there is no form to say it beside."""
    if isinstance(error, Invalid | Conflict) and error.message == type(error).message:
        return " ".join(say(reason) for reasons in error.fields.values() for reason in reasons)
    return ""


def _to_sign_in() -> Response:
    target = request.full_path.rstrip("?") if request.method == "GET" else came_from()
    if not htmx.wants_fragment():
        return current_app.make_response(("", 303, {"Location": url_for("auth.sign_in", next=target)}))
    if request.method == "POST" and not is_poll():
        # What was typed stays on the page; app.js sends it again afterwards.
        text = render_template("auth/_again.html", form=SignInForm(None), message="")
        return htmx.into_dialog(current_app.make_response((text, 401)))
    response = Response(status=401)
    response.headers["HX-Redirect"] = url_for("auth.sign_in", next=came_from())
    return response
