"""HTML pages: parse, call the service in a transaction, render."""

from app.web import (
    access,
    addresses,
    associates,
    attributes,
    auth,
    consents,
    customers,
    database,
    definitions,
    errors,
    filters,
    headers,
    health,
    jobs,
    orders,
    preferences,
    requests,
    stores,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        addresses,
        associates,
        attributes,
        auth,
        consents,
        customers,
        definitions,
        health,
        jobs,
        orders,
        preferences,
        stores,
    )
)

__all__ = [
    "BLUEPRINTS",
    "access",
    "database",
    "errors",
    "filters",
    "headers",
    "requests",
]
