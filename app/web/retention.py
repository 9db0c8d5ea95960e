"""Customers beyond the time limit: who they are, asking for their deletion, what became of others."""

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.db import transaction
from app.domain import clock
from app.domain.paging import PageRequest
from app.domain.permissions import Permission
from app.queries import retention as queries
from app.request_session import get_session
from app.services import retention as service
from app.web import filters, htmx, list_log, paging
from app.web.access import current_actor, current_settings, requires
from app.web.confirmations import recently_confirmed
from app.web.forms.base import ActForm

blueprint = Blueprint("retention", __name__)


@blueprint.get("/retention")
@requires(Permission.DATA_REQUEST_VIEW)
def index() -> Response:
    """Show who is beyond the time limit, before anything is asked for; and the report."""
    session, actor, settings = get_session(), current_actor(), current_settings()
    now, policy = clock.utcnow(), settings.retention
    page = queries.list_page(session, actor, policy, PageRequest(offset=paging.offset()), now=now)
    list_log.note((row.id for row in page.items), "retention")
    return htmx.render(
        "retention/index.html",
        page=page,
        months=policy.months,
        is_automatic=settings.retention_automatic,
        call_off_days=settings.deletion_call_off_days,
        held_back=queries.count_held_back(session, actor, policy, now=now),
        waiting=queries.waiting(session, actor),
        report=queries.report(session, actor, now=now),
        may_manage=actor.can(Permission.DATA_REQUEST_MANAGE),
    )


@blueprint.route("/retention/request", methods=["GET", "POST"])
@requires(Permission.DATA_REQUEST_MANAGE)
@recently_confirmed
def ask() -> Response:
    """Ask whether to; ask for the deletion of all of them, in the background. Each can be called off."""
    if request.method == "GET":
        return _sure()
    with transaction(get_session()):
        job = service.start(get_session(), current_actor(), current_settings().retention)
    flash(_("The deletions are being asked for. Each can be called off."), "ok")
    return htmx.see_other(url_for("jobs.show", job_id=job.id))


def _sure() -> Response:
    session, actor, settings = get_session(), current_actor(), current_settings()
    now = clock.utcnow()
    page = queries.list_page(session, actor, settings.retention, PageRequest(count=1), now=now)
    number = filters.number(page.total) + ("+" if page.total_capped else "")
    return htmx.render(
        "admin/state.html",
        fragment="admin/_state.html",
        form=ActForm(),
        messages=[],
        title=_("Ask for the deletion of all of them?"),
        name=_("Beyond the time limit: %(number)s", number=number),
        advice=ngettext(
            "They leave all lists at once. Each can be called off for %(num)s day.",
            "They leave all lists at once. Each can be called off for %(num)s days.",
            settings.deletion_call_off_days,
        ),
        button=_("Ask for the deletions"),
        is_danger=True,
        action_url=url_for("retention.ask"),
        back_url=url_for("retention.index"),
        back_label=_("Retention period"),
    )
