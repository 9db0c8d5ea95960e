"""HTML pages: parse, call the service in a transaction, render."""

from app.web import (
    access,
    addresses,
    attributes,
    auth,
    consents,
    customers,
    database,
    errors,
    filters,
    headers,
    health,
    orders,
    preferences,
    requests,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (addresses, attributes, auth, consents, customers, health, orders, preferences)
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
