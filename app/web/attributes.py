"""A customer's extended attributes: sizes and preferences."""

import uuid

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.domain.audit import AccessAction
from app.domain.permissions import Permission
from app.errors import Invalid, Stale
from app.models import Customer
from app.queries import customers as queries
from app.request_session import get_session
from app.services import attributes, customers, holds
from app.web import conflicts, htmx, profiles
from app.web.access import current_actor, requires
from app.web.forms import attributes as forms

blueprint = Blueprint("attributes", __name__)


@blueprint.get("/customers/<uuid:customer_id>/attributes")
@requires(Permission.CUSTOMER_VIEW)
def index(customer_id: uuid.UUID) -> Response:
    """Show the preferences section."""
    return _index(customer_id)


@blueprint.post("/customers/<uuid:customer_id>/attributes/reveal")
@requires(Permission.CUSTOMER_REVEAL)
def reveal(customer_id: uuid.UUID) -> Response:
    """Show the sensitive preferences as well; that they were asked for is noted."""
    session, actor = get_session(), current_actor()
    with transaction(session, one_change=True):
        customers.look_at(session, actor, customer_id, AccessAction.REVEALED, detail="attributes")
    return _index(customer_id, is_revealed=True)


@blueprint.route("/customers/<uuid:customer_id>/attributes/edit", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def edit(customer_id: uuid.UUID) -> Response:
    """Edit sizes and preferences; what others saved meanwhile is merged or asked about."""
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id, Customer.extended_attributes)
    definitions = attributes.definitions(session)
    current = {row.name: row.value for row in customer.extended_attributes}
    form = forms.build(definitions, current)
    if request.method == "GET":
        holds.refuse(session, actor, customer_id)
        _note(customer)
        form.revision.data = str(customer.revision)
        return _form(customer, form)
    if not form.validate_on_submit():
        _note(customer)
        return _form(customer, form, status=422)
    chosen = {name.removeprefix(forms.PREFIX): value for name, value in conflicts.chosen().items()}
    if chosen:
        carried = {
            key: request.form[forms.PREFIX + key] for key in definitions if forms.PREFIX + key in request.form
        }
        given = carried | {key: value for key, value in chosen.items() if key in definitions}
    else:
        given = forms.given(form, definitions)
    try:
        with transaction(session):
            attributes.change(session, actor, customer_id, given, revision=form.seen_revision)
    except Invalid as error:
        named = {key.replace("attribute.", forms.PREFIX, 1): reasons for key, reasons in error.fields.items()}
        form.apply_errors(Invalid(named))
        customer = queries.get(session, actor, customer_id, Customer.extended_attributes)
        _note(customer)
        return _form(customer, form, status=422)
    except Stale as error:
        customer = queries.get(session, actor, customer_id, Customer.extended_attributes)
        saved = {row.name: row.value for row in customer.extended_attributes if row.name in definitions}
        _note(customer)
        return conflicts.answer(
            error,
            customer,
            current=saved,
            labels={key: definition.label for key, definition in attributes.definitions(session).items()},
            save_url=url_for("attributes.edit", customer_id=customer_id),
            cancel_url=url_for("attributes.index", customer_id=customer_id),
            prefix=forms.PREFIX,
        )
    if htmx.wants_fragment():
        return _index(customer_id)
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


def _note(customer: Customer) -> None:
    """Note that the answer shows what the section hides: the form does, and the page of a conflict."""
    session, actor, definitions = get_session(), current_actor(), attributes.definitions(get_session())
    held = [definitions[row.name] for row in customer.extended_attributes if row.name in definitions]
    if any(definition.is_sensitive for definition in held):
        with transaction(session, one_change=True):
            customers.look_at(session, actor, customer.id, AccessAction.REVEALED, detail="attributes")


def _form(customer: Customer, form: forms.AttributesForm, *, status: int = 200) -> Response:
    definitions = attributes.definitions(get_session())
    return htmx.render(
        "attributes/edit.html",
        fragment="attributes/_form.html",
        status=status,
        customer=customer,
        form=form,
        field_groups=forms.groups(form, definitions),
    )


def _index(customer_id: uuid.UUID, *, is_revealed: bool = False) -> Response:
    session, actor = get_session(), current_actor()
    customer = queries.show(session, actor, customer_id)
    return htmx.render(
        "attributes/index.html",
        fragment="attributes/_list.html",
        **profiles.extended_attributes(session, actor, customer, is_revealed=is_revealed),
    )
