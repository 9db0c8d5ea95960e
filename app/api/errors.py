"""Errors to JSON: `{error_code, message, request_id, fields?}`, for everything below /v0/.

The codes are those of the v0 page and of its clients; `app/errors.py` gives the statuses, apart
from Invalid, which v0 answers with 400.
"""

from typing import Any

from flask import Response, current_app, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, SecurityError

from app import logs
from app.api import responses
from app.db import as_app_error
from app.errors import (
    FOREIGN_HOST,
    STATUS,
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Stale,
    Unauthenticated,
    Unavailable,
    Unreadable,
)

_CODES: dict[type[AppError], str] = {
    Invalid: "bad_request",
    Unreadable: "bad_request",
    Unauthenticated: "unauthorized",
    Forbidden: "forbidden",
    NotFound: "not_found",
    Conflict: "conflict",
    Stale: "conflict_version",
    RateLimited: "too_many_requests",
    Unavailable: "service_unavailable",
}
_STATUS = STATUS | {Invalid: 400}
# What the pages say of these speaks of pages.
_MESSAGES: dict[type[AppError], str] = {
    Invalid: "Please check the fields named here.",
    Unauthenticated: "Send the header Authorization: Bearer <access token>.",
    Forbidden: "This token does not allow it.",
    NotFound: "There is nothing here, or this token may not see it.",
    Stale: "This is not the newest revision. Read the record again and send current_revision.",
}
_HTTP = {
    400: ("bad_request", "This request cannot be read."),
    404: ("not_found", "There is no such path in the API."),
    405: ("method_not_allowed", "This path does not take this method."),
    413: ("bad_request", "The body is too large: send at most 1 MiB."),
    415: ("bad_request", "This kind of body cannot be read. Send JSON."),
}


class MissingCustomer(NotFound):
    """There is no such customer, or the token may not see it."""

    message = "There is no customer with this id."
    code = "customer_not_found"


class MissingAddress(NotFound):
    """The customer has no such address."""

    message = "This customer has no address with this id."
    code = "address_not_found"


class MissingStore(NotFound):
    """There is no such store, or the token does not work for it."""

    message = "There is no store with this id."
    code = "store_not_found"


def answer(error: Exception) -> Response:
    """Return the answer that an error means; a fault is logged and says nothing of itself."""
    if isinstance(error, DBAPIError):
        error = as_app_error(error)
    elif isinstance(error, PoolTimeoutError):
        error = Unavailable()
    if isinstance(error, AppError):
        return _app_error(error)
    if isinstance(error, HTTPException):
        return _http_error(error)
    return _fault(error)


def body(code: str, message: str, **more: Any) -> dict[str, Any]:
    """Return the body of every error of the API."""
    return {"error_code": code, "message": message, "request_id": g.get("request_id", ""), **more}


def _app_error(error: AppError) -> Response:
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    code = getattr(error, "code", _CODES[kind])
    message = _MESSAGES.get(kind, error.message) if error.message == kind.message else error.message
    more: dict[str, Any] = {}
    if isinstance(error, (Invalid, Conflict)) and error.fields:
        more["fields"] = error.fields
        if error.message == kind.message:
            message = _first_reason(error.fields) or message
    if isinstance(error, Stale):
        more["current_revision"] = error.current_revision
    response = responses.json_response(body(code, message, **more), _STATUS[kind])
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, (RateLimited, Unavailable)):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _first_reason(fields: dict[str, list[str]]) -> str:
    name, reasons = next(iter(fields.items()))
    reason = reasons[0] if reasons else ""
    return f"{name}: {reason}" if name and reason else reason


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        # A redirect of the routing: the path with a slash too many is no path of the API.
        status = 404
    code, message = _HTTP.get(status, ("bad_request", "This request cannot be read."))
    if isinstance(error, SecurityError):
        message = FOREIGN_HOST
    response = responses.json_response(body(code, message), status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.allow.update(error.valid_methods)
    return response


def _fault(error: Exception) -> Response:
    if current_app.config["PROPAGATE_EXCEPTIONS"]:
        raise error
    logs.fault(error, route=request.endpoint, request_id=g.get("request_id"))
    text = "Something went wrong on our side. Nothing was saved."
    return responses.json_response(body("internal_server_error", text), 500)
