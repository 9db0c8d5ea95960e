"""Registered addresses: list, new, edit, secret, deliveries, replay and test."""

import uuid
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain.events import DeliveryState
from app.domain.permissions import Permission
from app.errors import STATUS, Conflict, Invalid
from app.models import Webhook
from app.queries import webhooks as queries
from app.request_session import get_session
from app.services import idempotency
from app.services import webhooks as service
from app.services.sealing import Sealer
from app.web import admin_pages, htmx
from app.web.access import current_actor, current_settings, polled, requires
from app.web.forms.base import ActForm
from app.web.forms.webhooks import WebhookForm
from app.web.language import say

blueprint = Blueprint("webhooks", __name__)


@blueprint.get("/admin/webhooks")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    session, actor = get_session(), current_actor()
    text, part = admin_pages.asked()
    page = queries.list_page(session, actor, text, part)
    urls = {
        "previous_url": url_for("webhooks.index", q=text or None, offset=page.previous_offset),
        "next_url": url_for("webhooks.index", q=text or None, offset=page.next_offset),
    }
    counts = queries.counts(session, actor, [row.id for row in page.items])
    return htmx.render("webhooks/index.html", page=page, text=text, urls=urls, counts=counts)


@blueprint.route("/admin/webhooks/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def new() -> Response:
    """Add one, and show its secret once."""
    session, actor = get_session(), current_actor()
    form = WebhookForm()
    context = _context(_("New webhook"))
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    made: list[tuple[Webhook, str]] = []

    def create() -> uuid.UUID:
        made.append(service.create(session, actor, columns, _sealer()))
        return made[0][0].id

    try:
        # Before the transaction: the network may take seconds to say whose name it is.
        columns = given.check(allow_private=current_settings().webhook_allow_private)
        with transaction(session):
            webhook_id = idempotency.once(
                session,
                actor,
                "webhooks.create",
                form.sent_key,
                {"given": repr(given)},
                create,
            )
    except (Invalid, Conflict) as error:
        status = STATUS[type(error)]
        return admin_pages.show_form(form, context, messages=form.apply_errors(error), status=status)
    if not made:
        flash(admin_pages.shown_before(), "warn")
        return htmx.see_other(url_for("webhooks.show", webhook_id=webhook_id))
    return _show_secret(*made[0])


@blueprint.get("/admin/webhooks/<uuid:webhook_id>")
@requires(Permission.ADMIN_MANAGE)
@polled
def show(webhook_id: uuid.UUID) -> Response:
    """Show one with its deliveries."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, webhook_id)
    _text, part = admin_pages.asked()
    state = _state()
    page = queries.deliveries(session, actor, webhook_id, part, state)

    def link(**over: Any) -> str:
        values = {"state": state, "offset": page.offset or None} | over
        return url_for("webhooks.show", webhook_id=webhook_id, **values)

    return htmx.render(
        "webhooks/show.html",
        fragment="webhooks/_deliveries.html",
        row=row,
        page=page,
        state=state,
        states=list(DeliveryState),
        counts={one: count for (_id, one), count in queries.counts(session, actor, [row.id]).items()},
        urls={
            "previous_url": link(offset=page.previous_offset),
            "next_url": link(offset=page.next_offset),
            "own_url": link(),
        },
    )


@blueprint.route("/admin/webhooks/<uuid:webhook_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def edit(webhook_id: uuid.UUID) -> Response:
    """Edit one; an older revision shows both values."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, webhook_id)
    form = WebhookForm(data={**_values(row), "revision": row.revision})
    context = _context(_("Edit webhook"), row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    try:
        columns = form.to_input().check(allow_private=current_settings().webhook_allow_private)
    except Invalid as error:
        return admin_pages.show_form(form, context, messages=form.apply_errors(error), status=422)
    return admin_pages.save_edit(
        form,
        lambda: service.change(session, actor, webhook_id, columns, revision=form.seen_revision),
        lambda: _values(queries.get(session, actor, webhook_id)),
        context,
    )


@blueprint.route("/admin/webhooks/<uuid:webhook_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(webhook_id: uuid.UUID) -> Response:
    """Ask, and deactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, webhook_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.deactivate(session, actor, webhook_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/webhooks/<uuid:webhook_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def reactivate(webhook_id: uuid.UUID) -> Response:
    """Ask, and reactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, webhook_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.reactivate(session, actor, webhook_id, revision=revision),
        _state_context(row, is_closing=False),
    )


@blueprint.route("/admin/webhooks/<uuid:webhook_id>/rotate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def rotate(webhook_id: uuid.UUID) -> Response:
    """Ask, and make a new secret, shown once."""
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, webhook_id)
    form = ActForm()
    if form.validate_on_submit():
        with transaction(session):
            row, secret = service.rotate(session, actor, webhook_id, _sealer())
        return _show_secret(row, secret)
    context = _context(_("Make a new secret?"), row) | {
        "name": row.name,
        "advice": _(
            "Deliveries are signed with the old and the new one for 24 hours, then with the new one."
        ),
        "button": _("Make a new secret"),
        "is_danger": False,
        "back_url": url_for("webhooks.show", webhook_id=webhook_id),
        "back_label": row.name,
    }
    return htmx.render(
        "admin/state.html",
        status=422 if form.is_submitted() else 200,
        form=form,
        messages=[],
        action_url=request.path,
        **context,
    )


@blueprint.post("/admin/webhooks/<uuid:webhook_id>/test")
@requires(Permission.ADMIN_MANAGE)
def test(webhook_id: uuid.UUID) -> Response:
    """Send a test event."""
    session, actor = get_session(), current_actor()
    try:
        with transaction(session):
            service.test(session, actor, webhook_id)
        flash(_("A test event is on its way."), "ok")
    except Conflict as error:
        flash(say(error.message), "warn")
    return htmx.see_other(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post("/admin/webhooks/<uuid:webhook_id>/replay")
@requires(Permission.ADMIN_MANAGE)
def replay_dead(webhook_id: uuid.UUID) -> Response:
    """Send again what was given up."""
    session, actor = get_session(), current_actor()
    with transaction(session):
        count = service.replay_dead(session, actor, webhook_id)
    flash(_("Deliveries that are sent again: %(count)s", count=count), "ok")
    return htmx.see_other(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post("/admin/webhooks/deliveries/<uuid:delivery_id>/replay")
@requires(Permission.ADMIN_MANAGE)
def replay(delivery_id: uuid.UUID) -> Response:
    """Send one event again."""
    session, actor = get_session(), current_actor()
    webhook_id = queries.webhook_of(session, actor, delivery_id)
    try:
        with transaction(session):
            service.replay(session, actor, delivery_id)
        flash(_("The event is sent again."), "ok")
    except Conflict as error:
        flash(say(error.message), "warn")
    return htmx.see_other(url_for("webhooks.show", webhook_id=webhook_id))


def _show_secret(row: Webhook, secret: str) -> Response:
    return htmx.render("webhooks/secret.html", row=row, secret=secret)


def _sealer() -> Sealer:
    return Sealer(current_settings().secret_keys)


def _values(row: Webhook) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "url", "kinds")}


def _state() -> DeliveryState | None:
    given = request.args.get("state", "")
    try:
        return DeliveryState(given) if given else None
    except ValueError:
        message = _("There is no such state of a delivery.")
        raise Invalid({"state": [message]}, message) from None


def _context(title: str, row: Webhook | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "field_names": ("name", "url", "kinds"),
        "row": row,
        "links": [],
        "back_url": url_for("webhooks.show", webhook_id=row.id) if row else url_for("webhooks.index"),
        "back_label": row.name if row else _("All webhooks"),
        "done": _("Saved."),
    }


def _state_context(row: Webhook, *, is_closing: bool) -> dict[str, Any]:
    return _context(
        _("Deactivate this webhook?") if is_closing else _("Activate this webhook again?"), row
    ) | {
        "name": row.name,
        "advice": _("What waits for it stays and is sent when it is activated again. New events pass it by.")
        if is_closing
        else _("What waited for it is sent now."),
        "button": _("Deactivate") if is_closing else _("Activate"),
        "is_danger": is_closing,
    }
