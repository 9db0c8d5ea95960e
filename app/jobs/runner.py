"""`clienteling jobs`: workers that look into the table of jobs whenever they are woken."""

import importlib
import logging
import os
import pkgutil
import signal
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from huey.consumer import Consumer, Scheduler
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import app.jobs
from app import db, logs
from app.config import Settings
from app.db import make_engine, transaction
from app.domain import jobs as rules
from app.domain.actor import Actor, Channel
from app.domain.jobs import JOB_ACTOR
from app.errors import Unavailable
from app.jobs import queue
from app.jobs.registry import HANDLERS, RECURRING, SWEEPS, Stopping, Work
from app.models import Job
from app.queries import jobs as queries
from app.services import jobs
from app.services.jobs import LeaseLost

# A step that takes longer is taken for stuck: its job is no longer held for it.
LONGEST_STEP = timedelta(minutes=30)
# How long a stopped process waits for the steps that are in flight, in seconds.
STOP_SECONDS = 20
_SWEEP_SECONDS = 5


def load_handlers() -> None:
    """Import every module of this package, each of which registers its handlers."""
    for module in pkgutil.iter_modules(app.jobs.__path__):
        importlib.import_module(f"app.jobs.{module.name}")


class Runner:
    """Claims due jobs one after the other and runs their handlers; used by several threads."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        db.set_ledger_key(engine, settings.erasure_key)
        self.lease = timedelta(seconds=settings.job_lease_seconds)
        self.stopping = threading.Event()
        self.log = structlog.get_logger()
        self.lock = threading.Lock()
        self.held: dict[uuid.UUID, tuple[uuid.UUID, float]] = {}
        self.threads: dict[str, threading.Thread] = {}
        # Called with the seconds after which somebody should look again.
        self.wake: Callable[[float], None] = lambda _seconds: None

    def look(self) -> None:
        """Do everything that is due; never raises, so that a database that is away is waited for."""
        try:
            self._plan()
            for sweep in SWEEPS:
                sweep(self)
            while not self.stopping.is_set() and self.run_next():
                pass
        except Exception as error:  # noqa: BLE001 -- the next look is only seconds away
            self.log.warning("jobs.look", error=_where(error))

    def start(self, name: str, threads: int, act: Callable[[], bool]) -> None:
        """Have up to so many threads call `act` until it returns False or the process is stopped."""
        with self.lock:
            for key in (f"{name}-{number}" for number in range(threads)):
                known = self.threads.get(key)
                if known is None or not known.is_alive():
                    self.threads[key] = threading.Thread(target=self._repeat, args=(act,), name=key)
                    self.threads[key].start()

    def _repeat(self, act: Callable[[], bool]) -> None:
        try:
            while not self.stopping.is_set() and act():
                pass
        except Exception as error:  # noqa: BLE001 -- the next sweep begins anew
            self.log.warning("jobs.background", error=_where(error))

    def join(self) -> None:
        """Wait until what the threads have begun is done."""
        for thread in list(self.threads.values()):
            thread.join(timeout=STOP_SECONDS)

    def run_next(self) -> bool:
        """Claim one job and run it to its end; False when nothing is due."""
        with Session(self.engine, expire_on_commit=False) as session:
            # Reading first: claiming begins a write transaction, and SQLite has one writer.
            if not queries.is_any_due(session):
                return False
            try:
                with transaction(session):
                    job = jobs.claim(session, lease=self.lease)
            except Unavailable:
                return False
            if job is None:
                return False
            if queries.is_any_due(session):
                self.wake(0)
        self._run(job)
        return True

    def keep(self) -> None:
        """Prolong the lease of what runs here, until the process is stopped."""
        while not self.stopping.wait(self.lease.total_seconds() / 3):
            self.renew()

    def renew(self) -> None:
        """Prolong the lease of each job that runs here and is not stuck."""
        with self.lock:
            held = list(self.held.items())
        for job_id, (token, since) in held:
            if time.monotonic() - since > LONGEST_STEP.total_seconds():
                continue
            try:
                with Session(self.engine) as session, transaction(session):
                    jobs.hold(session, job_id, token, lease=self.lease)
            except (LeaseLost, Unavailable, DBAPIError):
                # Its next step finds out, and saves nothing if the job is another's by then.
                self.log.warning("job.not_held", job=str(job_id))

    def _plan(self) -> None:
        with Session(self.engine) as session:
            for kind, interval in RECURRING.items():
                if queries.is_recurring_due(session, kind, interval):
                    with transaction(session):
                        jobs.plan(session, _actor(kind.value), kind, interval)

    def _run(self, job: Job) -> None:
        assert job.lease_token is not None
        token = job.lease_token
        began = time.monotonic()
        with self.lock:
            self.held[job.id] = (token, began)
        try:
            outcome = self._attempt(job, token)
        except LeaseLost:
            outcome = "lost"
        except Unavailable:
            # Nothing could be noted: the lease ends, and the job is taken up again.
            outcome = "unavailable"
        finally:
            with self.lock:
                self.held.pop(job.id, None)
        ms = round((time.monotonic() - began) * 1000, 1)
        self.log.info("job", job=str(job.id), kind=job.kind, outcome=outcome, attempt=job.attempts, ms=ms)

    def _attempt(self, job: Job, token: uuid.UUID) -> str:
        handler = HANDLERS.get(job.kind)
        try:
            if handler is None:
                raise LookupError(job.kind)  # noqa: TRY301 -- as if it failed: a newer version may know it
            handler(self._work(job, token))
        except Stopping:
            with Session(self.engine) as session, transaction(session):
                jobs.give_back(session, job.id, token)
            return "given back"
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the job is tried again
            self.log.warning("job.failed", job=str(job.id), kind=job.kind, error=_where(error))
            with Session(self.engine, expire_on_commit=False) as session, transaction(session):
                failed = jobs.fail(session, job.id, token, jobs.describe(error))
            if failed.state == rules.JobState.QUEUED:
                self.wake(rules.back_off(failed.attempts).total_seconds())
            return failed.state
        with Session(self.engine) as session, transaction(session):
            jobs.finish(session, job.id, token)
        return "done"

    def _work(self, job: Job, token: uuid.UUID) -> Work:
        return Work(
            id=job.id,
            kind=job.kind,
            token=token,
            subject_id=job.subject_id,
            payload=job.payload,
            requested_by_id=job.created_by_id,
            store_id=job.store_id,
            done=job.done_count,
            total=job.total_count,
            engine=self.engine,
            settings=self.settings,
            actor=_actor(job.kind),
            lease=self.lease,
            is_stopping=self.stopping.is_set,
        )


class _Sweeper(Scheduler):
    """Huey's scheduler, which also has the table looked into every few seconds: no wake-up is needed."""

    periodic_task_seconds = _SWEEP_SECONDS


class _Consumer(Consumer):
    """Huey's consumer, which ends what is in flight for SIGTERM and for Ctrl+C alike."""

    scheduler_class = _Sweeper

    def __init__(self, runner: Runner, *arguments: Any, **options: Any) -> None:
        self.runner = runner
        super().__init__(*arguments, **options)
        self._signal_actions = {signal.SIGTERM: (False, True), signal.SIGINT: (False, True)}

    def stop(self, graceful: bool = False) -> None:
        """Tell the handlers, so that each stops after its step."""
        self.runner.stopping.set()
        super().stop(graceful=graceful)


def run(settings: Settings) -> None:
    """Do background work until SIGTERM; several processes on several machines share it."""
    load_handlers()
    logging.getLogger("huey").addHandler(_HueyLog())
    logging.getLogger("huey").setLevel(logging.WARNING)
    engine = make_engine(settings.database_url, pool_size=settings.job_workers + 6, bulk=True)
    runner = Runner(engine, settings)
    huey = queue.make_huey(settings)
    queue.declare(huey, runner.look)
    # Sweeps that wait in the queue while all workers are busy are worth nothing.
    huey.periodic_task(lambda _now: True, name="sweep", expires=_SWEEP_SECONDS)(runner.look)
    runner.wake = lambda seconds: queue.send(huey, delay=seconds)
    db.set_waker(engine, lambda: queue.send(huey))
    consumer = _Consumer(
        runner,
        huey,
        workers=settings.job_workers,
        initial_delay=0.1,
        max_delay=1,
        shutdown_timeout=STOP_SECONDS,
        graceful_signal="TERM",
    )
    threading.Thread(target=runner.keep, name="keeper", daemon=True).start()
    queue.send(huey)
    consumer.run()
    runner.stopping.set()
    runner.join()
    engine.dispose()


def stop_with_parent(stream: Any) -> None:
    """Stop this process when the one that started it is gone, however it went.

    `stream` is the end of a pipe whose other end only the parent holds.
    """

    def watch() -> None:
        stream.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class _HueyLog(logging.Handler):
    """Huey's own words in the form of the other logs, without traces."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().warning("huey", error=logs.redact(record.getMessage())[:300])


def _actor(kind: str) -> Actor:
    return Actor.system(f"{JOB_ACTOR}{kind}", channel=Channel.JOB)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename.rsplit('/app/', 1)[-1]}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__} {place}"
