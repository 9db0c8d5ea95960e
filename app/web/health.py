"""Whether the process lives, and whether it can serve."""

import shutil

from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy import Engine, text

from app import schema
from app.config import LOOPBACK, Settings
from app.db import SQLITE_PRAGMAS
from app.web.access import public

blueprint = Blueprint("health", __name__)

MIN_FREE_BYTES = 200 * 1024 * 1024


@blueprint.get("/livez")
@public
def livez() -> Response:
    """Answer while the process lives; asks nothing of the database."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """Answer 200 when everything needed for serving holds, else 503; details only on this machine."""
    settings: Settings = current_app.extensions["settings"]
    checks = check(current_app.extensions["engine"], settings)
    is_ready = all(checks.values())
    body: dict[str, object] = {"status": "ok" if is_ready else "unavailable"}
    if request.remote_addr in LOOPBACK:
        body["checks"] = checks
    response = jsonify(body)
    response.status_code = 200 if is_ready else 503
    return response


def check(engine: Engine, settings: Settings) -> dict[str, bool]:
    """Return each condition of serving and whether it holds."""
    try:
        with engine.connect().execution_options(writes=True) as connection:
            if engine.dialect.name == "sqlite":
                found = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
                durable = found == SQLITE_PRAGMAS["journal_mode"]
                durable &= connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            else:
                durable = connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
            connection.rollback()
        is_current = schema.is_current(engine)
    except Exception:  # noqa: BLE001 -- whatever it is, the answer is: not ready
        return {"database": False}
    free = shutil.disk_usage(settings.data_dir).free
    return {"database": True, "durable": durable, "migrated": is_current, "disk": free >= MIN_FREE_BYTES}
