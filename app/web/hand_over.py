"""The tablet in the customer's hands: one question, and no way into the product but a password."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.db import transaction
from app.domain import consent_wordings, customer_words, payment_cards
from app.domain.consent_asks import AskState
from app.errors import Conflict, Invalid, NotFound, RateLimited
from app.models import ConsentAsk
from app.queries import consent_asks
from app.request_session import get_session
from app.services import consent_capture
from app.web import auth, consents, devices, htmx, passwords
from app.web.access import current_actor, current_settings, for_customers, signed_in
from app.web.language import say

blueprint = Blueprint("hand_over", __name__)


@blueprint.get("/hand-over")
@signed_in
@for_customers
def show() -> Response:
    """Show the question, or thanks once it is answered."""
    ask = _ask()
    if ask is None:
        return htmx.see_other(url_for("customers.index"))
    return _page(ask)


@blueprint.post("/hand-over")
@signed_in
@for_customers
def answer() -> Response:
    """Record the customer's answer."""
    ask = _ask()
    if ask is None:
        raise NotFound
    return take_answer(ask, _page)


@blueprint.route("/hand-over/back", methods=["GET", "POST"])
@signed_in
@for_customers
def take_back() -> Response:
    """Ask for the associate's password, and go on in the product; after too many wrong ones sign out."""
    ask = _ask()
    if ask is None:
        return htmx.see_other(url_for("customers.index"))
    message, status = "", 200
    if request.method == "POST":
        try:
            attempt = passwords.try_own(request.form.get("password", ""))
        except RateLimited as error:
            # Else the device would be stuck: now a colleague can sign in on it.
            session = get_session()
            with transaction(session):
                consent_capture.end_session(session, current_actor(), current_user.get_id())
            response = auth.forget()
            flash(say(error.message), "bad")
            return response
        if attempt is not None:
            session = get_session()
            with transaction(session):
                customer_id = consent_capture.take_back(
                    session, current_actor(), current_user.get_id(), attempt
                )
            return htmx.see_other(url_for("customers.show", customer_id=customer_id))
        message, status = _("This is not your password. Try again."), 422
    return htmx.render("hand_over/take_back.html", status=status, message=message)


def take_answer(ask: ConsentAsk, show: Callable[[ConsentAsk, list[str]], Response]) -> Response:
    """Record what a customer sent about a question, and show the page again with what came of it."""
    session = get_session()
    settings = current_settings()
    form = request.form
    words, ask_id = customer_words.words(ask.language), ask.id
    is_no = form.get("answer") == "no"
    if not is_no and not form.getlist("choices"):
        return show(ask, [words["choose_error"]])
    try:
        chosen = [] if is_no else consents.read_choices(form.getlist("choices"))
        with transaction(session):
            consent_capture.answer(
                session,
                consent_asks.get(session, ask_id),
                chosen,
                signature=form.get("signature", "") if not form.get("signed_name", "").strip() else "",
                signed_name=form.get("signed_name", ""),
                device=devices.label(),
                double_opt_in=settings.double_opt_in,
            )
    except Invalid as error:
        named = {"signature": words["sign_error"], "signed_name": words["sign_error"]}
        messages = [
            words["card_error"] if payment_cards.REFUSED in reasons else named.get(name, reasons[0])
            for name, reasons in error.fields.items()
        ]
        return show(ask, messages)
    except Conflict:
        pass
    return htmx.see_other(request.path)


def context(ask: ConsentAsk, messages: list[str] | None = None) -> dict[str, Any]:
    """Return what the page of a question shows; of the customer only what masks leave."""
    session = get_session()
    return {
        "ask": ask,
        "store": consent_asks.store_of(session, ask),
        "language": ask.language,
        "direction": consent_wordings.direction(ask.language),
        "words": customer_words.words(ask.language),
        "blocks": consents.blocks(consent_asks.wordings(session, ask)),
        "ticked": set(request.form.getlist("choices")),
        "signed_name": request.form.get("signed_name", ""),
        "signature": request.form.get("signature", ""),
        "messages": messages or [],
        "is_answered": ask.state == AskState.ANSWERED,
        "is_open": consent_asks.is_open(ask),
    }


def _page(ask: ConsentAsk, messages: list[str] | None = None) -> Response:
    return htmx.render("hand_over/show.html", status=422 if messages else 200, **context(ask, messages))


def _ask() -> ConsentAsk | None:
    return consent_asks.handed_over(get_session(), current_user.get_id())
