"""What happens to every request: broken text refused, static files served, one line in the log."""

import time
from urllib.parse import unquote_to_bytes

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import SecurityError

from app.domain.actor import Actor
from app.domain.texts import N_
from app.errors import Unreadable
from app.web.access import public

# How much of a host's name that is not served stands in the log.
MAX_HOST = 100

_BROKEN = ("\x00", "\ufffd")
_ADDRESS = N_(
    "The address holds a NUL character or bytes that are no UTF-8. Correct it, or begin again from a page."
)
_FORM = N_("What was sent holds bytes that are no UTF-8. Type it again, or send it as UTF-8.")
_QUIET = frozenset({"static", "health.livez", "health.readyz"})


def _who() -> str | None:
    # Only somebody who was looked up already: a log line must not ask the database.
    client: Actor | None = g.get("api_actor")
    if client is not None:
        return str(client.id)
    user = g.get("_login_user")
    return str(user.id) if user is not None and user.is_authenticated else None


def _refused_host() -> dict[str, str]:
    """Return the host of a request that was refused for it, so that TRUSTED_HOSTS can be mended."""
    if not isinstance(request.routing_exception, SecurityError):
        return {}
    given = request.environ.get("HTTP_HOST", "")
    return {"host": "".join(filter(str.isprintable, given[:MAX_HOST]))}


def _is_text(encoded: bytes) -> bool:
    # Werkzeug leaves `%FF` as these three characters, which would be kept and searched.
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True


def register(app: Flask) -> None:
    """Set up static files, the check of the address and the log."""
    log = structlog.get_logger()

    @app.get("/static/<path:filename>", endpoint="static")
    @public
    def static(filename: str) -> Response:
        return app.send_static_file(filename)

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        if request.method == "HEAD":
            # The same without its body. A view that tells GET from POST would take it for a POST, and no
            # token is asked of it.
            request.method = "GET"
        # Werkzeug puts U+FFFD into a path for bytes that are no UTF-8; NUL breaks PostgreSQL.
        texts = [request.path, *request.args.keys(), *request.args.values()]
        if any(mark in text for mark in _BROKEN for text in texts) or not _is_text(request.query_string):
            raise Unreadable(_ADDRESS)
        if request.mimetype == "application/x-www-form-urlencoded" and not _is_text(request.get_data()):
            raise Unreadable(_FORM)

    @app.after_request
    def finish(response: Response) -> Response:
        if request.endpoint not in _QUIET:
            log.info(
                "request",
                request_id=g.get("request_id"),
                method=request.environ["REQUEST_METHOD"],
                route=request.endpoint,
                status=response.status_code,
                actor=_who(),
                **_refused_host(),
                ms=round((time.perf_counter() - g.get("started", 0)) * 1000, 1),
            )
        return response
