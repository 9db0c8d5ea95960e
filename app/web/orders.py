"""A customer's orders."""

import uuid

from flask import Blueprint, Response

from app.domain.paging import PageRequest
from app.domain.permissions import Permission
from app.queries import customers, orders
from app.request_session import get_session
from app.web import htmx, paging
from app.web.access import current_actor, requires

blueprint = Blueprint("orders", __name__)

PAGE = 20


@blueprint.get("/customers/<uuid:customer_id>/orders")
@requires(Permission.CUSTOMER_VIEW)
def index(customer_id: uuid.UUID) -> Response:
    """Show all orders, newest first."""
    session, actor = get_session(), current_actor()
    return htmx.render(
        "orders/index.html",
        fragment="orders/_list.html",
        customer=customers.get(session, actor, customer_id),
        orders=orders.list_for_customer(
            session, actor, customer_id, PageRequest(offset=paging.offset(), count=PAGE)
        ),
    )


@blueprint.get("/customers/<uuid:customer_id>/orders/<uuid:order_id>")
@requires(Permission.CUSTOMER_VIEW)
def show(customer_id: uuid.UUID, order_id: uuid.UUID) -> Response:
    """Show one order with all its parts."""
    session, actor = get_session(), current_actor()
    found = orders.get(session, actor, customer_id, order_id)
    return htmx.render(
        "orders/show.html",
        fragment="orders/_show.html",
        customer=customers.get(session, actor, customer_id),
        order=found.row,
        label=found.label,
        document=found.document,
    )
