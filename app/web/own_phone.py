"""Pages that a customer opens on their own device, by a link and without signing in."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.db import transaction
from app.domain import consent_wordings, customer_words
from app.domain.actor import Actor
from app.domain.actor import Channel as Face
from app.domain.consent_asks import AskKind, AskState
from app.domain.consents import Channel, Method
from app.domain.texts import N_
from app.errors import Conflict, Invalid, NotFound
from app.models import ConsentAsk, Customer, Store
from app.queries import consent_asks
from app.queries import consents as consent_queries
from app.request_session import get_session
from app.services import consent_capture, consents, mails
from app.web import devices, hand_over, htmx
from app.web.access import current_settings, public

blueprint = Blueprint("own_phone", __name__)


@blueprint.route("/c/<token>", methods=["GET", "POST"])
@public
def answer(token: str) -> Response:
    """Show the question behind a QR code, and record the answer; the link works once."""
    try:
        ask = consent_asks.open_link(get_session(), token, AskKind.OWN_PHONE)
    except NotFound:
        return _gone()
    if request.method == "GET":
        return _question(ask)
    ask_id = ask.id
    response = hand_over.take_answer(ask, _question)
    if response.status_code == 422:
        return response
    fresh = consent_asks.get(get_session(), ask_id)
    if fresh.state != AskState.ANSWERED:
        # It ended while it was open on the phone.
        return _gone()
    return htmx.render("own_phone/done.html", **_done(fresh))


@blueprint.route("/confirm/<token>", methods=["GET", "POST"])
@public
def confirm(token: str) -> Response:
    """Show a button, and confirm when it is pressed: what only follows links confirms nothing."""
    session = get_session()
    try:
        ask = consent_asks.open_link(session, token, AskKind.CONFIRMATION)
        if request.method == "POST":
            with transaction(session):
                ask = consent_capture.confirm(session, token, device=devices.label())
    except (NotFound, Invalid, Conflict):
        return _gone()
    return htmx.render("own_phone/confirm.html", **hand_over.context(ask))


@blueprint.route("/w/<token>", methods=["GET", "POST"])
@public
def withdraw(token: str) -> Response:
    """Show what stands, and withdraw one channel or everything with one tap."""
    customer, store = _of_token(token)
    if customer is None or store is None:
        return _gone()
    session = get_session()
    if request.method == "POST":
        try:
            channels = [Channel(request.form["channel"])] if "channel" in request.form else list(Channel)
        except ValueError:
            return _gone()
        _withdraw(customer, store, channels)
        return htmx.see_other(url_for("own_phone.withdraw", token=token, done="yes"))
    rows = consent_queries.open_channels(session, customer.id, store.id)
    language = consent_queries.last_language(session, customer.id) or consent_wordings.language_of(
        customer.country_code
    )
    return htmx.render(
        "own_phone/withdraw.html",
        link=token,
        store=store,
        channels=rows,
        is_done=request.args.get("done") == "yes",
        language=language,
        direction=consent_wordings.direction(language),
        words=customer_words.words(language),
    )


@blueprint.post("/w/<token>/one-click")
@public
def one_click(token: str) -> Response:
    """Withdraw e-mail, as the reader's own button asks for (RFC 8058): no page, no cookie."""
    customer, store = _of_token(token)
    if customer is not None and store is not None:
        _withdraw(customer, store, [Channel.EMAIL])
    return Response("", 200, mimetype="text/plain")


def _of_token(token: str) -> tuple[Customer | None, Store | None]:
    settings = current_settings()
    found = mails.read_withdrawal_token(settings.secret_keys, token)
    if found is None:
        return None, None
    return consent_queries.parties(get_session(), *found)


def _withdraw(customer: Customer, store: Store, channels: list[Channel]) -> None:
    session = get_session()
    with transaction(session):
        consents.withdraw_all(
            session,
            Actor.system(N_("Customer"), channel=Face.WEB),
            customer.id,
            store_id=store.id,
            channels=channels,
            method=Method.MAIL_LINK,
            device=devices.label(),
        )
        if Channel.EMAIL in channels:
            consent_capture.end_asks(session, customer.id, kinds=(AskKind.CONFIRMATION,))


def _question(ask: ConsentAsk, messages: list[str] | None = None) -> Response:
    return htmx.render(
        "own_phone/answer.html", status=422 if messages else 200, **hand_over.context(ask, messages)
    )


def _done(ask: ConsentAsk) -> dict[str, Any]:
    found = hand_over.context(ask)
    return found | {"is_pending": consent_asks.has_pending(get_session(), ask)}


def _gone() -> Response:
    language = request.accept_languages.best_match(customer_words.LANGUAGES) or "en"
    return htmx.render(
        "own_phone/gone.html",
        status=404,
        language=language,
        direction=consent_wordings.direction(language),
        words=customer_words.words(language),
    )
