"""A customer's opt-ins: how they stand, asking for them in three ways, taking them back."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import segno
from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import consent_wordings, customer_words, digests
from app.domain.consent_asks import AskState, Choice
from app.domain.consents import Channel, Purpose
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Invalid, NotFound
from app.models import ConsentAsk, Customer
from app.queries import consent_asks, customers
from app.queries import consent_wordings as wording_queries
from app.queries import consents as consent_queries
from app.request_session import get_session
from app.services import consent_capture, consents, idempotency, mails
from app.services.consent_capture import Answer
from app.web import devices, form_store, htmx, profiles
from app.web.access import current_actor, current_settings, polled, requires
from app.web.language import say

blueprint = Blueprint("consents", __name__)


@blueprint.get("/customers/<uuid:customer_id>/consents")
@requires(Permission.CUSTOMER_VIEW)
def index(customer_id: uuid.UUID) -> Response:
    """Show the opt-ins section."""
    session, actor = get_session(), current_actor()
    return _section(session, customers.show(session, actor, customer_id))


@blueprint.get("/customers/<uuid:customer_id>/consents/history")
@requires(Permission.CUSTOMER_VIEW)
def history(customer_id: uuid.UUID) -> Response:
    """Show how the opt-ins came about; the section asks for it when somebody wants to know."""
    session, actor = get_session(), current_actor()
    return htmx.render(
        "consents/history.html",
        fragment="consents/_history.html",
        customer=customers.get(session, actor, customer_id),
        consent_events=consent_queries.list_events(session, actor, customer_id),
    )


@blueprint.route("/customers/<uuid:customer_id>/consents/new", methods=["GET", "POST"])
@requires(Permission.CONSENT_CAPTURE)
def new(customer_id: uuid.UUID) -> Response:
    """Choose what to ask for and how, with the exact wording; nothing is ticked beforehand."""
    session, actor = get_session(), current_actor()
    customer = customers.get(session, actor, customer_id)
    if request.method == "GET":
        return _ask_page(session, customer)
    ways = {"tablet": _by_tablet, "phone": _by_phone, "spoken": _by_spoken_yes}
    way = ways.get(request.form.get("way", ""))
    try:
        if way is None:
            return _ask_page(session, customer, Invalid({"way": [_("Choose how the customer answers.")]}))
        form_store.check()
        return way(customer_id, _language(), _choices())
    except Invalid as error:
        # Read again: the customer may have been erased meanwhile.
        return _ask_page(session, customers.get(session, actor, customer_id), error)


def _by_tablet(customer_id: uuid.UUID, language: str, choices: list[Choice]) -> Response:
    session, actor = get_session(), current_actor()

    def act() -> uuid.UUID:
        token = current_user.get_id()
        return consent_capture.hand_over(
            session, actor, token, customer_id, language=language, choices=choices
        ).id

    with transaction(session):
        _once(customer_id, _form_key("tablet", language, choices), act)
    return htmx.see_other(url_for("hand_over.show"))


def _by_phone(customer_id: uuid.UUID, language: str, choices: list[Choice]) -> Response:
    session, actor = get_session(), current_actor()
    key = _form_key("phone", language, choices)
    token = consent_capture.link_token(current_settings().secret_key, str(actor.id), str(customer_id), key)

    def act() -> uuid.UUID:
        return consent_capture.send_link(
            session, actor, customer_id, language=language, choices=choices, token=token
        )[0].id

    with transaction(session):
        ask_id = _once(customer_id, key, act)
    customer = customers.get(session, actor, customer_id)
    ask = consent_asks.get(session, ask_id)
    return _link_page(customer, ask, token)


def _by_spoken_yes(customer_id: uuid.UUID, language: str, choices: list[Choice]) -> Response:
    session, actor = get_session(), current_actor()
    found: list[Answer] = []

    def act() -> uuid.UUID:
        found.append(
            consent_capture.spoken(
                session,
                actor,
                customer_id,
                language=language,
                choices=choices,
                was_read_aloud=request.form.get("was_read_aloud") == "yes",
                device=devices.label(),
                double_opt_in=current_settings().double_opt_in,
            )
        )
        return customer_id

    with transaction(session):
        _once(customer_id, _form_key("spoken", language, choices), act)
    is_pending = any(one.pending for one in found)
    flash(_("Saved. A confirmation mail is on its way.") if is_pending else _("Saved."), "ok")
    return htmx.see_other(url_for("customers.show", customer_id=customer_id))


def _form_key(way: str, language: str, choices: list[Choice]) -> str:
    """Return the key of what was sent: who goes back to the form may ask for something else, or otherwise."""
    key = request.form.get("idempotency_key") or uuid.uuid4().hex
    return digests.sha256(json.dumps([key, way, language, sorted(choices)]))


def _once(customer_id: uuid.UUID, key: str, act: Callable[[], uuid.UUID]) -> uuid.UUID:
    return idempotency.once(get_session(), current_actor(), f"consents.ask:{customer_id}", key, {}, act)


@blueprint.get("/customers/<uuid:customer_id>/consents/asks/<uuid:ask_id>")
@requires(Permission.CONSENT_CAPTURE)
@polled
def ask_state(customer_id: uuid.UUID, ask_id: uuid.UUID) -> Response:
    """Say whether the customer has answered on their phone; asked for every few seconds."""
    session, actor = get_session(), current_actor()
    customer = customers.get(session, actor, customer_id)
    ask = consent_asks.get(session, ask_id)
    if ask.customer_id != customer.id:
        raise NotFound
    return htmx.render(
        "consents/ask_state.html",
        fragment="consents/_ask_state.html",
        customer=customer,
        ask=ask,
        is_open=consent_asks.is_open(ask),
        is_answered=ask.state == AskState.ANSWERED,
    )


@blueprint.post("/customers/<uuid:customer_id>/consents/withdraw")
@requires(Permission.CONSENT_CAPTURE)
def withdraw(customer_id: uuid.UUID) -> Response:
    """Take one consent back: one tap, at once."""
    session, actor = get_session(), current_actor()
    try:
        channel, purpose = Channel(request.form["channel"]), Purpose(request.form["purpose"])
        store_id = uuid.UUID(request.form["store_id"])
    except (KeyError, ValueError):
        raise NotFound from None
    with transaction(session):
        consents.withdraw(
            session,
            actor,
            customer_id,
            store_id=store_id,
            channel=channel,
            purpose=purpose,
            device=devices.label(),
        )
        consent_capture.end_asks(session, customer_id)
    return _after_change(session, customer_id, _("Withdrawn."))


@blueprint.post("/customers/<uuid:customer_id>/consents/stop")
@requires(Permission.CONSENT_CAPTURE)
def stop(customer_id: uuid.UUID) -> Response:
    """Take everything back, in every store: one tap, at once."""
    session, actor = get_session(), current_actor()
    with transaction(session):
        consents.withdraw_all(session, actor, customer_id, device=devices.label())
        consent_capture.end_asks(session, customer_id)
    return _after_change(session, customer_id, _("Everything is stopped."))


@blueprint.post("/customers/<uuid:customer_id>/consents/resend")
@requires(Permission.CONSENT_CAPTURE)
def resend(customer_id: uuid.UUID) -> Response:
    """Send the confirmation mail once more."""
    session, actor = get_session(), current_actor()
    with transaction(session):
        consent_capture.resend(session, actor, customer_id)
    return _after_change(session, customer_id, _("A new confirmation mail is on its way."))


@blueprint.get("/customers/<uuid:customer_id>/consents/receipt")
@requires(Permission.CUSTOMER_VIEW)
def receipt(customer_id: uuid.UUID) -> Response:
    """Show what the customer agreed to and how to withdraw, to print and hand over."""
    session, actor = get_session(), current_actor()
    customer = customers.get(session, actor, customer_id)
    if actor.store_id is None:
        raise NotFound
    rows = consent_queries.agreements(session, actor, customer.id, actor.store_id)
    # The customer reads it: in the language of what they agreed to last.
    newest = max(rows, key=lambda row: row.since, default=None)
    language = newest.language if newest else consent_wordings.language_of(customer.country_code)
    settings = current_settings()
    token = mails.withdrawal_token(settings.secret_key, customer.id, actor.store_id)
    return htmx.render(
        "consents/receipt.html",
        customer=customer,
        rows=rows,
        language=language,
        direction=consent_wordings.direction(language),
        words=customer_words.words(language),
        withdraw_url=url_for("own_phone.withdraw", token=token, _external=True),
    )


def _section(session: Session, customer: customers.Shown, announce: str = "") -> Response:
    return htmx.render(
        "consents/index.html",
        fragment="consents/_list.html",
        announce=announce,
        **profiles.consent_section(session, current_actor(), customer),
    )


def _after_change(session: Session, customer_id: uuid.UUID, said: str) -> Response:
    if not htmx.wants_fragment():
        flash(said, "ok")
        return htmx.see_other(url_for("customers.show", customer_id=customer_id))
    actor = current_actor()
    customer = customers.show(session, actor, customer_id, ahead=profiles.reads(actor, customer_id))
    section = profiles.consent_section(session, actor, customer)
    # The opt-in stands in the head of the open profile as well, and what it allows.
    head = profiles.head(session, actor, customer, opt_ins=section["consents"])
    response = Response(
        render_template("consents/_list.html", announce=said, **section)
        + render_template("customers/_head.html", **head, is_update=True)
    )
    response.headers["HX-Trigger"] = "consents-changed"
    return response


def _ask_page(session: Session, customer: Customer, error: Invalid | None = None) -> Response:
    languages = wording_queries.languages(session)
    wanted = request.values.get("language", "")
    store_language = consent_wordings.language_of(
        current_user.store.country_code if current_user.store else ""
    )
    language = consent_wordings.preferred(
        languages, wanted, consent_wordings.language_of(customer.country_code), store_language
    )
    every = [(channel, purpose) for purpose in Purpose for channel in Channel]
    found = wording_queries.for_choices(session, language, every) if language else {}
    return htmx.render(
        "consents/new.html",
        fragment="consents/_new_form.html",
        status=422 if error else 200,
        customer=customer,
        language=language,
        direction=consent_wordings.direction(language) if language else "ltr",
        languages=[(tag, consent_wordings.language_name(tag)) for tag in languages],
        words=customer_words.words(language or "en"),
        blocks=blocks(found),
        unreachable=consents.unreachable(session, customer),
        idempotency_key=uuid.uuid4().hex,
        ticked=set(request.form.getlist("choices")),
        messages=[say(reason) for reasons in error.fields.values() for reason in reasons] if error else [],
    )


def blocks(found: Mapping[Choice, Any]) -> list[dict[str, Any]]:
    """Return what is shown together: each wording with the channels that it is for."""
    grouped: dict[uuid.UUID, dict[str, Any]] = {}
    for (channel, purpose), wording in found.items():
        block = grouped.setdefault(wording.id, {"wording": wording, "purpose": purpose, "channels": []})
        block["channels"].append(channel)
    return list(grouped.values())


def _language() -> str:
    # What is no language has no wordings, and is refused as such.
    given = request.form.get("language", "")
    return given if len(given) <= 10 and given.replace("-", "").isascii() and given.isprintable() else ""


def _choices() -> list[Choice]:
    return read_choices(request.form.getlist("choices"))


def read_choices(given: list[str]) -> list[Choice]:
    """Return the chosen channels and purposes. Raises Invalid for one that there is not."""
    found: list[Choice] = []
    for text in given:
        purpose, _dot, channel = text.partition(".")
        try:
            choice = (Channel(channel), Purpose(purpose))
        except ValueError:
            raise Invalid({"choices": [N_("Choose from what is offered.")]}) from None
        if choice not in found:
            found.append(choice)
    return found


def _link_page(customer: Customer, ask: ConsentAsk, token: str) -> Response:
    url = url_for("own_phone.answer", token=token, _external=True)
    code = segno.make(url, error="m")
    size, path = qr_path(code)
    return htmx.render(
        "consents/link.html",
        fragment="consents/_link.html",
        customer=customer,
        ask=ask,
        url=url,
        qr_size=size,
        qr_path=path,
        is_open=consent_asks.is_open(ask),
        is_answered=ask.state == AskState.ANSWERED,
    )


def qr_path(code: Any, border: int = 4) -> tuple[int, str]:
    """Return the side of a QR code with its quiet zone, and its dark modules as SVG path data."""
    parts = []
    for y, row in enumerate(code.matrix):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x] & 1:
                x += 1
            if x > start:
                parts.append(f"M{start + border} {y + border}h{x - start}v1h-{x - start}z")
            x += 1
    return len(code.matrix) + 2 * border, "".join(parts)
