"""The queue that wakes workers: Huey on a file beside the database, or on PostgreSQL.

A message says "look into the table" and nothing else. Losing the queue loses no work.
"""

import contextlib
import json
import threading
from datetime import datetime
from typing import Any

from huey.api import Huey, PostgresHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from app.config import Settings

NAME = "clienteling"
_TIMES = ("eta", "expires_resolved")


class JsonSerializer(Serializer):
    """Messages as JSON: unlike Huey's own pickles, what is read from the queue can run no code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data), default=datetime.isoformat).encode()

    def _deserialize(self, data: bytes) -> Message:
        values = dict(zip(Message._fields, json.loads(data), strict=True))
        for name in _TIMES:
            if values[name] is not None:
                values[name] = datetime.fromisoformat(values[name])
        return Message(**values)


def make_huey(settings: Settings) -> Huey:
    """Return the queue of the settings; it makes its own tables when they are missing."""
    common: dict[str, Any] = {"results": False, "serializer": JsonSerializer()}
    if settings.is_sqlite:
        return SqliteHuey(NAME, filename=str(settings.data_dir / "jobs-queue.db"), **common)
    dsn = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    return PostgresHuey(NAME, dsn=dsn, connect_timeout=3, read_timeout=1, **common)


class Waker:
    """Wakes the workers from another process, without keeping anybody waiting.

    A thread of its own does it, so that a page neither waits for the queue nor fails with it; what
    is lost that way is found by the workers' next look into the table.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.flag = threading.Event()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Wake the workers soon; returns at once."""
        with self.lock:
            self.flag.set()
            # Begun with the first call: a thread does not survive the fork of a server process.
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        while self.flag.wait(timeout=1):
            self.flag.clear()
            with contextlib.suppress(Exception):
                huey = make_huey(self.settings)
                try:
                    send(huey)
                finally:
                    huey.storage.close()


def send(huey: Huey, *, delay: float = 0) -> None:
    """Put a wake-up into the queue, to be read after `delay` seconds."""
    task = _declare(huey)
    if delay:
        task.schedule(delay=delay)
    else:
        task()


def _declare(huey: Huey) -> Any:
    # The message names this task; the workers' process has the real one under the same name.
    return getattr(huey, "look", None) or declare(huey, lambda: None)


def declare(huey: Huey, look: Any) -> Any:
    """Give the queue its one task, named the same in each process."""

    def work() -> None:
        look()

    huey.look = huey.task(name="look")(work)
    return huey.look
