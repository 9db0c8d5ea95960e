"""HTML pages: parse, call the service in a transaction, render."""

from app.web import access, auth, database, errors, filters, headers, health, preferences, requests

BLUEPRINTS = (auth.blueprint, health.blueprint, preferences.blueprint)

__all__ = [
    "BLUEPRINTS",
    "access",
    "database",
    "errors",
    "filters",
    "headers",
    "requests",
]
