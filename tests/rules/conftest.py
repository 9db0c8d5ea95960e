"""The rules look at the same application as the web tests."""

from tests.web.conftest import app, application, cast, client, quick_passwords, settings, sign_in

__all__ = ["app", "application", "cast", "client", "quick_passwords", "settings", "sign_in"]
