"""Customers' requests about their data: the list, one with its steps, what is done about it."""

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint, Response, flash, make_response, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain import (
    clock,
    consent_reviews,
    consents,
    customers,
    erasure_words,
    export_words,
    orders,
)
from app.domain.data_requests import ERASED_WITHIN, Identity, Kind, RequestInput, State
from app.domain.paging import PageRequest
from app.domain.permissions import Permission, Role
from app.errors import STATUS, Conflict, Invalid, NotFound, Stale
from app.models import DataRequest
from app.queries import customers as customer_queries
from app.queries import data_requests as queries
from app.queries import erasure_preview, exports
from app.queries.audit import ACTION_LABELS
from app.queries.logs import ACCESS_LABELS
from app.request_session import get_session
from app.services import data_requests as service
from app.services import erasures, idempotency
from app.web import filters, htmx, list_log, paging
from app.web.access import current_actor, current_settings, requires
from app.web.confirmations import recently_confirmed
from app.web.forms.data_requests import CloseForm, IdentityForm, NewRequestForm, ReasonForm

blueprint = Blueprint("data_requests", __name__)


@blueprint.get("/data-requests")
@requires(Permission.DATA_REQUEST_VIEW)
def index() -> Response:
    """Show the open requests by due date, or the closed ones."""
    session, actor = get_session(), current_actor()
    shows_closed = request.args.get("show") == "closed"
    page = queries.list_page(session, actor, PageRequest(offset=paging.offset()), is_open=not shows_closed)
    list_log.note((row.customer_id for row in page.items if row.customer_name), "data requests")
    return htmx.render(
        "data_requests/index.html",
        page=page,
        counts=queries.counts(session, actor),
        shows_closed=shows_closed,
    )


@blueprint.get("/data-requests/<uuid:request_id>")
@requires(Permission.DATA_REQUEST_VIEW)
def show(request_id: uuid.UUID) -> Response:
    """Show one request: what is left to do, the steps of an erasure, what was noted."""
    return _show(request_id)


@blueprint.route("/customers/<uuid:customer_id>/data-requests/new", methods=["GET", "POST"])
@requires(Permission.DATA_REQUEST_MANAGE)
@recently_confirmed
def new(customer_id: uuid.UUID) -> Response:
    """Record what a customer asks for."""
    session, actor = get_session(), current_actor()
    settings = current_settings()
    customer = customer_queries.get(session, actor, customer_id)
    form = NewRequestForm(data={"kind": Kind.EXPORT.value})
    status = 200
    messages: list[str] = []
    if form.validate_on_submit():
        given = RequestInput(
            customer_id=customer_id,
            kind=form.kind.data or "",
            identity=form.identity.data or "",
            identity_note=form.identity_note.data or "",
            note=form.note.data or "",
        )
        try:
            with transaction(session):
                request_id = idempotency.once(
                    session,
                    actor,
                    "data_requests.record",
                    form.sent_key,
                    {"given": repr(given)},
                    lambda: (
                        service.record(
                            session, actor, given, call_off_days=settings.deletion_call_off_days
                        ).id
                    ),
                )
        except (Invalid, Conflict) as error:
            messages, status = form.apply_errors(error), STATUS[type(error)]
        else:
            return htmx.see_other(url_for("data_requests.show", request_id=request_id))
    elif form.is_submitted():
        status = 422
    return htmx.render(
        "data_requests/new.html",
        status=status,
        customer=customer,
        form=form,
        messages=messages,
        call_off_days=settings.deletion_call_off_days,
    )


@blueprint.post("/data-requests/<uuid:request_id>/identity")
@requires(Permission.DATA_REQUEST_MANAGE)
def identity(request_id: uuid.UUID) -> Response:
    """Note how somebody made sure that it is the customer who asks."""
    form = IdentityForm()
    return _act(
        request_id,
        form,
        "identity_form",
        _("Noted."),
        lambda revision: service.check_identity(
            get_session(),
            current_actor(),
            request_id,
            identity=form.identity.data or "",
            note=form.identity_note.data or "",
            revision=revision,
        ),
    )


@blueprint.post("/data-requests/<uuid:request_id>/extend")
@requires(Permission.DATA_REQUEST_MANAGE)
def extend(request_id: uuid.UUID) -> Response:
    """Give two months more, with the reason that the customer was told."""
    form = ReasonForm()
    return _act(
        request_id,
        form,
        "extend_form",
        _("Extended by two months. Tell the customer now."),
        lambda revision: service.extend(
            get_session(), current_actor(), request_id, reason=form.reason.data or "", revision=revision
        ),
    )


@blueprint.post("/data-requests/<uuid:request_id>/call-off")
@requires(Permission.DATA_REQUEST_MANAGE)
def call_off(request_id: uuid.UUID) -> Response:
    """Keep the customer after all."""
    form = ReasonForm()
    return _act(
        request_id,
        form,
        "call_off_form",
        _("Called off: the customer stays."),
        lambda revision: service.call_off(
            get_session(), current_actor(), request_id, reason=form.reason.data or "", revision=revision
        ),
    )


@blueprint.post("/data-requests/<uuid:request_id>/close")
@requires(Permission.DATA_REQUEST_MANAGE)
def close(request_id: uuid.UUID) -> Response:
    """Close a request that was answered or refused."""
    form = CloseForm()
    return _act(
        request_id,
        form,
        "close_form",
        _("Closed."),
        lambda revision: service.close(
            get_session(),
            current_actor(),
            request_id,
            outcome=form.outcome.data or "",
            is_refused=form.result.data == "refused",
            revision=revision,
        ),
    )


@blueprint.route("/data-requests/<uuid:request_id>/prepare", methods=["GET", "POST"])
@requires(Permission.DATA_REQUEST_MANAGE)
@recently_confirmed
def prepare(request_id: uuid.UUID) -> Response:
    """Make the copy of the data ready to be fetched for a day."""
    session, actor = get_session(), current_actor()
    queries.get(session, actor, request_id)
    if request.method == "POST":
        with transaction(session):
            service.prepare_export(session, actor, request_id)
        flash(_("The copy can be fetched for 24 hours."), "ok")
    return htmx.see_other(url_for("data_requests.show", request_id=request_id))


@blueprint.get("/data-requests/<uuid:request_id>/export.json")
@requires(Permission.DATA_REQUEST_MANAGE)
@recently_confirmed
def export_json(request_id: uuid.UUID) -> Response:
    """Give the copy as a file for programs."""
    row, found = _export(request_id)
    response = make_response(orders.dumps(found))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="customer-{row.id}.json"'
    return response


@blueprint.get("/data-requests/<uuid:request_id>/export")
@requires(Permission.DATA_REQUEST_MANAGE)
@recently_confirmed
def export_page(request_id: uuid.UUID) -> Response:
    """Show the copy as a page to read and to print."""
    row, found = _export(request_id)
    return htmx.render("data_requests/export.html", row=row, found=found, words=export_words, text=_text)


def _export(request_id: uuid.UUID) -> tuple[DataRequest, dict[str, Any]]:
    session, actor = get_session(), current_actor()
    with transaction(session):
        row = service.fetch_export(session, actor, request_id)
        found = exports.collect(session, actor, row.customer_id)
    return row, found


def _act(
    request_id: uuid.UUID, form: Any, name: str, done: str, act: Callable[[int], DataRequest]
) -> Response:
    """Do it and show the request again, or show what is wrong beside the form."""
    if not form.validate_on_submit():
        return _show(request_id, status=422, **{name: form})
    try:
        with transaction(get_session()):
            act(form.seen_revision)
    except (Invalid, Conflict) as error:
        messages = form.apply_errors(error)
        status = STATUS[type(error)]
        return _show(request_id, status=status, messages=messages, **{name: form})
    except Stale:
        return _show(
            request_id, status=409, messages=[_("Somebody else changed this request just now: see below.")]
        )
    flash(done, "ok")
    return htmx.see_other(url_for("data_requests.show", request_id=request_id))


def _show(
    request_id: uuid.UUID, *, status: int = 200, messages: list[str] | None = None, **forms: Any
) -> Response:
    session, actor = get_session(), current_actor()
    row = queries.get(session, actor, request_id)
    state, now = State(row.state), clock.utcnow()
    done = queries.steps(session, actor, request_id)
    nobody = ""
    try:
        customer = customer_queries.get(session, actor, row.customer_id)
    except NotFound:
        customer = None
        is_elsewhere = customer_queries.is_known(session, row.customer_id)
        nobody = _("A customer whom your stores do not know") if is_elsewhere else _("Erased customer")
    seen = {"revision": row.revision}
    empty_forms = {
        "identity_form": IdentityForm(
            formdata=None, data=seen | {"identity": row.identity, "identity_note": row.identity_note}
        ),
        "extend_form": ReasonForm(formdata=None, data=seen),
        "call_off_form": ReasonForm(formdata=None, data=seen),
        "close_form": CloseForm(formdata=None, data=seen),
    }
    for form in forms.values():
        form.revision.data = row.revision
    may_manage = actor.can(Permission.DATA_REQUEST_MANAGE) and not state.is_closed
    return htmx.render(
        "data_requests/show.html",
        status=status,
        row=row,
        kind=Kind(row.kind),
        state=state,
        identity=Identity(row.identity),
        customer=customer,
        nobody=nobody,
        messages=messages or [],
        may_manage=may_manage,
        may_extend=service.can_extend(row),
        is_ready=row.export_until is not None and row.export_until > now,
        is_overdue=state.is_due and row.due_at < now,
        erased_by=row.received_at + ERASED_WITHIN,
        steps=done,
        step_words=erasure_words.STEPS,
        preview=erasure_preview.of_request(session, actor, request_id) if state is State.WAITING else None,
        step_count=len(erasures.steps()),
        **(empty_forms | forms),
    )


def _labels(*kinds: Iterable[Any]) -> dict[str, str]:
    return {one.value: one.label for kind in kinds for one in kind}


_STATES = _labels(consents.State, State)
# The values of the export that are codes of ours, by field.
_CODES = {
    "action": ACTION_LABELS | ACCESS_LABELS | _labels(consents.Action),
    "channel": _labels(consents.Channel),
    "decision": _labels(consent_reviews.Decision),
    "identity": _labels(Identity),
    "kind": _labels(consents.EvidenceKind, Kind),
    "method": _labels(consents.Method),
    "opt_in_state": _STATES,
    "purpose": _labels(consents.Purpose),
    "reason": _labels(consent_reviews.Reason) | customers.LINK_REASONS,
    "role": _labels(Role),
    "state": _STATES,
    "state_after": _STATES,
    "state_before": _STATES,
}


def _text(name: str, value: Any) -> str:
    """Say a value of the export as people read it."""
    if value is None or value == "":
        return "–"
    if name in export_words.TIMES:
        return filters.datetime(value)
    if isinstance(value, str) and (label := _CODES.get(name, {}).get(value)):
        return _(label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict | list):
        return json.dumps(json.loads(orders.dumps({"value": value}))["value"], ensure_ascii=False, indent=1)
    return str(value)
