"""HTML pages: parse, call the service in a transaction, render."""

from app.web import (
    access,
    addresses,
    associates,
    attributes,
    auth,
    consents,
    customers,
    dashboards,
    database,
    definitions,
    errors,
    filters,
    headers,
    health,
    jobs,
    logs,
    orders,
    preferences,
    requests,
    reviews,
    stores,
    webhooks,
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
        dashboards,
        definitions,
        health,
        jobs,
        logs,
        orders,
        preferences,
        reviews,
        stores,
        webhooks,
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
