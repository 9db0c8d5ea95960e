"""The table of jobs: asked for once, held by one worker, tried again, given up where people see it."""

import contextlib
from datetime import timedelta
from enum import StrEnum

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import clock, jobs
from app.domain.actor import Actor
from app.domain.jobs import JobState
from app.domain.paging import PageRequest
from app.errors import Conflict, Forbidden, NotFound
from app.models import AuditEntry, Job
from app.queries import jobs as queries
from app.services import jobs as service
from app.services.jobs import LeaseLost
from tests.factories import make_actor, make_associate, make_store

SYSTEM = Actor.system("test")
LEASE = timedelta(seconds=60)
ENDED = timedelta(seconds=-1)


class Kind(StrEnum):
    ONE = "test.one"


def add(session, **over):
    with transaction(session):
        return service.add(session, SYSTEM, Kind.ONE, **{"subject": ("thing", 7)} | over)


def claim(session, lease=LEASE):
    with transaction(session):
        return service.claim(session, lease=lease)


def fail(session, job, error="OSError"):
    with transaction(session):
        return service.fail(session, job.id, job.lease_token, error)


def make_due(session, job):
    with transaction(session):
        job = session.get_one(Job, job.id, populate_existing=True)
        job.run_after = clock.utcnow() - timedelta(seconds=1)


def fresh(session, job):
    session.expire_all()
    return session.get_one(Job, job.id)


def test_a_job_that_is_rolled_back_was_never_there(session):
    with contextlib.suppress(RuntimeError), transaction(session):
        service.add(session, SYSTEM, Kind.ONE, subject=("thing", 7))
        raise RuntimeError
    assert session.scalars(select(Job)).all() == []


def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(session):
    job = add(session, payload={"id": "x"})
    claimed = claim(session)
    assert (claimed.id, claimed.state, claimed.attempts) == (job.id, "running", 1)
    assert claim(session) is None


def test_two_workers_never_claim_the_same(session, engine):
    first, second = add(session), add(session)
    with Session(engine, expire_on_commit=False) as other:
        taken = {claim(session).id, claim(other).id}
    assert taken == {first.id, second.id}


def test_a_lease_that_ended_goes_to_another_and_the_first_can_write_nothing(session):
    add(session)
    first = claim(session, ENDED)
    token = first.lease_token
    second = claim(session)
    assert (second.id, second.attempts) == (first.id, 2)
    for act in (
        lambda: service.hold(session, first.id, token, lease=LEASE, done=1),
        lambda: service.finish(session, first.id, token),
        lambda: service.fail(session, first.id, token, "x"),
        lambda: service.give_back(session, first.id, token),
    ):
        with pytest.raises(LeaseLost), transaction(session):
            act()
    with transaction(session):
        service.finish(session, second.id, second.lease_token)
    assert fresh(session, second).state == "done"


def test_a_job_for_later_waits(session):
    add(session, run_after=clock.utcnow() + timedelta(hours=1))
    assert claim(session) is None


def test_a_failed_job_waits_longer_each_time_and_is_dead_after_five_tries(session):
    job = add(session)
    waits = []
    for _ in range(jobs.MAX_ATTEMPTS - 1):
        failed = fail(session, claim(session))
        waits.append(round((failed.run_after - clock.utcnow()).total_seconds(), -1))
        assert claim(session) is None
        make_due(session, job)
    assert waits == [10, 40, 160, 640]
    dead = fail(session, claim(session), "it was bad")
    assert (dead.state, dead.error, dead.attempts) == ("dead", "it was bad", 5)
    make_due(session, job)
    assert claim(session) is None


def test_a_job_that_kills_its_worker_each_time_is_given_up_too(session):
    job = add(session)
    for _ in range(jobs.MAX_ATTEMPTS):
        assert claim(session, ENDED).id == job.id
    assert claim(session) is None
    found = fresh(session, job)
    assert found.state == "dead"
    assert found.error == "Its worker ended without a word, again and again."


def test_progress_makes_the_tries_count_anew(session):
    add(session)
    for _ in range(3):
        claimed = claim(session, ENDED)
    with transaction(session):
        service.hold(session, claimed.id, claimed.lease_token, lease=LEASE, done=1, total=9)
    found = fresh(session, claimed)
    assert (found.attempts, found.done_count, found.total_count) == (1, 1, 9)
    with transaction(session):
        service.hold(session, claimed.id, claimed.lease_token, lease=LEASE, done=1, total=9)
    assert fresh(session, claimed).attempts == 1


def test_what_is_given_back_is_due_at_once_and_was_no_try(session):
    add(session)
    claimed = claim(session)
    with transaction(session):
        service.give_back(session, claimed.id, claimed.lease_token)
    assert (claim(session).id, fresh(session, claimed).attempts) == (claimed.id, 1)


def test_of_a_key_one_job_waits(session):
    job = add(session, key="a", run_after=clock.utcnow() + timedelta(hours=1))
    soon = clock.utcnow()
    again = add(session, key="a", run_after=soon)
    assert (again.id, again.run_after) == (job.id, soon)
    assert len(session.scalars(select(Job)).all()) == 1


def test_a_job_asked_for_while_it_runs_runs_once_more(session):
    job = add(session, key="a")
    claimed = claim(session)
    assert add(session, key="a").id == job.id
    with transaction(session):
        service.finish(session, claimed.id, claimed.lease_token)
    claimed = claim(session)
    assert claimed.id == job.id
    with transaction(session):
        service.finish(session, claimed.id, claimed.lease_token)
    assert fresh(session, job).state == "done"
    assert add(session, key="a").id != job.id


def test_recurring_work_is_planned_when_its_time_has_come(session):
    hour = timedelta(hours=1)

    def plan(every):
        with transaction(session):
            return service.plan(session, SYSTEM, Kind.ONE, every)

    assert plan(hour) is not None
    assert plan(timedelta(0)) is None
    claimed = claim(session)
    with transaction(session):
        service.finish(session, claimed.id, claimed.lease_token)
    assert plan(hour) is None
    assert plan(timedelta(0)) is not None


def test_a_dead_job_is_retried_by_an_administrator_and_noted(session):
    job = add(session, key="a")
    for _ in range(jobs.MAX_ATTEMPTS):
        claim(session, ENDED)
    claim(session)
    store = make_store(session)
    mia = make_actor(make_associate(session, stores=(store,), role="manager"), store)
    root = make_actor(make_associate(session, role="admin"))
    with pytest.raises(Forbidden), transaction(session):
        service.retry(session, mia, job.id)
    with transaction(session):
        service.retry(session, root, job.id)
    assert (claim(session).id, fresh(session, job).attempts) == (job.id, 1)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.subject_id, entry.actor_id) == ("job.retried", str(job.id), root.id)
    with pytest.raises(Conflict), transaction(session):
        service.retry(session, root, job.id)
    with pytest.raises(NotFound), transaction(session):
        service.retry(session, root, store.id)


def test_a_dead_job_is_not_retried_beside_its_successor(session):
    job = add(session, key="a")
    for _ in range(jobs.MAX_ATTEMPTS):
        claim(session, ENDED)
    claim(session)
    add(session, key="a")
    with pytest.raises(Conflict), transaction(session):
        service.retry(session, SYSTEM, job.id)


def test_tidying_takes_what_is_long_finished_and_nothing_else(session):
    now = clock.utcnow()
    ages = {"done": 31, "dead": 181, "new": 29}
    kept = []
    for name, days in ages.items():
        job = add(session)
        claim(session)
        with transaction(session):
            row = session.get_one(Job, job.id, populate_existing=True)
            row.state = JobState.DEAD if name == "dead" else JobState.DONE
            row.finished_at = now - timedelta(days=days)
        kept += [job.id] if name == "new" else []
    kept.append(add(session).id)
    with transaction(session):
        assert service.tidy(session) == 2
    assert sorted(session.scalars(select(Job.id))) == sorted(kept)


def test_people_see_the_jobs_that_they_asked_for_and_administrators_all(session):
    store = make_store(session)
    mia = make_actor(make_associate(session, stores=(store,), role="manager"), store)
    ben = make_actor(make_associate(session, stores=(store,), role="manager"), store)
    with transaction(session):
        own = service.add(session, mia, Kind.ONE, subject=("thing", 1))
        other = service.add(session, ben, Kind.ONE, subject=("thing", 2))
    assert [job.id for job in queries.list_page(session, mia, PageRequest()).items] == [own.id]
    assert queries.list_page(session, SYSTEM, PageRequest()).total == 2
    assert queries.counts(session, mia) == {"queued": 1}
    assert queries.get(session, mia, own.id).store_id == store.id
    with pytest.raises(NotFound):
        queries.get(session, mia, other.id)


def test_only_our_own_sentences_are_shown_of_an_error():
    assert service.describe(Conflict(message="Taken.")) == "Taken."
    assert service.describe(ValueError("marie@mail.example")) == "ValueError"
