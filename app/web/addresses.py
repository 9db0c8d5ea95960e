"""A customer's addresses: list, add, edit, delete."""

import uuid
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app.db import transaction
from app.domain.addresses import FIELD_LABELS
from app.domain.permissions import Permission
from app.errors import STATUS, Conflict, Invalid, NotFound, Stale
from app.models import Address, Customer
from app.queries import customers as queries
from app.request_session import get_session
from app.services import addresses, holds, idempotency
from app.web import conflicts, htmx, profiles
from app.web.access import current_actor, requires
from app.web.forms import addresses as forms
from app.web.forms.base import BaseForm, RevisionMixin

blueprint = Blueprint("addresses", __name__)


class DeleteForm(RevisionMixin, BaseForm):
    """Only the revision that was looked at."""


@blueprint.get("/customers/<uuid:customer_id>/addresses")
@requires(Permission.CUSTOMER_VIEW)
def index(customer_id: uuid.UUID) -> Response:
    """Show the addresses section."""
    return _index(customer_id)


@blueprint.route("/customers/<uuid:customer_id>/addresses/new", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def new(customer_id: uuid.UUID) -> Response:
    """Add an address."""
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id)
    save_url = url_for("addresses.new", customer_id=customer_id)
    if request.method == "GET":
        holds.refuse(session, actor, customer_id)
        country = customer.country_code or (current_user.store.country_code if current_user.store else "")
        start = {
            "country_code": country,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "revision": customer.revision,
        }
        return _form("new", customer, None, forms.build(country, formdata=None, data=start), save_url)
    form = forms.build(request.form.get("country_code", ""))
    if "change_country" in request.form:
        return _form("new", customer, None, form, save_url)
    if not form.validate_on_submit():
        return _form("new", customer, None, form, save_url, status=422)
    given = form.to_input()
    try:
        with transaction(session):
            idempotency.once(
                session,
                actor,
                f"addresses.create:{customer_id}",
                form.sent_key,
                {"address": repr(given)},
                lambda: addresses.create(session, actor, customer_id, given).id,
            )
    except (Invalid, Conflict) as error:
        form.apply_errors(error)
        status = STATUS[type(error)]
        return _form("new", queries.get(session, actor, customer_id), None, form, save_url, status=status)
    return _saved(customer_id)


@blueprint.route("/customers/<uuid:customer_id>/addresses/<uuid:address_id>/edit", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def edit(customer_id: uuid.UUID, address_id: uuid.UUID) -> Response:
    """Edit an address; what others saved meanwhile is merged or asked about."""
    try:
        return _edit(customer_id, address_id)
    except NotFound:
        if not _is_deleted(customer_id, address_id):
            raise
    # Somebody deleted it meanwhile: what was typed can be saved as a new one.
    sent = MultiDict({**request.form.to_dict(), **conflicts.chosen()})
    form = forms.build(sent.get("country_code", ""), formdata=sent)
    form.idempotency_key.data = uuid.uuid4().hex
    form.apply_errors(Conflict(message=_("Somebody deleted this address meanwhile. Save it as a new one?")))
    customer = queries.get(get_session(), current_actor(), customer_id)
    return _form("new", customer, None, form, url_for("addresses.new", customer_id=customer_id), status=409)


def _edit(customer_id: uuid.UUID, address_id: uuid.UUID) -> Response:
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id)
    address = addresses.get(session, actor, customer_id, address_id)
    save_url = url_for("addresses.edit", customer_id=customer_id, address_id=address_id)
    if request.method == "GET":
        holds.refuse(session, actor, customer_id)
        start = {name: getattr(address, name) for name in FIELD_LABELS} | {"revision": customer.revision}
        form = forms.build(address.country_code, formdata=None, data=start)
        return _form("edit", customer, address, form, save_url)
    sent = MultiDict({**request.form.to_dict(), **conflicts.chosen()})
    form = forms.build(sent.get("country_code", ""), formdata=sent)
    if "change_country" in sent:
        return _form("edit", customer, address, form, save_url)
    if not form.validate_on_submit():
        return _form("edit", customer, address, form, save_url, status=422)
    try:
        with transaction(session):
            addresses.update(
                session, actor, customer_id, address_id, form.to_input(), revision=form.seen_revision
            )
    except Invalid as error:
        form.apply_errors(error)
        customer = queries.get(session, actor, customer_id)
        address = addresses.get(session, actor, customer_id, address_id)
        return _form("edit", customer, address, form, save_url, status=422)
    except Stale as error:
        address = addresses.get(session, actor, customer_id, address_id)
        return conflicts.answer(
            error,
            queries.get(session, actor, customer_id),
            current={name: getattr(address, name) for name in FIELD_LABELS},
            labels=FIELD_LABELS,
            save_url=save_url,
            cancel_url=url_for("addresses.index", customer_id=customer_id),
        )
    return _saved(customer_id)


@blueprint.route("/customers/<uuid:customer_id>/addresses/<uuid:address_id>/delete", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def delete(customer_id: uuid.UUID, address_id: uuid.UUID) -> Response:
    """Ask whether the address shall go; delete it. Whoever sends it again finds it done."""
    try:
        return _delete(customer_id, address_id)
    except NotFound:
        if not _is_deleted(customer_id, address_id):
            raise
    return _saved(customer_id)


def _is_deleted(customer_id: uuid.UUID, address_id: uuid.UUID) -> bool:
    session, actor = get_session(), current_actor()
    if request.method == "GET":
        return False
    queries.get(session, actor, customer_id)
    return addresses.was_deleted(session, customer_id, address_id)


def _delete(customer_id: uuid.UUID, address_id: uuid.UUID) -> Response:
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id)
    address = addresses.get(session, actor, customer_id, address_id)
    if request.method == "GET":
        holds.refuse(session, actor, customer_id)
    form = DeleteForm(data={"revision": customer.revision})
    status = 200
    if form.validate_on_submit():
        try:
            with transaction(session):
                addresses.delete(session, actor, customer_id, address_id, revision=form.seen_revision)
        except Stale:
            # Somebody changed it meanwhile: show it as it is now and ask again.
            customer = queries.get(session, actor, customer_id)
            address = addresses.get(session, actor, customer_id, address_id)
            form = DeleteForm(formdata=None, data={"revision": customer.revision})
            status = 409
        else:
            return _saved(customer_id)
    elif form.is_submitted():
        status = 422
    return htmx.render(
        "addresses/delete.html",
        fragment="addresses/_delete.html",
        status=status,
        customer=customer,
        address=address,
        form=form,
    )


def _form(
    page: str,
    customer: Customer,
    address: Address | None,
    form: forms.AddressForm,
    save_url: str,
    *,
    status: int = 200,
) -> Response:
    context: dict[str, Any] = {
        "customer": customer,
        "address": address,
        "form": form,
        "form_fields": form.field_names,
        "save_url": save_url,
    }
    return htmx.render(f"addresses/{page}.html", fragment="addresses/_form.html", status=status, **context)


def _index(customer_id: uuid.UUID) -> Response:
    session, actor = get_session(), current_actor()
    customer = queries.show(session, actor, customer_id)
    return htmx.render(
        "addresses/index.html",
        fragment="addresses/_list.html",
        **profiles.addresses(session, actor, customer),
    )


def _saved(customer_id: uuid.UUID) -> Response:
    if htmx.wants_fragment():
        session, actor = get_session(), current_actor()
        customer = queries.show(session, actor, customer_id)
        return Response(
            render_template("addresses/_list.html", **profiles.addresses(session, actor, customer))
        )
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))
