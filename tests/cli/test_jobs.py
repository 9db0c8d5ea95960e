"""`clienteling run` with the background jobs beside it: started, kept alive, and gone with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.actor import Actor
from app.domain.jobs import JobKind
from app.models import Job
from app.services import jobs
from tests.database import free_port

SYSTEM = Actor.system("test")


@pytest.fixture
def serve(database_url, tmp_path):
    started = []

    def serve(**more):
        environment = {
            "DATABASE_URL": database_url.replace("+psycopg", ""), "DATA_DIR": str(tmp_path / "data"),
            "SECRET_KEY": "", "HOST": "", "PORT": str(free_port()), "ALLOW_HTTP": "yes", "WEB_WORKERS": "1",
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli import main; main()", "run"],
            env=os.environ | environment | more,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield serve
    for process in started:
        process.kill()
        process.communicate()


def children(pid):
    """The processes below one that do background jobs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if parent == pid and b"--beside-server" in command:
            found.append(int(folder.name))
    return found


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def state(session, job):
    session.rollback()
    return session.scalar(select(Job.state).where(Job.id == job.id))


def add(session):
    with transaction(session):
        return jobs.add(session, SYSTEM, JobKind.JOBS_TIDY, subject=("thing", 1))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux to look at processes")
def test_the_jobs_run_beside_the_server_come_back_when_killed_and_stop_with_it(serve, session):
    job = add(session)
    server = serve()
    wait_for(lambda: state(session, job) == "done")
    (child,) = children(server.pid)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: (found := children(server.pid)) and child not in found)
    job = add(session)
    wait_for(lambda: state(session, job) == "done")
    (child,) = children(server.pid)
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=40) == 0
    wait_for(lambda: not is_alive(child))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux to look at processes")
def test_the_jobs_end_when_the_server_is_killed(serve):
    server = serve()
    (child,) = wait_for(lambda: children(server.pid))
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_for(lambda: not is_alive(child))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux to look at processes")
def test_without_run_jobs_the_server_runs_alone(serve, session):
    job = add(session)
    server = serve(RUN_JOBS="no")
    time.sleep(3)
    assert server.poll() is None
    assert children(server.pid) == []
    assert state(session, job) == "queued"
