"""Stores: list, new, edit, deactivate and reactivate."""

import uuid
from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from app.domain.permissions import Permission
from app.models import Store
from app.queries import stores as queries
from app.request_session import get_session
from app.services import stores as service
from app.web import admin_pages
from app.web.access import current_actor, requires
from app.web.forms.admin import StoreForm

blueprint = Blueprint("stores", __name__)


@blueprint.get("/admin/stores")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    text, part = admin_pages.asked()
    page = queries.list_page(get_session(), current_actor(), text, part)
    return admin_pages.show_list("stores/index.html", "stores.index", text, page)


@blueprint.route("/admin/stores/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def new() -> Response:
    """Add one."""
    session, actor = get_session(), current_actor()
    form = StoreForm()
    context = _context(_("New store"))
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    return admin_pages.save_new(
        form, "stores.create", given, lambda: service.create(session, actor, given), context
    )


@blueprint.route("/admin/stores/<uuid:store_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def edit(store_id: uuid.UUID) -> Response:
    """Edit one; an older revision shows both values."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, store_id)
    form = StoreForm(data={**_values(row), "revision": row.revision})
    context = _context(_("Edit store"), row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    return admin_pages.save_edit(
        form,
        lambda: service.update(session, actor, store_id, form.to_input(), revision=form.seen_revision),
        lambda: _values(queries.get(session, actor, store_id)),
        context,
    )


@blueprint.route("/admin/stores/<uuid:store_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(store_id: uuid.UUID) -> Response:
    """Ask, and deactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, store_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.deactivate(session, actor, store_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/stores/<uuid:store_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def reactivate(store_id: uuid.UUID) -> Response:
    """Ask, and reactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, store_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.reactivate(session, actor, store_id, revision=revision),
        _state_context(row, is_closing=False),
    )


def _values(row: Store) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "country_code", "currency", "time_zone")}


def _context(title: str, row: Store | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "field_names": ("name", "country_code", "currency", "time_zone"),
        "row": row,
        "links": [],
        "back_url": url_for("stores.index"),
        "back_label": _("All stores"),
        "done": _("Saved."),
    }


def _state_context(row: Store, *, is_closing: bool) -> dict[str, Any]:
    return _context(_("Close this store?") if is_closing else _("Open this store again?"), row) | {
        "name": row.name,
        "advice": _("Its customers and orders stay. Nobody can work in it any more.")
        if is_closing
        else _("Its associates can work in it again."),
        "button": _("Close store") if is_closing else _("Open store"),
        "is_danger": is_closing,
    }
