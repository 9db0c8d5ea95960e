"""Background jobs: the list, one job's progress, and another try for one that was given up."""

import uuid

from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain.jobs import JobState
from app.domain.permissions import Permission
from app.errors import Conflict, Invalid
from app.queries import jobs as queries
from app.request_session import get_session
from app.services import jobs as service
from app.web import admin_pages, htmx
from app.web.access import current_actor, polled, requires, signed_in
from app.web.language import say

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/admin/jobs")
@requires(Permission.JOB_VIEW)
@polled
def index() -> Response:
    """Show the jobs: all to administrators, to managers those that they asked for."""
    session, actor = get_session(), current_actor()
    _text, part = admin_pages.asked()
    state = _state()
    page = queries.list_page(session, actor, part, state)
    urls = {
        "previous_url": url_for("jobs.index", state=state, offset=page.previous_offset),
        "next_url": url_for("jobs.index", state=state, offset=page.next_offset),
        "own_url": url_for("jobs.index", state=state, offset=page.offset or None),
    }
    return htmx.render(
        "jobs/index.html",
        fragment="jobs/_list.html",
        page=page,
        state=state,
        states=list(JobState),
        counts=queries.counts(session, actor),
        urls=urls,
        is_admin=actor.can(Permission.ADMIN_MANAGE),
    )


@blueprint.get("/jobs/<uuid:job_id>")
@signed_in
@polled
def show(job_id: uuid.UUID) -> Response:
    """Show how far one job is; as a fragment it asks again by itself until the job is finished.

    The last answer fires `job-finished`, for the page around it to load what the job made.
    """
    job = queries.get(get_session(), current_actor(), job_id)
    response = htmx.render("jobs/show.html", fragment="jobs/_progress.html", job=job)
    if htmx.wants_fragment() and JobState(job.state).is_finished:
        response.headers["HX-Trigger"] = "job-finished"
    return response


@blueprint.post("/admin/jobs/<uuid:job_id>/retry")
@requires(Permission.ADMIN_MANAGE)
def retry(job_id: uuid.UUID) -> Response:
    """Let a job that was given up be tried again."""
    session, actor = get_session(), current_actor()
    try:
        with transaction(session):
            service.retry(session, actor, job_id)
        flash(_("The job is tried again."), "ok")
    except Conflict as error:
        flash(say(error.message), "warn")
    return htmx.see_other(url_for("jobs.index"))


def _state() -> JobState | None:
    given = request.args.get("state", "")
    try:
        return JobState(given) if given else None
    except ValueError:
        message = _("There is no such state of a job.")
        raise Invalid({"state": [message]}, message) from None
