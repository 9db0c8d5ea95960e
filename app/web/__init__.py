"""HTML pages: parse, call the service in a transaction, render."""

from app.web import (
    access,
    addresses,
    associates,
    attributes,
    auth,
    confirmations,
    consents,
    customers,
    dashboards,
    data_requests,
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
        confirmations,
        consents,
        customers,
        dashboards,
        data_requests,
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
    "confirmations",
    "database",
    "errors",
    "filters",
    "headers",
    "requests",
]
