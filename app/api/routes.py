"""Every path of API v0, in one table: where a tenant's paths differ, this is what changes.

A path that is not here does not exist, and `tests/api/test_matrix.py` asks each with each scope.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from app.api import addresses, customers, openapi, orders, ping, stores, token
from app.domain.permissions import Scope

View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path: the view behind it, and the scope that it asks for (None: public).

    The view gets what stands in the path by name, and returns a JSON body, (body, status) or a
    Response.
    """

    method: str
    path: str
    view: View
    scope: Scope | None
    # Lists and searches have a limit of their own, the lower one.
    is_list: bool = False

    @property
    def endpoint(self) -> str:
        """The name of the view in logs and in the description: `customers_index`."""
        return f"{self.view.__module__.rpartition('.')[2]}_{self.view.__name__}"


CUSTOMERS = "/v0/d/consumer_profiles"
CUSTOMER = f"{CUSTOMERS}/<customer_id>"
ADDRESSES = f"{CUSTOMER}/addresses"
ADDRESS = f"{ADDRESSES}/<address_id>"

READ, WRITE = Scope.PROFILE_READ, Scope.PROFILE_WRITE

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path=CUSTOMERS, view=customers.index, scope=READ, is_list=True),
    Route(method="POST", path=CUSTOMERS, view=customers.create, scope=WRITE),
    Route(method="GET", path=f"{CUSTOMERS}/simplified", view=customers.simplified, scope=READ, is_list=True),
    Route(method="GET", path=CUSTOMER, view=customers.show, scope=READ),
    Route(method="PUT", path=CUSTOMER, view=customers.update, scope=WRITE),
    Route(method="DELETE", path=CUSTOMER, view=customers.delete, scope=WRITE),
    Route(method="POST", path=ADDRESSES, view=addresses.create, scope=WRITE),
    Route(method="GET", path=ADDRESS, view=addresses.show, scope=READ),
    Route(method="PUT", path=ADDRESS, view=addresses.update, scope=WRITE),
    Route(method="PATCH", path=ADDRESS, view=addresses.update, scope=WRITE),
    Route(method="DELETE", path=ADDRESS, view=addresses.delete, scope=WRITE),
    Route(method="GET", path=f"{CUSTOMER}/orders", view=orders.index, scope=READ, is_list=True),
    Route(
        method="GET",
        path="/v0/d/stores/<store_id>/opted_in_consumers",
        view=stores.opted_in_consumers,
        scope=Scope.CLIENTELING_READ,
        is_list=True,
    ),
    Route(method="POST", path="/v0/d/orders", view=orders.record, scope=Scope.ORDERS_WRITE),
    Route(method="GET", path="/v0/ping", view=ping.show, scope=None),
    Route(method="GET", path="/v0/openapi.json", view=openapi.document, scope=None),
    Route(method="GET", path="/v0/docs", view=openapi.viewer, scope=None),
    Route(method="POST", path="/v0/token", view=token.create, scope=None),
)


def make_blueprint(guard: Callable[..., View]) -> Blueprint:
    """Return the blueprint of all routes, each view behind the guard."""
    blueprint = Blueprint("v0", __name__)
    for route in ROUTES:
        blueprint.add_url_rule(
            route.path,
            endpoint=f"{route.method.lower()}_{route.endpoint}",
            view_func=guard(route.view, route.scope, is_list=route.is_list),
            methods=[route.method],
            provide_automatic_options=False,
        )
    return blueprint
