"""Headers of every answer: content security policy, caching, request id."""

import re
import secrets
import uuid

from flask import Flask, Response, g, request

from app.config import Settings

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


def csp_nonce() -> str:
    """Return this answer's nonce, which scripts and htmx's elements carry."""
    nonce: str | None = g.get("csp_nonce")
    if nonce is None:
        nonce = g.csp_nonce = secrets.token_urlsafe(16)
    return nonce


_POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'"


def _policy_of_pages() -> str:
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self';"
        " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none';"
        " frame-ancestors 'none'"
    )


def register(app: Flask) -> None:
    """Give each request its id and each answer its headers."""
    settings: Settings = app.extensions["settings"]

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Newstore-Request-Id") or request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex

    @app.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        is_data = request.path.startswith("/v0/") and response.mimetype == "application/json"
        headers["Content-Security-Policy"] = _POLICY_OF_DATA if is_data else _policy_of_pages()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        headers["X-Request-Id"] = g.get("request_id", "")
        if not settings.allow_http:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if request.endpoint == "static":
            fresh = request.args.get("v") == app.extensions["asset_version"](request.view_args or {})
            headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
        else:
            headers["Cache-Control"] = "no-store"
            # Without asking who is signed in: that would ask the database, which may be away.
            response.vary.update(() if is_data else ("HX-Request", "Cookie"))
        return response
