"""API clients: list, new, edit, a new secret, tokens, deactivate and reactivate."""

import uuid
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain.permissions import SCOPE_LABELS, Permission, Scope
from app.errors import STATUS, Conflict, Invalid, Stale
from app.models import ApiClient
from app.queries import stores
from app.queries import tokens as queries
from app.request_session import get_session
from app.services import api_clients as service
from app.services import idempotency, tokens
from app.web import admin_pages, htmx
from app.web.access import current_actor, requires
from app.web.confirmations import recently_confirmed
from app.web.forms.admin import ApiClientForm
from app.web.language import say

blueprint = Blueprint("api_clients", __name__)

_FIELDS = ("name", "scopes", "every_store", "store_ids")


@blueprint.get("/admin/api-clients")
@requires(Permission.ADMIN_MANAGE)
def index() -> Response:
    """Show the list."""
    rows = queries.list_clients(get_session(), current_actor())
    return htmx.render("api_clients/index.html", rows=rows, scope_names=_scope_names)


@blueprint.route("/admin/api-clients/new", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def new() -> Response:
    """Add one; its secret is shown in the answer and never again."""
    session, actor = get_session(), current_actor()
    form = _form()
    context = _context(_("New API client"))
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    given = form.to_input()
    made: list[service.NewSecret] = []

    def create() -> uuid.UUID:
        made.append(service.create(session, actor, given))
        return made[0].client.id

    try:
        with transaction(session):
            client_id = idempotency.once(
                session,
                actor,
                "api_clients.create",
                form.sent_key,
                {
                    "name": given.name,
                    "scopes": sorted(given.scopes),
                    "stores": sorted(map(str, given.store_ids)),
                    "every_store": given.every_store,
                },
                create,
            )
    except (Invalid, Conflict) as error:
        status = STATUS[type(error)]
        return admin_pages.show_form(form, context, messages=form.apply_errors(error), status=status)
    if not made:
        flash(admin_pages.shown_before(), "warn")
        return htmx.see_other(url_for("api_clients.show", api_client_id=client_id))
    return _show_secret(made[0])


@blueprint.get("/admin/api-clients/<uuid:api_client_id>")
@requires(Permission.ADMIN_MANAGE)
def show(api_client_id: uuid.UUID) -> Response:
    """Show one with its tokens."""
    session, actor = get_session(), current_actor()
    row = queries.get_client(session, actor, api_client_id)
    found = queries.list_tokens(session, actor, api_client_id)
    return htmx.render(
        "api_clients/show.html", row=row, scope_names=_scope_names, tokens=found, state=tokens.state_of
    )


@blueprint.route("/admin/api-clients/<uuid:api_client_id>/edit", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def edit(api_client_id: uuid.UUID) -> Response:
    """Edit one; an older revision shows both values."""
    session, actor = get_session(), current_actor()
    row = queries.get_client(session, actor, api_client_id)
    form = _form(data={**_values(row), "revision": row.revision})
    context = _context(_("Edit API client"), row)
    if not form.validate_on_submit():
        return admin_pages.show_form(form, context)
    return admin_pages.save_edit(
        form,
        lambda: service.update(session, actor, api_client_id, form.to_input(), revision=form.seen_revision),
        lambda: _values(queries.get_client(session, actor, api_client_id)),
        context,
    )


@blueprint.route("/admin/api-clients/<uuid:api_client_id>/secret", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def secret(api_client_id: uuid.UUID) -> Response:
    """Ask, and make a new secret, which is shown once."""
    session, actor = get_session(), current_actor()
    row = queries.get_client(session, actor, api_client_id)
    form = admin_pages.StateForm(data={"revision": row.revision})
    messages: list[str] = []
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction(session):
                made = service.rotate_secret(session, actor, api_client_id, revision=form.seen_revision)
            return _show_secret(made)
        except Stale as error:
            messages, status = [say(error.message)], 409
            form = admin_pages.StateForm(formdata=None, data={"revision": error.current_revision})
        except Invalid as error:
            messages = [say(error.message)]
    context = _context(_("Make a new secret?"), row) | {
        "action_url": request.path,
        "name": row.name,
        "advice": _("The old secret and all tokens stop working at once. Put the new one in right away."),
        "button": _("Make a new secret"),
        "is_danger": True,
    }
    return htmx.render("admin/state.html", status=status, form=form, messages=messages, **context)


@blueprint.post("/admin/api-clients/<uuid:api_client_id>/tokens/<uuid:token_id>/revoke")
@requires(Permission.ADMIN_MANAGE)
def revoke(api_client_id: uuid.UUID, token_id: uuid.UUID) -> Response:
    """Revoke a token and those that were renewed from it."""
    session, actor = get_session(), current_actor()
    with transaction(session):
        tokens.revoke(session, actor, api_client_id, token_id)
    flash(_("Revoked. It opens nothing from now on."), "ok")
    return htmx.see_other(url_for("api_clients.show", api_client_id=api_client_id))


@blueprint.route("/admin/api-clients/<uuid:api_client_id>/deactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
def deactivate(api_client_id: uuid.UUID) -> Response:
    """Ask, and deactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get_client(session, actor, api_client_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.deactivate(session, actor, api_client_id, revision=revision),
        _state_context(row, is_closing=True),
    )


@blueprint.route("/admin/api-clients/<uuid:api_client_id>/reactivate", methods=["GET", "POST"])
@requires(Permission.ADMIN_MANAGE)
@recently_confirmed
def reactivate(api_client_id: uuid.UUID) -> Response:
    """Ask, and reactivate."""
    session, actor = get_session(), current_actor()
    row = queries.get_client(session, actor, api_client_id)
    return admin_pages.change_state(
        row,
        lambda revision: service.reactivate(session, actor, api_client_id, revision=revision),
        _state_context(row, is_closing=False),
    )


def _show_secret(made: service.NewSecret) -> Response:
    # Shown in this answer and nowhere kept: a cookie could be read by others.
    back_url = url_for("api_clients.show", api_client_id=made.client.id)
    return htmx.render("api_clients/secret.html", row=made.client, secret=made.secret, back_url=back_url)


def _scope_names(row: ApiClient) -> list[str]:
    return [_(SCOPE_LABELS[scope]) for scope in Scope if scope.value in row.scopes.split()]


def _form(**values: Any) -> ApiClientForm:
    return ApiClientForm(stores=stores.choices(get_session(), current_actor()), **values)


def _values(row: ApiClient) -> dict[str, Any]:
    return {
        "name": row.name,
        "scopes": row.scopes.split(),
        "every_store": row.every_store,
        "store_ids": [str(store.id) for store in row.stores],
    }


def _context(title: str, row: ApiClient | None = None) -> dict[str, Any]:
    if row is None:
        back_url, back_label = url_for("api_clients.index"), _("All API clients")
    else:
        back_url, back_label = url_for("api_clients.show", api_client_id=row.id), row.name
    return {
        "title": title,
        "field_names": _FIELDS,
        "row": row,
        "links": [],
        "back_url": back_url,
        "back_label": back_label,
        "done": _("Saved."),
    }


def _state_context(row: ApiClient, *, is_closing: bool) -> dict[str, Any]:
    return _context(
        _("Deactivate this API client?") if is_closing else _("Let this API client in again?"), row
    ) | {
        "name": row.name,
        "advice": _("All its tokens stop working at once. What it did stays.")
        if is_closing
        else _("It can ask for tokens again with the secret that it had."),
        "button": _("Deactivate") if is_closing else _("Reactivate"),
        "is_danger": is_closing,
    }
