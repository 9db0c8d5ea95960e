"""Customers: the list and search, the profile, contact data, history."""

import uuid
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.db import transaction
from app.domain import values
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.customers import FIELD_LABELS
from app.domain.paging import PageRequest
from app.domain.permissions import Permission
from app.domain.searches import CustomerList, CustomerQuery, CustomerSort
from app.errors import STATUS, Conflict, Invalid, NotFound, Stale
from app.models import Customer
from app.queries import audit as audit_queries
from app.queries import customers as queries
from app.queries import search as search_queries
from app.queries import search_whole
from app.request_session import get_session
from app.services import attributes, audit, customers, holds, idempotency
from app.web import conflicts, form_store, htmx, list_log, paging, profiles
from app.web.access import current_actor, current_settings, requires
from app.web.filters import html_lang
from app.web.forms.customers import ContactForm, NewCustomerForm

blueprint = Blueprint("customers", __name__)

PAGE = 25
HISTORY_PAGE = 20
# What the form calls the filters; the order of the list is none.
FILTERS = ("attribute_name", "attribute_value", "associate_id", "consent_state")
# With fewer hits than this, those on hold are looked for as well.
FEW = 5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the search form holds, as it was sent."""

    text: str = ""
    list: str = CustomerList.OPTED_IN.value
    attribute_name: str = ""
    attribute_value: str = ""
    associate_id: str = ""
    consent_state: str = ""
    sort: str = ""

    @property
    def is_filtered(self) -> bool:
        """True when a filter or an order is set."""
        return any((*(getattr(self, name) for name in FILTERS), self.sort))

    @property
    def is_narrowed(self) -> bool:
        """True when a filter leaves customers out; an attribute without its value leaves nobody out."""
        has_attribute = bool(self.attribute_name and self.attribute_value)
        return has_attribute or bool(self.associate_id or self.consent_state)

    def to_query(self, actor: Actor, offset: int) -> CustomerQuery:
        """Return the query of the domain; raises Invalid for anything that the form does not offer."""
        try:
            return CustomerQuery(
                text=self.text,
                list=CustomerList(self.list),
                store_id=actor.store_id,
                attribute_name=self.attribute_name if self.attribute_value else "",
                attribute_value=_stored(self.attribute_value) if self.attribute_name else "",
                created_by_id=uuid.UUID(self.associate_id) if self.associate_id else None,
                opt_in_state=self.consent_state,
                sort=CustomerSort(self.sort or "relevance"),
                page=PageRequest(offset=offset, count=PAGE),
            )
        except ValueError:
            raise Invalid({"": [_("Choose one of the lists, filters and orders of the page.")]}) from None


def _stored(value: str) -> str:
    """Return yes and no as they are stored, whatever the user's language calls them."""
    return {_("yes"): "yes", _("no"): "no"}.get(value.casefold(), value)


@blueprint.get("/")
@requires(Permission.CUSTOMER_VIEW)
def root() -> Response:
    """Go to the page that everybody works on."""
    return htmx.see_other(url_for("customers.index"))


@blueprint.get("/customers")
@requires(Permission.CUSTOMER_VIEW)
def index() -> Response:
    """Show the list; what is searched never stands in the address."""
    asked = Asked(list=request.args.get("list", CustomerList.OPTED_IN.value))
    found = _list(asked, paging.offset())
    return htmx.render("customers/index.html", fragment="customers/_results.html", **found)


@blueprint.post("/customers/search")
@requires(Permission.CUSTOMER_VIEW)
def search() -> Response:
    """Show what a search finds."""
    names = set(asdict(Asked()))
    asked = Asked(**{name: value.strip() for name, value in request.form.items() if name in names})
    if "wider" in request.form:
        asked = replace(asked, list=request.form["wider"])
    if "unfiltered" in request.form:
        asked = replace(asked, **dict.fromkeys(FILTERS, ""))
    found = _list(asked, paging.offset())
    return htmx.render("customers/index.html", fragment="customers/_results.html", **found)


@blueprint.get("/customers/<uuid:customer_id>")
@requires(Permission.CUSTOMER_VIEW)
def show(customer_id: uuid.UUID) -> Response:
    """Show the profile, beside the list; that it was opened is noted."""
    return _show(customer_id, AccessAction.VIEWED, {})


@blueprint.post("/customers/<uuid:customer_id>/reveal")
@requires(Permission.CUSTOMER_REVEAL)
def reveal(customer_id: uuid.UUID) -> Response:
    """Show the whole phone number or e-mail address; that it was asked for is noted."""
    kind = request.form.get("field")
    if kind not in {"phone", "email"}:
        raise Invalid({"": [_("Choose the phone number or the e-mail address.")]})
    session, actor = get_session(), current_actor()
    if not htmx.wants_fragment():
        customer = queries.get(session, actor, customer_id)
        return _show(customer_id, AccessAction.REVEALED, {kind: _contact_value(customer, kind)}, detail=kind)
    with transaction(session, one_change=True):
        customer = customers.look_at(session, actor, customer_id, AccessAction.REVEALED, detail=kind)
    value = _contact_value(customer, kind)
    ways = profiles.contact_way(session, actor, customer, kind, value)
    return Response(render_template("customers/_revealed.html", kind=kind, value=value, **ways))


def _contact_value(customer: Customer, kind: str) -> str:
    return (customer.phone_e164 or customer.phone_number) if kind == "phone" else customer.email


@blueprint.route("/customers/new", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def new() -> Response:
    """Create a customer; what was typed into the search box is carried over."""
    session, actor = get_session(), current_actor()
    if current_user.store is None:
        raise NotFound
    if "typed" in request.form:
        return _new(NewCustomerForm(formdata=None, data=_guess(request.form["typed"])))
    country = current_user.store.country_code
    form = NewCustomerForm(data={"country_code": country}) if request.method == "GET" else NewCustomerForm()
    if not form.validate_on_submit():
        return _new(form, status=422 if form.is_submitted() else 200)
    try:
        form_store.check()
        with transaction(session):
            customer_id = idempotency.once(
                session,
                actor,
                "customers.create",
                form.sent_key,
                form.given(),
                lambda: customers.create(session, actor, form.to_input(), store_id=current_user.store.id).id,
            )
    except (Invalid, Conflict) as error:
        form.apply_errors(error)
        existing = None
        is_taken = isinstance(error, Conflict) and "email" in error.fields
        if isinstance(error, Conflict) and error.existing_id:
            existing = queries.get(session, actor, uuid.UUID(error.existing_id))
        status = STATUS[type(error)]
        return _new(form, existing=existing, is_elsewhere=is_taken and existing is None, status=status)
    flash(_("Customer created."), "ok")
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


@blueprint.post("/customers/<uuid:customer_id>/add-to-store")
@requires(Permission.CUSTOMER_EDIT)
def add_to_store(customer_id: uuid.UUID) -> Response:
    """Make a customer of another store known to this one."""
    session, actor = get_session(), current_actor()
    if actor.store_id is None:
        raise NotFound
    with transaction(session):
        customers.add_to_store(
            session, actor, customer_id, store_id=actor.store_id, proof=request.form.get("proof", "")
        )
    flash(_("Added to your store."), "ok")
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


@blueprint.get("/customers/<uuid:customer_id>/contact")
@requires(Permission.CUSTOMER_VIEW)
def contact(customer_id: uuid.UUID) -> Response:
    """Show the contact section."""
    actor = current_actor()
    return _contact(actor, queries.show(get_session(), actor, customer_id))


@blueprint.route("/customers/<uuid:customer_id>/edit", methods=["GET", "POST"])
@requires(Permission.CUSTOMER_EDIT)
def edit(customer_id: uuid.UUID) -> Response:
    """Edit the contact data; what others saved meanwhile is merged or asked about."""
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id)
    if request.method == "GET":
        holds.refuse(session, actor, customer_id)
        with transaction(session, one_change=True):
            customers.look_at(session, actor, customer_id, AccessAction.REVEALED, detail="contact")
        return _edit(customer, ContactForm(obj=customer))
    form = ContactForm(MultiDict({**request.form.to_dict(), **conflicts.chosen()}))
    if not form.validate_on_submit():
        return _edit(customer, form, status=422)
    try:
        with transaction(session):
            customers.update(session, actor, customer_id, form.to_changes(), revision=form.seen_revision)
    except (Invalid, Conflict) as error:
        form.apply_errors(error)
        customer = queries.get(session, actor, customer_id)
        existing = None
        if isinstance(error, Conflict) and error.existing_id:
            existing = queries.get(session, actor, uuid.UUID(error.existing_id))
        return _edit(customer, form, existing=existing, status=STATUS[type(error)])
    except Stale as error:
        return _ask(session, actor, customer_id, error)
    if htmx.wants_fragment():
        # The name and the masked contact stand in the head of the open profile as well.
        shown = queries.show(session, actor, customer_id, ahead=profiles.reads(actor, customer_id))
        context = profiles.head(session, actor, shown)
        section = render_template("customers/_contact.html", **context)
        return Response(section + render_template("customers/_head.html", **context, is_update=True))
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


@blueprint.get("/customers/<uuid:customer_id>/history")
@requires(Permission.CUSTOMER_VIEW)
def history(customer_id: uuid.UUID) -> Response:
    """Show who changed what."""
    session, actor = get_session(), current_actor()
    customer = queries.get(session, actor, customer_id)
    return htmx.render(
        "customers/history.html",
        fragment="customers/_history.html",
        customer=customer,
        may_edit=profiles.may_edit(session, actor, customer),
        changes=audit_queries.history(
            session, actor, customer_id, PageRequest(offset=paging.offset(), count=HISTORY_PAGE)
        ),
    )


@blueprint.post("/customers/<uuid:customer_id>/restore")
@requires(Permission.CUSTOMER_EDIT)
def restore(customer_id: uuid.UUID) -> Response:
    """Put the old values of one change back."""
    session, actor = get_session(), current_actor()
    try:
        entry_id = uuid.UUID(request.form.get("change_id", ""))
    except ValueError:
        raise NotFound from None
    try:
        with transaction(session):
            customers.restore(session, actor, customer_id, entry_id)
    except Stale as error:
        return _ask(session, actor, customer_id, error)
    flash(_("The old values are back."), "ok")
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


def _ask(session: Session, actor: Actor, customer_id: uuid.UUID, error: Stale) -> Response:
    """Show both values of each field that two people changed; that contact data is among them is noted."""
    with transaction(session, one_change=True):
        customer = customers.look_at(session, actor, customer_id, AccessAction.REVEALED, detail="contact")
    return conflicts.answer(
        error,
        customer,
        current={name: getattr(customer, name) for name in FIELD_LABELS},
        labels=FIELD_LABELS,
        save_url=url_for("customers.edit", customer_id=customer_id),
        cancel_url=url_for("customers.contact", customer_id=customer_id),
    )


def _show(
    customer_id: uuid.UUID, action: AccessAction, revealed: dict[str, str], *, detail: str = ""
) -> Response:
    session, actor = get_session(), current_actor()
    ahead = profiles.reads(actor, customer_id)
    customer = queries.show(session, actor, customer_id, ahead=ahead)
    context = profiles.profile(session, actor, customer, revealed)
    if htmx.wants_fragment():
        response = Response(render_template("customers/_profile.html", **context))
    else:
        response = htmx.render("customers/show.html", **_list(Asked(), 0), **context)
    # Noted before anybody gets it, but after it was made: others' writing need not wait for that.
    with transaction(session, one_change=True):
        customers.note_look(session, actor, customer_id, action, detail=detail)
    return response


def _list(asked: Asked, offset: int) -> dict[str, Any]:
    session, actor = get_session(), current_actor()
    query = asked.to_query(actor, offset)
    page = search_queries.list_page(session, actor, query)
    is_wider = False
    if asked.text and not page.total and asked.list not in {CustomerList.STORE, CustomerList.ALL}:
        # Nobody on this list: look in the whole store before anybody makes a duplicate.
        wider = replace(asked, list=CustomerList.STORE.value)
        page = search_queries.list_page(session, actor, wider.to_query(actor, offset))
        is_wider = True
    whole = search_whole.find(session, actor, asked.text) if asked.text else search_whole.Whole()
    masked_cards = whole.masked
    # Of somebody on hold the whole address, number or id was typed, which finds hardly anybody else.
    on_hold = whole.on_hold if page.total < FEW else []
    _note(
        asked,
        [*(held.id for held in on_hold), *(row.id for row in page.items)],
        [card.id for card in masked_cards],
    )
    shown = {
        "page": page,
        "query": asked,
        "masked_cards": masked_cards,
        "on_hold": on_hold,
        "may_create": actor.can(Permission.CUSTOMER_EDIT) and actor.store_id is not None,
        "finds_elsewhere": not actor.sees_every_customer,
        "is_wider": is_wider,
        "wider": _wider(actor, asked, is_wider),
    }
    if htmx.wants_fragment():
        # The search form stands on the page already.
        return shown
    definitions = attributes.definitions(session)
    return {
        **shown,
        "lists": _lists(actor.sees_every_customer, html_lang()),
        "attributes": [definition for definition in definitions.values() if not definition.is_sensitive],
        "associates": [
            {"id": associate_id, "name": name}
            for associate_id, name in queries.associates_of(session, actor, actor.store_id)
        ],
    }


def _wider(actor: Actor, asked: Asked, is_wider: bool) -> str:
    """Return the list in which a search may find whom the chosen one leaves out; empty for none."""
    widest = CustomerList.ALL if actor.sees_every_customer else CustomerList.STORE
    is_whole = is_wider or asked.list == CustomerList.STORE
    if not asked.text or asked.list == widest or (is_whole and widest == CustomerList.STORE):
        return ""
    return widest.value if is_whole else CustomerList.STORE.value


def _note(asked: Asked, shown: list[uuid.UUID], masked: list[uuid.UUID]) -> None:
    """Note who stands on the page; the words that were searched only as a keyed hash."""
    search_hash = audit.hash_search(current_settings().secret_key, asked.text)
    is_typing = bool(asked.text) and htmx.wants_fragment()
    for action, customer_ids in ((AccessAction.LISTED, shown), (AccessAction.MASKED, masked)):
        list_log.note(customer_ids, asked.list, action=action, search_hash=search_hash, is_typing=is_typing)


@lru_cache(maxsize=64)
def _lists(sees_every_customer: bool, _language: str) -> tuple[dict[str, str], ...]:
    lists = [
        (CustomerList.OPTED_IN, _("Opted in here")),
        (CustomerList.STORE, _("My store")),
        (CustomerList.MINE, _("Created by me")),
        (CustomerList.RECENT, _("Recent")),
    ]
    if sees_every_customer:
        lists.append((CustomerList.ALL, _("All stores")))
    return tuple({"key": key.value, "label": label} for key, label in lists)


def _contact(actor: Actor, customer: queries.Shown) -> Response:
    return htmx.render(
        "customers/contact.html",
        fragment="customers/_contact.html",
        **profiles.contact(get_session(), actor, customer),
    )


def _edit(
    customer: Customer, form: ContactForm, *, existing: Customer | None = None, status: int = 200
) -> Response:
    return htmx.render(
        "customers/edit.html",
        fragment="customers/_contact_form.html",
        status=status,
        customer=customer,
        form=form,
        existing_customer=existing,
    )


def _new(
    form: NewCustomerForm,
    *,
    existing: Customer | None = None,
    is_elsewhere: bool = False,
    status: int = 200,
) -> Response:
    return htmx.render(
        "customers/new.html",
        fragment="customers/_new_form.html",
        status=status,
        form=form,
        existing_customer=existing,
        is_elsewhere=is_elsewhere,
    )


def _guess(typed: str) -> dict[str, str]:
    """Put what was searched where it most likely belongs."""
    country = current_user.store.country_code if current_user.store else ""
    text = typed.strip()[: values.MAX_NAME]
    if "@" in text:
        return {"email": text, "country_code": country}
    if sum(character.isdigit() for character in text) >= 4:
        return {"phone_number": text, "country_code": country}
    first, _space, last = text.partition(" ")
    return {"first_name": first, "last_name": last.strip(), "country_code": country}
