"""Orders: operations 12 and c of API v0. Amounts go in and out as they were written, never as floats."""

from flask import Response

from app.api import ids, schemas
from app.api.auth import current_actor
from app.api.errors import MissingCustomer
from app.api.paging import numbers, page_request
from app.api.requests import load_json
from app.db import transaction
from app.domain.audit import AccessAction
from app.errors import Conflict
from app.models import Order
from app.queries import orders as queries
from app.request_session import get_session
from app.services import customers, orders


def index(customer_id: str) -> Response:
    """List customer orders."""
    wanted = ids.read(customer_id, MissingCustomer)
    asked = page_request()
    session, actor = get_session(), current_actor()
    with ids.named(MissingCustomer), transaction(session, one_change=True):
        page = queries.documents(session, actor, wanted, asked)
        customers.note_look(session, actor, wanted, AccessAction.VIEWED)
    items = ",".join(schemas.order(document) for document in page.items)
    named = ",".join(f'"{name}":{number}' for name, number in numbers(page).items())
    return Response(f'{{{named},"items":[{items}]}}', content_type="application/json")


def record() -> Response:
    """Put an order in."""
    document = load_json()
    try:
        order = _record(document)
    except Conflict as error:
        if error.fields:
            raise
        # The same order, or another of the same new customer, came in at the same time.
        order = _record(document)
    return Response(schemas.order(order.document), content_type="application/json")


def _record(document: object) -> Order:
    session, actor = get_session(), current_actor()
    with transaction(session):
        order, _ = orders.record(session, actor, document, needs_store=False)
    return order
