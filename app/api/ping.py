"""GET /v0/ping: whether somebody answers."""

from typing import Any


def show() -> dict[str, Any]:
    """Return that the API is there; asks nothing of the database."""
    return {"status": "ok"}
