"""Errors to pages: one handler for the program's own, one for HTTP's, one for faults."""

import structlog
from flask import Flask, Response, current_app, g, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from app.db import as_app_error
from app.errors import STATUS, AppError, RateLimited, Unauthenticated, Unavailable
from app.web import htmx

_TEXTS = {
    400: ("This request cannot be read", "Go back, load the page again, and try once more."),
    403: ("Your role does not allow this", "Ask a manager or an administrator."),
    404: ("Not found", "This page does not exist, or it belongs to another store."),
    405: ("This cannot be done here", "Go back and use the buttons of the page."),
    409: ("This was changed meanwhile", "Load the page again to see how it stands now."),
    413: ("This is too large", "Send less than 1 MB at once."),
    422: ("Something is missing or wrong", "Please check what you entered."),
    429: ("Too many tries", "Please wait a little and try again."),
    500: (
        "Something went wrong on our side",
        "Nothing was saved. Try again; if it stays, tell your administrator the number below.",
    ),
    503: ("Not available right now", "Nothing was saved. Please try again in a moment."),
}


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
        from flask_login import current_user  # noqa: PLC0415 -- only to tell the two cases apart

        if not current_user.is_authenticated and request.endpoint != "auth.sign_in":
            return answer(Unauthenticated())
        return page(
            400, "This page was open too long, so nothing was saved. Load it again and try once more."
        )

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return error.get_response()  # type: ignore[return-value]
        return page(error.code)

    @app.errorhandler(Exception)
    def fault(error: Exception) -> Response:
        if current_app.config["PROPAGATE_EXCEPTIONS"]:
            raise error
        structlog.get_logger().error(
            "fault", kind=type(error).__name__, route=request.endpoint, exc_info=False
        )
        return page(500)


def answer(error: AppError) -> Response:
    """Return the answer that an error of the program's own means."""
    if isinstance(error, Unauthenticated):
        return _to_sign_in()
    response = page(STATUS[type(error)], error.message)
    if isinstance(error, (RateLimited, Unavailable)):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def page(status: int, message: str = "") -> Response:
    """Return the error page, or its one line where htmx asked."""
    title, advice = _TEXTS.get(status, ("This did not work", "Go back and try again."))
    context = {
        "status": status,
        "title": title,
        "message": message or advice,
        "request_id": g.get("request_id", ""),
    }
    if htmx.wants_fragment():
        response = current_app.make_response((render_template("errors/_message.html", **context), status))
        return htmx.into_flashes(response)
    return current_app.make_response((render_template("errors/error.html", **context), status))


def _to_sign_in() -> Response:
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    url = url_for("auth.sign_in", next=target)
    if htmx.wants_fragment():
        response = Response(status=401)
        response.headers["HX-Redirect"] = url_for("auth.sign_in")
        return response
    return current_app.make_response(("", 303, {"Location": url}))
