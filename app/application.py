"""The application: build, register, return."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_wtf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from app import api, request_session, web
from app.config import API_PREFIX, PACKAGE, RESOURCES, Settings
from app.db import make_engine, set_ledger_key, set_waker
from app.jobs.waker import Waker
from app.services.list_log import ListLog
from app.templates import Templates


class PageSessions(SecureCookieSessionInterface):
    """Sessions for pages only: below /v0/ no cookie is read and none is set."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session in the cookie, or none for the API."""
        return None if request.path.startswith(API_PREFIX) else super().open_session(app, request)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs the cookie; it keeps nothing of it, so it is made once for the keys."""
        keys = (app.secret_key, *app.config["SECRET_KEY_FALLBACKS"])
        kept: dict[object, URLSafeTimedSerializer | None] = app.extensions.setdefault("session_signers", {})
        if keys not in kept:
            kept[keys] = super().get_signing_serializer(app)
        return kept[keys]


class Application(Flask):
    """The pages and the API in one, each with its own way of telling what went wrong."""

    session_interface = PageSessions()
    jinja_environment = Templates

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: none waits, and Flask would ask so of fifteen in each request."""
        return func

    def handle_user_exception(self, error: Exception) -> ResponseReturnValue:
        """Answer an error, unknown paths and methods too, as the part that was asked does."""
        if request.path.startswith(API_PREFIX):
            return api.errors.answer(error)
        return super().handle_user_exception(error)


def create_app(settings: Settings) -> Flask:
    """Return the web application for the settings."""
    templates = str(RESOURCES / "templates")
    app = Application("app", root_path=str(PACKAGE), template_folder=templates, static_folder=None)
    app.static_folder = str(RESOURCES / "static")
    secure = not settings.allow_http
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=500,
        # The token lives as long as the session, which ends by itself.
        WTF_CSRF_TIME_LIMIT=None,
        PROPAGATE_EXCEPTIONS=False,
        BABEL_DEFAULT_LOCALE="en",
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.proxy_count:
        count = settings.proxy_count
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.extensions["settings"] = settings
    app.extensions["engine"] = make_engine(settings.database_url, pool_size=settings.web_threads + 1)
    set_ledger_key(app.extensions["engine"], settings.erasure_key)
    app.extensions["list_log"] = ListLog(app.extensions["engine"])
    # What was saved for the background workers is done at once; the pages know nothing of them.
    set_waker(app.extensions["engine"], Waker(settings))
    _register(app)
    return app


def _register(app: Flask) -> None:
    # First the request's id: refusing a broken address names it already.
    web.headers.register(app)
    web.requests.register(app)
    request_session.register(app)
    web.filters.register(app)
    web.errors.register(app)
    protect = CSRFProtect(app)
    web.links.register(app)
    # A customer's phone may keep no cookie; the secret in the link is what no other site knows.
    protect.exempt(web.own_phone.blueprint)
    web.access.register(app)
    web.confirmations.register(app)
    Babel(app, locale_selector=web.language.chosen)
    web.filters.translate(app)
    for blueprint in web.BLUEPRINTS:
        app.register_blueprint(blueprint)
    api.register(app)
    protect.exempt(app.blueprints["v0"])
    web.access.check_declarations(app)
