"""Whether the process lives, and whether it can serve."""

from flask import Blueprint, Response, current_app, jsonify, request

from app import readiness
from app.config import LOOPBACK
from app.web.access import current_settings, public

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@public
def livez() -> Response:
    """Answer while the process lives; asks nothing of the database."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """Answer 200 when everything needed for serving holds, else 503; details only on this machine."""
    settings = current_settings()
    checks = readiness.check(current_app.extensions["engine"], settings)
    is_ready = all(checks.values())
    body: dict[str, object] = {"status": "ok" if is_ready else "unavailable"}
    if request.remote_addr in LOOPBACK:
        body["checks"] = checks
    response = jsonify(body)
    response.status_code = 200 if is_ready else 503
    return response
