"""The rules look at the same application as the web tests."""

from tests.web.conftest import app, cast, client, compiled_templates, quick_passwords, settings, sign_in

__all__ = ["app", "cast", "client", "compiled_templates", "quick_passwords", "settings", "sign_in"]
