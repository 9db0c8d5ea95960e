"""What a request asks again and again, kept with it."""

from typing import Any

from flask.globals import _cv_app


def kept() -> dict[str, Any]:
    """Return what the request keeps, by name: what `g` has, which looks for the request at each name."""
    return _cv_app.get().g.__dict__
