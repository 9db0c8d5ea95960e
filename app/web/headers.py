"""Headers of every answer: content security policy, caching, request id."""

import re
import secrets
import uuid

from flask import Flask, Response, g, request
from markupsafe import Markup

from app.config import API_PREFIX, Settings
from app.web.kept import kept

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


def csp_nonce() -> Markup:
    """Return this answer's nonce, which scripts and htmx's elements carry."""
    known = kept()
    if "csp_nonce" not in known:
        # Its letters need no escaping, and templates need not look.
        known["csp_nonce"] = Markup(secrets.token_urlsafe(16))  # noqa: S704
    nonce: Markup = known["csp_nonce"]
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
    # Nobody else sets these, so they need not be looked for among those that are set.
    always = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if not settings.allow_http:
        always["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Newstore-Request-Id") or request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex

    @app.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        is_data = request.path.startswith(API_PREFIX) and response.mimetype == "application/json"
        headers["Content-Security-Policy"] = _POLICY_OF_DATA if is_data else _policy_of_pages()
        headers["X-Request-Id"] = kept().get("request_id", "")
        headers.extend(always)
        if request.endpoint == "static":
            fresh = request.args.get("v") == app.extensions["asset_version"](request.view_args or {})
            headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
        else:
            headers["Cache-Control"] = "no-store"
            # Without asking who is signed in: that would ask the database, which may be away.
            response.vary.update(() if is_data else ("HX-Request", "Cookie"))
        return response
