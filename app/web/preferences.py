"""How the user wants the pages, and in which store they stand."""

import uuid

from flask import Blueprint, Response, request, url_for
from flask_login import current_user

from app.db import transaction
from app.errors import NotFound
from app.request_session import get_session
from app.services import sign_in
from app.web import htmx
from app.web.access import came_from, current_actor, signed_in

blueprint = Blueprint("preferences", __name__)


@blueprint.post("/preferences/theme")
@signed_in
def theme() -> Response:
    """Keep the theme, and go back to the page."""
    database = get_session()
    with transaction(database):
        sign_in.set_preferences(database, current_user.id, theme=request.form.get("theme", ""))
    return htmx.see_other(_back())


@blueprint.post("/preferences/language")
@signed_in
def language() -> Response:
    """Keep the language, and go back to the page."""
    database = get_session()
    with transaction(database):
        sign_in.set_preferences(database, current_user.id, locale=request.form.get("locale", ""))
    return htmx.see_other(_back())


@blueprint.post("/preferences/store")
@signed_in
def store() -> Response:
    """Stand in another store."""
    try:
        store_id = uuid.UUID(request.form.get("store_id", ""))
    except ValueError:
        raise NotFound from None
    database = get_session()
    with transaction(database):
        sign_in.choose_store(database, current_actor(), current_user.get_id(), store_id)
    return htmx.see_other(url_for("customers.index"))


def _back() -> str:
    return came_from() or url_for("customers.index")
