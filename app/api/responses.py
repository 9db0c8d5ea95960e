"""Answers: compact JSON in UTF-8, the request's id, nothing for browsers to keep."""

import json
from typing import Any

from flask import Flask, Response, g, request

from app.config import API_PREFIX

REQUEST_ID_HEADER = "X-Newstore-Request-Id"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def is_api() -> bool:
    """True when the request is for the API."""
    return request.path.startswith(API_PREFIX)


def json_response(body: Any, status: int = 200) -> Response:
    """Return the body as JSON. Times and ids must be text already."""
    return Response(_encode(body), status, content_type="application/json")


def as_response(result: Any) -> Response:
    """Return what a view gave as an answer: a Response, a JSON body, or (body, status).

    A body of None gives an answer without one, for 202 and 204.
    """
    if isinstance(result, Response):
        return result
    body, status = result if isinstance(result, tuple) else (result, 200)
    if body is None:
        response = Response(status=status)
        del response.headers["Content-Type"]
        return response
    return json_response(body, status)


def register(app: Flask) -> None:
    """Name the request's id in each answer of the API."""

    @app.after_request
    def finish(response: Response) -> Response:
        if is_api():
            response.headers[REQUEST_ID_HEADER] = g.get("request_id", "")
        return response
