"""Attribute definitions: list, new, edit, deactivate and reactivate."""

import uuid
from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from app.domain.permissions import Permission
from app.models import AttributeDefinition
from app.queries import attribute_definitions as queries
from app.request_session import get_session
from app.services import attribute_definitions as service
from app.web import admin_pages
from app.web.access import current_actor, requires
from app.web.forms.admin import DefinitionForm

blueprint = Blueprint("definitions", __name__)


@blueprint.get("/admin/attributes")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    text, part = admin_pages.asked()
    page = queries.list_page(get_session(), current_actor(), text, part)
    return admin_pages.show_list("attribute_definitions/index.html", "definitions.index", text, page)


@blueprint.route("/admin/attributes/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def new() -> Response:
    """Add one."""
    session, actor = get_session(), current_actor()
    form = DefinitionForm()
    context = _context(_("New attribute"))
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    return admin_pages.save_new(
        form, "attribute_definitions.create", given, lambda: service.create(session, actor, given), context
    )


@blueprint.route("/admin/attributes/<uuid:definition_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def edit(definition_id: uuid.UUID) -> Response:
    """Edit one; an older revision shows both values."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, definition_id)
    form = DefinitionForm(data={**_values(row), "revision": row.revision})
    context = _context(_("Edit attribute"), row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    return admin_pages.save_edit(
        form,
        lambda: service.update(session, actor, definition_id, form.to_input(), revision=form.seen_revision),
        lambda: _values(queries.get(session, actor, definition_id)),
        context,
    )


@blueprint.route("/admin/attributes/<uuid:definition_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(definition_id: uuid.UUID) -> Response:
    """Ask, and deactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, definition_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.deactivate(session, actor, definition_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/attributes/<uuid:definition_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def reactivate(definition_id: uuid.UUID) -> Response:
    """Ask, and reactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, definition_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.reactivate(session, actor, definition_id, revision=revision),
        _state_context(row, is_closing=False),
    )


def _values(row: AttributeDefinition) -> dict[str, Any]:
    plain = {
        name: getattr(row, name) for name in ("label", "key", "type", "group", "is_in_list", "is_sensitive")
    }
    return plain | {"choices": "\r\n".join(row.choices), "position": str(row.position)}


def _context(title: str, row: AttributeDefinition | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "field_names": (
            "label",
            "key",
            "type",
            "choices",
            "group",
            "position",
            "is_in_list",
            "is_sensitive",
        ),
        "row": row,
        "links": [],
        "back_url": url_for("definitions.index"),
        "back_label": _("All attributes"),
        "done": _("Saved."),
    }


def _state_context(row: AttributeDefinition, *, is_closing: bool) -> dict[str, Any]:
    return _context(_("Retire this attribute?") if is_closing else _("Use this attribute again?"), row) | {
        "name": row.label,
        "advice": _("The values that customers have stay and are shown as text.")
        if is_closing
        else _("It is asked again on every profile."),
        "button": _("Retire attribute") if is_closing else _("Use again"),
        "is_danger": is_closing,
    }
