"""The JSON API v0: parse, call the service in a transaction, answer."""

from flask import Flask

from app.api import auth, errors, responses, routes
from app.api.limits import Limiter

__all__ = ["errors", "register", "routes"]


def register(app: Flask) -> None:
    """Serve the API below /v0/. No cookie counts there, so no form token is asked for either."""
    app.extensions["api_limiter"] = Limiter()
    responses.register(app)
    app.register_blueprint(routes.make_blueprint(auth.guard))
