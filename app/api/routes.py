"""Every path of API v0, in one table: where a tenant's paths differ, this is what changes.

A path that is not here does not exist, and `tests/api/test_matrix.py` asks each with each scope.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from app.api import ping
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

    @property
    def endpoint(self) -> str:
        """The name of the view in logs and in the description: `customers_index`."""
        return f"{self.view.__module__.rpartition('.')[2]}_{self.view.__name__}"


ROUTES: tuple[Route, ...] = (Route(method="GET", path="/v0/ping", view=ping.show, scope=None),)


def make_blueprint(guard: Callable[[View, Scope | None], View]) -> Blueprint:
    """Return the blueprint of all routes, each view behind the guard."""
    blueprint = Blueprint("v0", __name__)
    for route in ROUTES:
        blueprint.add_url_rule(
            route.path,
            endpoint=f"{route.method.lower()}_{route.endpoint}",
            view_func=guard(route.view, route.scope),
            methods=[route.method],
            provide_automatic_options=False,
        )
    return blueprint
