"""Associates: list, new, edit, set a password, deactivate and reactivate."""

import uuid
from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from app.domain import passwords
from app.domain.permissions import Permission
from app.errors import Invalid
from app.models import Associate
from app.queries import associates as queries
from app.queries import stores
from app.request_session import get_session
from app.services import associates as service
from app.services import sign_in
from app.web import admin_pages, htmx
from app.web.access import current_actor, requires
from app.web.confirmations import recently_confirmed
from app.web.forms.admin import AssociateForm, AssociatePasswordForm

blueprint = Blueprint("associates", __name__)


@blueprint.get("/admin/associates")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    text, part = admin_pages.asked()
    page = queries.list_page(get_session(), current_actor(), text, part)
    return admin_pages.show_list("associates/index.html", "associates.index", text, page)


@blueprint.route("/admin/associates/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def new() -> Response:
    """Add one."""
    session, actor = get_session(), current_actor()
    form = _form()
    # Without a password they cannot sign in.
    context = _context(_("New associate")) | {
        "done": _("Saved. Now give them a password."),
        "after": lambda made_id: url_for("associates.password", associate_id=made_id),
    }
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    return admin_pages.save_new(
        form, "associates.create", given, lambda: service.create(session, actor, given), context
    )


@blueprint.route("/admin/associates/<uuid:associate_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def edit(associate_id: uuid.UUID) -> Response:
    """Edit one; an older revision shows both values."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, associate_id)
    form = _form(data={**_values(row), "revision": row.revision})
    context = _context(_("Edit associate"), row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    return admin_pages.save_edit(
        form,
        lambda: service.update(session, actor, associate_id, form.to_input(), revision=form.seen_revision),
        lambda: _values(queries.get(session, actor, associate_id)),
        context,
    )


@blueprint.route("/admin/associates/<uuid:associate_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(associate_id: uuid.UUID) -> Response:
    """Ask, and deactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, associate_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.deactivate(session, actor, associate_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/associates/<uuid:associate_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def reactivate(associate_id: uuid.UUID) -> Response:
    """Ask, and reactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, associate_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.reactivate(session, actor, associate_id, revision=revision),
        _state_context(row, is_closing=False),
    )


@blueprint.route("/admin/associates/<uuid:associate_id>/password", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def password(associate_id: uuid.UUID) -> Response:
    """Give the associate the typed password, or one made here and shown once."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, associate_id)
    form = AssociatePasswordForm(data={"revision": row.revision})
    context = _context(_("Set a password"), row) | {"field_names": ("password",)}
    context["hint"] = _("Leave it empty to have one made, which is shown once.")
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    chosen = form.password.data or passwords.generate()
    try:
        hashed = sign_in.hash_password(chosen, email=row.email)
    except Invalid as error:
        return admin_pages.show_form(form, context, messages=form.apply_errors(error))
    response = admin_pages.save_edit(
        form,
        lambda: service.set_password(session, actor, associate_id, hashed, revision=form.seen_revision),
        dict,
        context,
    )
    if form.password.data or response.status_code != 303:
        return response
    # Shown in this answer and nowhere kept: a cookie could be read by others.
    return htmx.render("associates/password.html", password=chosen, **context)


def _form(**values: Any) -> AssociateForm:
    return AssociateForm(stores=stores.choices(get_session(), current_actor()), **values)


def _values(row: Associate) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in ("first_name", "last_name", "email", "role")}
    return plain | {"store_ids": [str(store.id) for store in row.stores]}


def _context(title: str, row: Associate | None = None) -> dict[str, Any]:
    links = [(url_for("associates.password", associate_id=row.id), _("Set a password"))] if row else []
    return {
        "title": title,
        "field_names": ("first_name", "last_name", "email", "role", "store_ids"),
        "row": row,
        "links": links,
        "back_url": url_for("associates.index"),
        "back_label": _("All associates"),
        "done": _("Saved."),
    }


def _state_context(row: Associate, *, is_closing: bool) -> dict[str, Any]:
    return _context(
        _("Deactivate this associate?") if is_closing else _("Let this associate in again?"), row
    ) | {
        "name": row.name,
        "advice": _("They are signed out everywhere at once. What they did stays.")
        if is_closing
        else _("They can sign in with their old password."),
        "button": _("Deactivate") if is_closing else _("Reactivate"),
        "is_danger": is_closing,
    }
