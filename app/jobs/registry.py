"""What a handler of background work is given, and how it says which kind of job it does."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.config import Settings
from app.db import Turns, transaction
from app.domain.actor import Actor
from app.services import jobs


class Stopping(Exception):
    """The worker is being stopped: the job goes back to the table and on from its last step."""


@dataclass(kw_only=True)
class Work:
    """One claimed job in the hands of its handler.

    A handler may be killed between any two lines and is then started again, so it works in steps:
    what a step does and how far the job is are saved together, by `step()`.
    """

    id: uuid.UUID
    kind: str
    token: uuid.UUID
    subject_id: str
    payload: Mapping[str, Any]
    requested_by_id: uuid.UUID | None
    store_id: uuid.UUID | None
    done: int
    total: int
    engine: Engine
    settings: Settings
    actor: Actor
    lease: timedelta
    is_stopping: Callable[[], bool] = field(default=lambda: False)
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        """Begin the first turn of writing."""
        self._turns = Turns(self.engine)

    @property
    def subject_uuid(self) -> uuid.UUID:
        """The id of what the job is about."""
        return uuid.UUID(self.subject_id)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session, to read from or for transactions of one's own."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def step(self, *, done: int | None = None, total: int | None = None) -> Iterator[Session]:
        """Do one step: what is written in the block and `done` are saved together, or neither.

        Raises LeaseLost, saving nothing, when another worker took the job over, and Stopping
        before the block when the worker is being stopped.
        """
        if self.is_stopping():
            raise Stopping
        with self.session() as session, transaction(session):
            yield session
            # Last, so that the job's row is locked only for a moment.
            session.flush()
            jobs.hold(session, self.id, self.token, lease=self.lease, done=done, total=total)
        self.done = self.done if done is None else done
        self.total = self.total if total is None else total
        self._turns.give_way()

    def progress(self, done: int, total: int) -> None:
        """Say how far the job is, for the progress bar. Raises as `step()`."""
        with self.step(done=done, total=total):
            pass


class Background(Protocol):
    """What a sweep is given: the database, the settings, and threads to work in."""

    engine: Engine
    settings: Settings

    def start(self, name: str, threads: int, act: Callable[[], bool]) -> None:
        """Have up to so many threads call `act` until it returns False; those that do already count."""


Handler = Callable[[Work], None]
Sweep = Callable[[Background], None]

HANDLERS: dict[str, Handler] = {}
RECURRING: dict[StrEnum, timedelta] = {}
SWEEPS: list[Sweep] = []


def handles(kind: StrEnum) -> Callable[[Handler], Handler]:
    """Make the function the handler of a kind of job."""

    def register(handler: Handler) -> Handler:
        if kind.value in HANDLERS:
            raise RuntimeError(f"{kind.value} has two handlers")
        HANDLERS[kind.value] = handler
        return handler

    return register


def every(interval: timedelta, kind: StrEnum) -> Callable[[Handler], Handler]:
    """Make the function the handler of a kind of job that comes again by itself.

    `interval` runs from one end to the next start; of several machines one does it.
    """

    def register(handler: Handler) -> Handler:
        RECURRING[kind] = interval
        return handles(kind)(handler)

    return register


def sweeps(function: Sweep) -> Sweep:
    """Have the function called at each wake-up and every few seconds, on each machine.

    For outboxes that have a claim of their own. It must return soon: what takes long goes into
    threads of its own, by `Background.start`.
    """
    SWEEPS.append(function)
    return function
