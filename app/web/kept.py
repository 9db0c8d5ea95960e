"""What a request asks again and again, kept with it."""

from typing import Any

from flask import g


def kept() -> dict[str, Any]:
    """Return what the request keeps, by name: what `g` has, which looks for the request at each name."""
    return vars(g._get_current_object())  # noqa: SLF001 -- as Flask has it
