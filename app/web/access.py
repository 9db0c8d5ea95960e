"""Who may open what: each view declares it, and a view that does not stops the start."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, g, request, url_for
from flask_login import LoginManager, current_user

from app.config import API_PREFIX, Settings
from app.db import transaction
from app.domain.actor import Actor
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Forbidden, Unauthenticated, Unavailable
from app.request_session import get_session
from app.services import sign_in
from app.web import htmx
from app.web.kept import kept

View = TypeVar("View", bound=Callable[..., Any])

# What can be done without standing in a store.
_WITHOUT_STORE = frozenset({Permission.ADMIN_MANAGE, Permission.AUDIT_EXPORT, Permission.AUDIT_VIEW})

_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*\Z")


@dataclass(frozen=True, kw_only=True)
class User(sign_in.SignedIn):
    """The signed-in associate, as Flask-Login and the templates know them; plain values only."""

    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """Return what the cookie carries: the opaque token of the session in the database."""
        return self.token

    @property
    def role_label(self) -> str:
        """The role for people."""
        return self.role.label


def public(view: View) -> View:
    """Open the view to everybody."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Open the view to everybody who is signed in."""
    view.access = "signed_in"  # type: ignore[attr-defined]
    return view


def polled(view: View) -> View:
    """Mark a view that an open page asks for by itself: that is no use which keeps a session open."""
    view.is_polled = True  # type: ignore[attr-defined]
    return view


def requires(permission: Permission) -> Callable[[View], View]:
    """Open the view to roles with the permission; the service behind it checks again."""

    def mark(view: View) -> View:
        view.access = permission  # type: ignore[attr-defined]
        return view

    return mark


def for_customers(view: View) -> View:
    """Mark a view that stays open while the device is in a customer's hands."""
    view.for_customers = True  # type: ignore[attr-defined]
    return view


def found_user() -> User | None:
    """Return the user itself, if somebody is signed in: the proxy looks it up for each of its fields."""
    # Flask-Login keeps it there once it was asked.
    user: User | None = kept().get("_login_user") or current_user._get_current_object()  # noqa: SLF001
    return user if user is not None and user.is_authenticated else None


def current_actor() -> Actor:
    """Return who acts in this request. Raises Unauthenticated when nobody is signed in."""
    user = found_user()
    if user is None:
        raise Unauthenticated
    known: tuple[User, Actor] | None = kept().get("actor")
    if known is not None and known[0] is user:
        return known[1]
    settings = current_settings()
    actor = Actor(
        id=user.id,
        name=user.name,
        role=user.role,
        store_ids=frozenset(store.id for store in user.stores),
        store_id=user.store.id if user.store else None,
        request_id=g.request_id,
        device=sign_in.device_of(user.token),
        visibility=settings.customer_visibility,
    )
    g.actor = (user, actor)
    return actor


def current_settings() -> Settings:
    """Return the settings that the program was started with."""
    settings: Settings = current_app.extensions["settings"]
    return settings


def safe_next(target: str | None) -> str | None:
    """Return the path to go on to, or None unless it is a path of this site."""
    return target if target and _LOCAL_PATH.match(target) else None


def came_from() -> str | None:
    """Return the address within this site of the page that sent the request, if it can be opened again."""
    try:
        url = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    except ValueError:  # such as http://[
        return None
    if url.netloc != request.host or not current_app.url_map.bind(request.host).test(url.path, "GET"):
        return None
    return safe_next(urlunsplit(("", "", url.path, url.query, "")))


def is_poll() -> bool:
    """True for what an open page asks for by itself."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "is_polled", False) and htmx.wants_fragment()


def register(app: Flask) -> None:
    """Load the user of each request and check each view's declaration before it runs."""
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app)
    settings: Settings = app.extensions["settings"]

    @manager.user_loader
    def load_user(token: str) -> User | None:
        if g.get("user_unknown"):
            return None
        session = get_session()
        # When the database is away, the error page must not ask it for the user again.
        g.user_unknown = True
        found, is_due = sign_in.authenticate(
            session,
            token,
            idle=timedelta(minutes=settings.session_idle_minutes),
            absolute=timedelta(hours=settings.session_hours),
        )
        g.user_unknown = False
        if found is None:
            return None
        user = _as_user(found)
        if is_due and not is_poll():
            # Work goes on while somebody else writes for long; the next request notes it.
            with suppress(Unavailable), transaction(session):
                sign_in.note_seen(session, token)
        return user

    @app.before_request
    def check_access() -> Response | None:
        if request.endpoint is None:
            # An unknown address, or one that is not asked like this: it leads back to the question too.
            user = None if request.path.startswith(API_PREFIX) else found_user()
            return htmx.see_other(url_for("hand_over.show")) if user and user.is_handed_over else None
        view = app.view_functions[request.endpoint]
        access = getattr(view, "access", None)
        if access in {"public", "token"}:  # the API checks its tokens itself
            return None
        actor = current_actor()
        # The device is in a customer's hands: whatever is asked for, only the question is there.
        if current_user.is_handed_over and not getattr(view, "for_customers", False):
            return htmx.see_other(url_for("hand_over.show"))
        if isinstance(access, Permission):
            actor.require(access)
            if actor.store_id is None and access not in _WITHOUT_STORE:
                return _no_store(actor)
        return None


def check_declarations(app: Flask) -> None:
    """Raise RuntimeError for a view that does not declare who may open it."""
    for endpoint, view in app.view_functions.items():
        if not hasattr(view, "access"):
            raise RuntimeError(f"{endpoint} does not declare its access: @public, @signed_in or @requires")


def _no_store(actor: Actor) -> Response:
    # A new installation has no stores, a new associate may have none: both need a way on.
    if htmx.wants_fragment():
        raise Forbidden(N_("You do not belong to an open store now. Load the page again."))
    is_admin = actor.can(Permission.ADMIN_MANAGE)
    return htmx.render("auth/no_store.html", status=403, is_admin=is_admin)


_FOUND = [field.name for field in fields(sign_in.SignedIn)]


def _as_user(found: sign_in.SignedIn) -> User:
    return User(**{name: getattr(found, name) for name in _FOUND})
