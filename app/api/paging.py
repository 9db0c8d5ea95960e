"""Pages of lists as v0 asks for them and counts them."""

from typing import Any

from flask import request

from app.domain.fields import Checker
from app.domain.paging import MAX_OFFSET, Page, PageRequest
from app.domain.shapes import whole_number

MAX_COUNT = 500
DEFAULT_COUNT = 10


def page_request(default: int = DEFAULT_COUNT) -> PageRequest:
    """Return which part of a list the query asks for.

    A count above 500 is taken as 500: a real client asks for 2000. Raises Invalid.
    """
    checker = Checker()
    offset, count = request.args.get("offset"), request.args.get("count")
    first, many = 0, default
    if offset is not None:
        first = checker.take("offset", lambda: whole_number(offset, low=0, high=MAX_OFFSET), 0)
    if count is not None:
        many = checker.take(
            "count", lambda: whole_number(count, low=1, high=MAX_COUNT, clamped=True), default
        )
    checker.done()
    return PageRequest(offset=first, count=many)


def numbers(page: Page[Any]) -> dict[str, int]:
    """Return what v0 says of a page; `count` is the number of items on it, never the one asked for."""
    return {"count": page.count, "total": page.total, "offset": page.offset}
