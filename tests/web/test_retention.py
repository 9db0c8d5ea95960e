"""The page of the time limit: a preview, the act, and the report."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.models import AccessEntry, DataRequest, Job
from tests import factories

LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def old(session, cast):
    times = {"created_at": LONG_AGO, "updated_at": LONG_AGO}
    return factories.make_customer(session, stores=(cast.north,), last_name="Olden", **times)


def test_the_preview_erases_nothing_and_the_act_is_a_job(app, cast, session, sign_in, old):
    mia = sign_in(cast.mia)
    page = mia.get("/retention").text
    assert ("Olden" in page, "Lefèvre" in page, "Nothing is erased by itself" in page) == (True, False, True)
    assert session.scalars(select(DataRequest)).all() == []
    app.extensions["list_log"].flush()
    session.rollback()
    entry = session.scalars(select(AccessEntry).where(AccessEntry.detail == "retention")).one()
    assert (entry.action, entry.actor_id) == ("listed", cast.mia.id)
    asked = mia.get("/retention/request").text
    assert ("deletion of all of them?" in asked, "limit: 1<" in asked, "for 7 days" in asked) == (True,) * 3
    session.rollback()
    assert session.scalars(select(Job)).all() == []
    answer = mia.post("/retention/request")
    session.rollback()
    job = session.scalars(select(Job)).one()
    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}")
    assert (job.kind, job.payload) == ("retention.request", {"stores": [str(cast.north.id)], "months": 36})
    assert mia.get(answer.location).status_code == 200


def test_an_auditor_looks_and_does_not_act(cast, sign_in, old):
    otto = sign_in(cast.otto)
    page = otto.get("/retention").text
    assert ("Olden" in page, "/retention/request" in page) == (True, False)
    for offset in ("x", "-1", "9" * 30):
        assert otto.get(f"/retention?offset={offset}").status_code == 422
