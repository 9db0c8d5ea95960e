"""Real worker processes: woken, stopped, killed in the middle, and two at once."""

import contextlib
import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.db import set_waker, transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.jobs import JobKind
from app.jobs import queue, runner
from app.jobs.registry import HANDLERS, RECURRING, handles
from app.jobs.waker import Waker
from app.models import IdempotencyKey, Job
from app.services import jobs
from tests.jobs.steps import STEPS, Kind, run

SYSTEM = Actor.system("test")
# Processes of their own, forked from one that has imported all: that takes longer than their work.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.jobs.steps"])


@pytest.fixture
def environment(database_url, tmp_path):
    return os.environ | {
        "DATABASE_URL": database_url.replace("+psycopg", ""),
        "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "",
        "JOB_LEASE_SECONDS": "2",
    }


@pytest.fixture
def start(environment):
    """Start a real `clienteling jobs`; what is left of them is killed at the end."""
    started = []

    def start(**more):
        process = PROCESSES.Process(target=run, args=(environment | more,))
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()
        process.close()


def add(session, subject, **over):
    with transaction(session):
        return jobs.add(session, SYSTEM, Kind.STEPS, subject=("thing", subject), **over)


def wait_for(session, what, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        session.rollback()
        session.expire_all()
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def state(session, job):
    return session.scalar(select(Job.state).where(Job.id == job.id))


def effects(session):
    return Counter(map(tuple, session.execute(select(IdempotencyKey.act, IdempotencyKey.key))))


def once_each(*subjects):
    return Counter((subject, str(number)) for subject in subjects for number in range(STEPS))


def test_a_worker_killed_at_any_moment_leaves_each_effect_exactly_once(session, start):
    added = [add(session, f"job {number}") for number in range(3)]
    seen = 0
    for _kill in range(4):
        worker = start(STEP_SECONDS="0.05")
        seen = wait_for(session, lambda least=seen: (n := effects(session).total()) >= least + 3 and n)
        worker.kill()
        worker.join()
    assert seen < 3 * STEPS
    start()
    wait_for(session, lambda: {state(session, job) for job in added} == {"done"})
    assert effects(session) == once_each("job 0", "job 1", "job 2")


def test_two_processes_share_the_work(session, start):
    added = [add(session, f"job {number}") for number in range(6)]
    for _ in range(2):
        start(STEP_SECONDS="0.01")
    wait_for(session, lambda: {state(session, job) for job in added} == {"done"})
    assert effects(session) == once_each(*(f"job {number}" for number in range(6)))


def test_a_stopped_worker_ends_its_step_and_another_goes_on_at_once(session, start):
    job = add(session, "job", key="one")
    first = start(STEP_SECONDS="0.3")
    wait_for(session, lambda: effects(session).total() >= 2)
    first.terminate()
    first.join(timeout=30)
    assert first.exitcode == 0
    session.rollback()
    stopped = effects(session).total()
    assert state(session, job) == "queued"
    assert session.get_one(Job, job.id, populate_existing=True).done_count == stopped < STEPS
    start()
    wait_for(session, lambda: state(session, job) == "done")
    assert effects(session) == once_each("job")


def test_a_job_is_found_although_nobody_was_woken(session, start):
    start()
    wait_for(session, lambda: session.scalar(select(Job.id).where(Job.kind == JobKind.JOBS_TIDY)))
    job = add(session, "unnoticed")
    wait_for(session, lambda: state(session, job) == "done")


def test_a_commit_wakes_the_worker(session, engine, environment):
    settings = Settings(
        data_dir=Path(environment["DATA_DIR"]), database_url=engine.url.render_as_string(hide_password=False),
        secret_key="s" * 40, erasure_key="e" * 40,
    )  # fmt: skip
    settings.data_dir.mkdir()
    waker = Waker(settings)
    set_waker(engine, waker)
    huey = queue.make_huey(settings)
    queue.declare(huey, lambda: None)
    with transaction(session):
        session.scalars(select(Job)).all()
    with contextlib.suppress(RuntimeError), transaction(session):
        jobs.add(session, SYSTEM, Kind.STEPS, subject=("thing", 1))
        raise RuntimeError
    assert waker.thread is None
    add(session, "job")
    wait_for(session, lambda: huey.pending_count() == 1)
    task = huey.dequeue()
    assert task.name == "look"
    huey.storage.close()
    waker.thread.join(timeout=10)


def test_a_message_of_the_queue_can_run_no_code():
    serializer = queue.JsonSerializer()
    with pytest.raises(ValueError, match="Expecting value"):
        serializer.deserialize(b"cos\nsystem\n(S'true'\ntR.")


def make_runner(engine, tmp_path):
    return runner.Runner(
        engine,
        Settings(data_dir=tmp_path, database_url=str(engine.url), secret_key="s" * 40, erasure_key="e" * 40),
    )


def test_an_error_is_noted_without_its_words_and_tried_again(session, engine, tmp_path, monkeypatch):
    monkeypatch.setitem(HANDLERS, "test.steps", lambda _work: int("marie@mail.example"))
    job = add(session, "job")
    assert make_runner(engine, tmp_path).run_next() is True
    session.expire_all()
    found = session.get_one(Job, job.id)
    assert (found.state, found.error, found.attempts) == ("queued", "ValueError", 1)
    assert found.run_after > clock.utcnow()


def test_a_kind_that_this_version_does_not_know_is_tried_again(session, engine, tmp_path, monkeypatch):
    monkeypatch.delitem(HANDLERS, "test.steps")
    job = add(session, "job")
    assert make_runner(engine, tmp_path).run_next() is True
    session.expire_all()
    assert session.get_one(Job, job.id).error == "LookupError"


def test_a_worker_that_lost_its_job_saves_nothing(session, engine, tmp_path, monkeypatch):
    def loses(work):
        with work.step(done=1, total=1) as inner:
            with Session(engine) as other:
                assert other.get_one(Job, work.id).lease_token == work.token
            inner.add(
                IdempotencyKey(
                    actor_key="x", act="x", key="x", request_hash="", subject_id=work.id,
                    created_at=clock.utcnow(),
                )
            )  # fmt: skip
            inner.get_one(Job, work.id).lease_token = None

    monkeypatch.setitem(HANDLERS, "test.steps", loses)
    job = add(session, "job")
    assert make_runner(engine, tmp_path).run_next() is True
    session.expire_all()
    assert session.get_one(Job, job.id).state == "running"
    assert effects(session) == Counter()


def test_a_lease_is_prolonged_while_the_handler_works(session, engine, tmp_path, monkeypatch):
    made = make_runner(engine, tmp_path)
    ends = []

    def works(work):
        for _ in range(2):
            with work.session() as inner:
                ends.append(inner.get_one(Job, work.id).leased_until)
            time.sleep(0.01)
            made.renew()

    monkeypatch.setitem(HANDLERS, "test.steps", works)
    add(session, "job")
    made.run_next()
    assert ends[1] > ends[0]


def test_every_kind_has_a_handler():
    runner.load_handlers()
    assert set(HANDLERS) == {kind.value for kind in (*JobKind, *Kind)}
    assert set(RECURRING) <= set(JobKind)
    with pytest.raises(RuntimeError, match="two handlers"):
        handles(Kind.STEPS)(lambda _work: None)
