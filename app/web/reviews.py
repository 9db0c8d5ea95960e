"""The managers' review of opt-ins: the queue, the evidence beside it, decisions and taking them back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.consent_reviews import MAX_BULK, Decision, Group, check_one_kind, check_selection
from app.domain.consents import Method
from app.domain.paging import PageRequest
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.queries import consent_reviews as queries
from app.queries import dashboards
from app.request_session import get_session
from app.services import audit
from app.services import consent_reviews as service
from app.services.consent_reviews import Seen, Verdict
from app.web import htmx, list_log, paging
from app.web.access import current_actor, current_settings, requires
from app.web.forms.reviews import VerdictForm
from app.web.language import say

blueprint = Blueprint("reviews", __name__)

PAGE = 25
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which part of the queue is looked at."""

    store: str
    store_id: uuid.UUID | None
    group: Group | None
    offset: int
    everything: str

    def url(self, event_id: uuid.UUID | None = None, **over: Any) -> str:
        """Return the address of this part of the queue, or of one opt-in beside it."""
        values_of = {
            "group": self.group.value if self.group else None,
            "store": self.store,
            "offset": self.offset or None,
            **over,
        }
        if event_id is not None:
            return url_for("reviews.show", event_id=event_id, **values_of)
        return url_for("reviews.index", **values_of)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The rows of a page whose evidence is of one kind, which can be decided together."""

    method: Method
    is_weak: bool
    rows: Sequence[queries.QueueRow]

    @property
    def key(self) -> str:
        """The name of the kind in addresses and ids."""
        return f"{self.method.value}-{'weak' if self.is_weak else 'good'}"


@blueprint.get("/reviews")
@requires(Permission.REVIEW_VIEW)
def index() -> Response:
    """Show the queue."""
    return _show(get_session(), current_actor(), _asked())


@blueprint.get("/reviews/<uuid:event_id>")
@requires(Permission.REVIEW_VIEW)
def show(event_id: uuid.UUID) -> Response:
    """Show the queue with the evidence of one opt-in beside it; that is noted in the access log."""
    session, actor = get_session(), current_actor()
    case = _case(session, actor, event_id)
    asked = _asked()
    with transaction(session):
        audit.record_access(session, actor, AccessAction.VIEWED, case.customer.id)
    if htmx.wants_fragment():
        # The queue is on the screen already.
        form = VerdictForm(formdata=None, data={"seen": _seen_by(case)})
        return htmx.render(
            "reviews/index.html",
            fragment="reviews/_case.html",
            asked=asked,
            case=case,
            form=form,
            message="",
            four_eyes=_four_eyes(),
        )
    return _show(session, actor, asked, event_id)


@blueprint.post("/reviews/<uuid:event_id>")
@requires(Permission.CONSENT_REVIEW)
def decide(event_id: uuid.UUID) -> Response:
    """Decide on one opt-in, and go on to the next."""
    session, actor, asked = get_session(), current_actor(), _asked()
    _case(session, actor, event_id)
    form = VerdictForm()
    if not form.validate_on_submit():
        return _show(session, actor, asked, event_id, form=form, status=422)
    try:
        verdict, seen = _verdict(form), Seen(event_id=event_id, review_id=_id(form.seen.data))
        with transaction(session):
            review = service.decide(session, actor, seen, verdict, four_eyes=_four_eyes())
    except Invalid as error:
        form.apply_errors(error)
        return _show(session, actor, asked, event_id, form=form, status=422)
    except Conflict as error:
        return _show(session, actor, asked, event_id, message=say(error.message), status=409)
    following = _next(session, actor, asked)
    return _go_on(session, actor, asked, following, done=review.id)


@blueprint.post("/reviews/selection")
@requires(Permission.CONSENT_REVIEW)
def selection() -> Response:
    """Show what was chosen, to be decided together."""
    session, actor, asked = get_session(), current_actor(), _asked()
    try:
        rows = _chosen_rows(session, actor)
    except Invalid as error:
        return _show_refused(session, actor, asked, error)
    return _show_bulk(rows, asked, VerdictForm())


@blueprint.post("/reviews/bulk")
@requires(Permission.CONSENT_REVIEW)
def decide_bulk() -> Response:
    """Decide on all that was chosen, or on none."""
    session, actor, asked = get_session(), current_actor(), _asked()
    form = VerdictForm()
    seen = _seen()
    try:
        verdict = _verdict(form)
        with transaction(session):
            bulk_id = service.decide_many(session, actor, seen, verdict, four_eyes=_four_eyes())
    except Invalid as error:
        if "rows" in error.fields:
            return _show_refused(session, actor, asked, error)
        form.apply_errors(error)
        try:
            rows = _chosen_rows(session, actor)
        except Invalid as refused:
            return _show_refused(session, actor, asked, refused)
        return _show_bulk(rows, asked, form, status=422)
    except Conflict as error:
        flash(_("Nothing was decided. %(reason)s", reason=say(error.message)), "bad")
        return _show(session, actor, asked, status=409)
    return _go_on(session, actor, asked, None, done=bulk_id)


@blueprint.post("/reviews/undo/<uuid:review_id>")
@requires(Permission.CONSENT_REVIEW)
def undo(review_id: uuid.UUID) -> Response:
    """Take back one decision, or all that were made at once under this id."""
    session, actor, asked = get_session(), current_actor(), _asked()
    try:
        with transaction(session):
            undone = service.undo_any(session, actor, review_id, four_eyes=_four_eyes())
    except Conflict as error:
        flash(say(error.message), "bad")
        return _show(session, actor, asked, status=409)
    flash(
        ngettext(
            "Undone: it stands as before.", "%(num)s decisions undone: they stand as before.", len(undone)
        ),
        "ok",
    )
    return _go_on(session, actor, asked, undone[0].event_id if len(undone) == 1 else None)


def _show(
    session: Session,
    actor: Actor,
    asked: Asked,
    event_id: uuid.UUID | None = None,
    *,
    form: VerdictForm | None = None,
    message: str = "",
    done: uuid.UUID | None = None,
    status: int = 200,
) -> Response:
    now = clock.utcnow()
    counts = queries.counts(session, actor, asked.store_id, now)
    group = asked.group or next((group for group, count in counts.items() if count), Group.WEAK)
    part = PageRequest(offset=asked.offset, count=PAGE)
    page = queries.list_page(session, actor, group, asked.store_id, part, total=counts[group], now=now)
    list_log.note((row.customer_id for row in page.items), "reviews")
    case = _case(session, actor, event_id) if event_id else None
    if form is None:
        form = VerdictForm(formdata=None)
    if case is not None:
        form.seen.data = _seen_by(case)
    asked = replace(asked, group=group)
    done = done or _id(request.args.get("done"))
    undoable = service.undoable(session, actor, done) if done else []
    return htmx.render(
        "reviews/index.html",
        fragment="reviews/_queue.html",
        status=status,
        asked=asked,
        counts=counts,
        group=group,
        page=page,
        kinds=[
            Kind(method=method, is_weak=is_weak, rows=list(rows))
            for (method, is_weak), rows in groupby(page.items, lambda row: (row.method, row.is_weak))
        ],
        stores=dashboards.stores(session, actor),
        case=case,
        form=form,
        message=message,
        undoable=undoable,
        done=done,
        may_review=actor.can(Permission.CONSENT_REVIEW),
        four_eyes=_four_eyes(),
        is_part=htmx.wants_fragment(),
    )


def _show_bulk(
    rows: Sequence[queries.Chosen], asked: Asked, form: VerdictForm, status: int = 200
) -> Response:
    list_log.note((row.customer_id for row in rows), "reviews")
    return htmx.render(
        "reviews/bulk.html",
        fragment="reviews/_bulk.html",
        status=status,
        asked=asked,
        rows=rows,
        form=form,
        sent=request.form.getlist("row"),
    )


def _go_on(
    session: Session,
    actor: Actor,
    asked: Asked,
    event_id: uuid.UUID | None,
    *,
    done: uuid.UUID | None = None,
) -> Response:
    """Show the queue as it is after an act; the address tells the truth."""
    url = asked.url(event_id, done=done)
    if not htmx.wants_fragment():
        return htmx.see_other(url)
    if event_id is not None:
        case = _case(session, actor, event_id)
        with transaction(session):
            audit.record_access(session, actor, AccessAction.VIEWED, case.customer.id)
    response = _show(session, actor, asked, event_id, done=done)
    response.headers["HX-Push-Url"] = asked.url(event_id)
    return response


def _next(session: Session, actor: Actor, asked: Asked) -> uuid.UUID | None:
    if asked.group is None:
        return None
    return queries.next_event(session, actor, asked.group, asked.store_id, clock.utcnow())


def _case(session: Session, actor: Actor, event_id: uuid.UUID) -> queries.Case:
    return queries.get(session, actor, event_id, now=clock.utcnow(), four_eyes=_four_eyes())


def _seen_by(case: queries.Case) -> str:
    return str(case.review.id) if case.review else ""


def _four_eyes() -> bool:
    return current_settings().review_four_eyes


def _asked() -> Asked:
    """Return which part of the queue the address names. Raises Invalid or NotFound for a bad one."""
    actor = current_actor()
    given = request.args.get("group", "")
    if given and given not in set(Group):
        raise Invalid({"group": [N_("This group does not exist.")]}, N_("This group does not exist."))
    store = request.args.get("store") or (str(actor.store_id) if actor.store_id else ALL)
    store_id = None if store == ALL else _id(store)
    if store != ALL and (store_id is None or not actor.works_in(store_id)):
        raise NotFound
    return Asked(
        store=store,
        store_id=store_id,
        group=Group(given) if given else None,
        offset=paging.offset(),
        everything=request.args.get("select", "")[:40],
    )


def _id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _verdict(form: VerdictForm) -> Verdict:
    decision, reason = form.chosen()
    if decision is None:
        raise Invalid({"": [N_("Choose what to decide with one of the buttons.")]})
    if decision is Decision.SUFFICIENT:
        reason = None
    return Verdict(decision=decision, reason=reason, note=form.note.data or "")


def _seen() -> list[Seen]:
    """Return what the page says was chosen: `declaration` or `declaration.decision`."""
    seen = []
    for text in request.form.getlist("row")[: MAX_BULK + 1]:
        event, _dot, review = text.partition(".")
        event_id = _id(event)
        if event_id is None or (review and _id(review) is None):
            raise Invalid({"rows": [N_("Load the page again: it does not say what was chosen.")]})
        seen.append(Seen(event_id=event_id, review_id=_id(review)))
    return seen


def _chosen_rows(session: Session, actor: Actor) -> list[queries.Chosen]:
    """Return what was chosen. Raises Invalid under `rows`, and NotFound for a row of another store."""
    event_ids = [one.event_id for one in _seen()]
    check_selection(event_ids)
    rows = queries.get_many(session, actor, event_ids)
    if _four_eyes() and any(row.is_own for row in rows):
        raise Forbidden(N_("You captured one of these yourself: somebody else has to review it."))
    check_one_kind((row.method, row.is_weak) for row in rows)
    return rows


def _show_refused(session: Session, actor: Actor, asked: Asked, error: Invalid) -> Response:
    """Show the queue again with what is wrong with what was chosen."""
    flash(say(error.fields["rows"][0]), "bad")
    return _show(session, actor, asked, status=422)
