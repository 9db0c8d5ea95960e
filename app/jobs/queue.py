"""The queue that wakes workers: Huey on a file beside the database, or on PostgreSQL.

A message says "look into the table" and nothing else. Losing the queue loses no work.
"""

import json
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
