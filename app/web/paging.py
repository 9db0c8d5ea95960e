"""Which part of a list a page is asked for."""

from flask import request
from flask_babel import gettext as _

from app.domain import values
from app.domain.paging import MAX_OFFSET
from app.errors import Invalid


def offset() -> int:
    """Return how many rows of the list are passed over. Raises Invalid for no such number."""
    try:
        return values.integer(request.values.get("offset") or "0", high=MAX_OFFSET)
    except values.BadValue:
        raise Invalid({"offset": [_("Go back to the first page.")]}) from None
