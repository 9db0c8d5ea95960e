"""Wordings of consent: list, new, new version, preview, retire and use again."""

import uuid
from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from app.domain import consent_wordings, customer_words
from app.domain.consents import Channel, Purpose
from app.domain.permissions import Permission
from app.models import ConsentWording
from app.queries import consent_wordings as queries
from app.request_session import get_session
from app.services import consent_wordings as service
from app.web import admin_pages, consents, filters, htmx
from app.web.access import current_actor, requires
from app.web.forms.wordings import WordingForm

blueprint = Blueprint("wordings", __name__)


@blueprint.get("/admin/wordings")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    text, part = admin_pages.asked()
    page = queries.list_page(get_session(), current_actor(), text, part)
    return admin_pages.show_list("wordings/index.html", "wordings.index", text, page)


@blueprint.get("/admin/wordings/<uuid:wording_id>")
@requires(Permission.ADMIN_MANAGE)
def show(wording_id: uuid.UUID) -> Response:
    """Show a wording as the customer reads it."""
    row = queries.get(get_session(), current_actor(), wording_id)
    channels = [Channel(value) for value in row.channels] or list(Channel)
    return htmx.render(
        "wordings/show.html",
        row=row,
        direction=consent_wordings.direction(row.language),
        words=customer_words.words(row.language),
        block=consents.blocks({(channel, Purpose(row.purpose)): row for channel in channels})[0],
    )


@blueprint.route("/admin/wordings/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def new() -> Response:
    """Add one."""
    session, actor = get_session(), current_actor()
    form = WordingForm()
    context = _context(_("New wording"))
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    return admin_pages.save_new(
        form, "consent_wordings.create", given, lambda: service.create(session, actor, given), context
    )


@blueprint.route("/admin/wordings/<uuid:wording_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def edit(wording_id: uuid.UUID) -> Response:
    """Edit one that nobody saw yet; of one in use a new version is made, and it stays as it is."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, wording_id)
    form = WordingForm(data={**_values(row), "revision": row.revision})
    title = _("New version") if row.used_at else _("Edit wording")
    context = _context(title, row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    return admin_pages.save_edit(
        form,
        lambda: service.save(session, actor, wording_id, form.to_input(), revision=form.seen_revision),
        lambda: _values(queries.get(session, actor, wording_id)),
        context,
    )


@blueprint.route("/admin/wordings/<uuid:wording_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(wording_id: uuid.UUID) -> Response:
    """Ask, and retire."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, wording_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.retire(session, actor, wording_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/wordings/<uuid:wording_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def reactivate(wording_id: uuid.UUID) -> Response:
    """Ask, and use it again."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, wording_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.use_again(session, actor, wording_id, revision=revision),
        _state_context(row, is_closing=False),
    )


def _values(row: ConsentWording) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in ("key", "purpose", "channels", "language", "title")}
    return plain | {"text": row.text.replace("\n", "\r\n")}


def _context(title: str, row: ConsentWording | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "field_names": ("title", "text", "language", "purpose", "channels", "key"),
        "row": row,
        "links": [],
        "back_url": url_for("wordings.index"),
        "back_label": _("All wordings"),
        "done": _("Saved."),
    }


def _state_context(row: ConsentWording, *, is_closing: bool) -> dict[str, Any]:
    return _context(_("Retire this wording?") if is_closing else _("Use this wording again?"), row) | {
        "name": f"{row.title} ({filters.language_name(row.language)}, {row.label})",
        "advice": _("Nobody is asked with it any more. What was agreed with it stays.")
        if is_closing
        else _("Customers are asked with it again, unless there is a newer version."),
        "button": _("Retire wording") if is_closing else _("Use again"),
        "is_danger": is_closing,
    }
