"""Stores: operation 4 of API v0."""

from typing import Any

from app.api import ids, list_log, schemas
from app.api.auth import current_actor
from app.api.errors import MissingStore
from app.api.paging import MAX_COUNT, numbers, page_request
from app.queries import profiles as queries
from app.request_session import get_session


def opted_in_consumers(store_id: str) -> dict[str, Any]:
    """List opted in customers to clienteling."""
    wanted = ids.read(store_id, MissingStore)
    with ids.named(MissingStore):
        page = queries.opted_in(get_session(), current_actor(), wanted, page_request(default=MAX_COUNT))
    list_log.note((found.id for found in page.items), "api opted in")
    return {**numbers(page), "consumers": [schemas.consumer(found) for found in page.items]}
