"""The pages of the jobs: who sees which, how they poll, and the retry."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain import clock
from app.domain.jobs import KIND_LABELS, JobKind
from app.models import Job, SignInSession
from tests.factories import make_job

HTMX = {"HX-Request": "true"}


def test_a_manager_sees_the_jobs_that_they_asked_for(cast, session, sign_in):
    own = make_job(session, created_by_id=cast.mia.id, state="running", done_count=3, total_count=8)
    other = make_job(session, created_by_id=cast.root.id)
    browser = sign_in(cast.mia)
    page = browser.get("/admin/jobs").text
    assert str(own.id) in page
    assert str(other.id) not in page
    assert "3 of 8" in page
    assert browser.get(f"/jobs/{own.id}").status_code == 200
    assert browser.get(f"/jobs/{other.id}").status_code == 404


def test_the_fragment_asks_again_until_the_job_is_finished(cast, session, sign_in):
    job = make_job(session, created_by_id=cast.ada.id, state="running", done_count=1, total_count=4)
    browser = sign_in(cast.ada)
    answer = browser.get(f"/jobs/{job.id}", headers=HTMX)
    assert "<html" not in answer.text
    assert 'hx-trigger="every 2s"' in answer.text
    assert "HX-Trigger" not in answer.headers
    job.state = "done"
    session.commit()
    answer = browser.get(f"/jobs/{job.id}", headers=HTMX)
    assert "hx-get" not in answer.text
    assert answer.headers["HX-Trigger"] == "job-finished"


def test_polling_does_not_keep_a_session_open(cast, session, sign_in):
    job = make_job(session, created_by_id=cast.mia.id)
    browser = sign_in(cast.mia)
    long_ago = clock.utcnow() - timedelta(minutes=10)

    def seen(path, **headers):
        row = session.scalars(select(SignInSession)).one()
        row.last_seen_at = long_ago
        session.commit()
        browser.get(path, headers=headers)
        session.refresh(row)
        return row.last_seen_at

    assert seen(f"/jobs/{job.id}", **HTMX) == long_ago
    assert seen("/admin/jobs", **HTMX) == long_ago
    assert seen("/admin/jobs") > long_ago
    assert seen("/customers", **HTMX) > long_ago


def test_an_administrator_retries_a_job_that_was_given_up(cast, session, sign_in):
    job = make_job(session)
    browser = sign_in(cast.root)
    assert "Given up" in browser.get("/admin/jobs?state=dead").text
    assert browser.post(f"/admin/jobs/{job.id}/retry").status_code == 303
    session.expire_all()
    assert (session.get_one(Job, job.id).state, session.get_one(Job, job.id).attempts) == ("queued", 0)
    assert browser.post(f"/admin/jobs/{job.id}/retry").status_code == 303
    assert "Only a job that was given up can be retried." in browser.get("/admin/jobs").text


@pytest.mark.parametrize(
    "query", ["state=lost", "state=%00", "offset=-1", "offset=99999999999999999999", "offset=x"]
)
def test_a_list_that_cannot_be_is_refused_with_words(cast, sign_in, query):
    assert sign_in(cast.root).get(f"/admin/jobs?{query}").status_code in {400, 422}


def test_every_kind_has_a_name_for_people():
    assert set(KIND_LABELS) == set(JobKind)
