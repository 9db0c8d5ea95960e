"""Which customers stood on a page of a list: noted in memory, written shortly after the answer.

A search answers as somebody types, several times a second, and each commit waits for the disk and
for SQLite's only writer. So the pages note here what they showed. One thread of the process writes
all that is due in one transaction; nobody waits for it. What came up while somebody typed becomes
one entry with everybody it showed: nothing that was on the screen is left out. A process that is
killed loses the notes of the last seconds, lists only: opening, revealing and exporting are
written in the act's own transaction, before the answer.
"""

import atexit
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.errors import AppError
from app.models import AccessEntry
from app.services import audit

# Typing goes on when the next result comes within so many seconds, but one entry never spans more.
QUIET = 2.0
LONGEST = 20.0
# How often the thread looks, in seconds, and how many entries it keeps while the database is away.
PAUSE = 0.5
MOST = 5_000
# More customers than these make another entry.
MOST_CUSTOMERS = 500


@dataclass(kw_only=True)
class _Note:
    """One entry that is not written yet."""

    values: dict[str, Any]
    customers: dict[uuid.UUID, None]
    began: float
    touched: float
    is_typing: bool


class ListLog:
    """What the lists of one process showed and is not yet in the access log.

    Without `has_thread` only `flush` writes, for tests that write at the same time.
    """

    def __init__(self, engine: Engine, *, has_thread: bool = True) -> None:
        self._engine = engine
        self.has_thread = has_thread
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._notes: list[_Note] = []
        self._last: dict[tuple[str, str, str], _Note] = {}
        self._thread: threading.Thread | None = None
        atexit.register(self.flush)

    def note(
        self,
        actor: Actor,
        action: AccessAction,
        customer_ids: Iterable[uuid.UUID],
        *,
        detail: str = "",
        search_hash: str = "",
        is_typing: bool = False,
    ) -> None:
        """Note that these customers were shown; nothing for none.

        `is_typing`: the result of a search as somebody types, which the next one of the same
        session goes on.
        """
        shown = dict.fromkeys(customer_ids)
        if not shown:
            return
        now = time.monotonic()
        key = (actor.device or str(actor.id), action.value, detail)
        with self._lock:
            last = self._last.get(key)
            goes_on = (
                is_typing
                and last is not None
                and last.is_typing
                and now - last.touched <= QUIET
                and now - last.began <= LONGEST
                and len(last.customers | shown) <= MOST_CUSTOMERS
            )
            if goes_on and last is not None:
                last.customers |= shown
                last.touched = now
                last.values["search_hash"] = search_hash
            else:
                # Plain values: to make the entry of the ORM would cost each answer as much as its text.
                values = audit.access_values(actor, action, detail=detail, search_hash=search_hash)
                note = _Note(values=values, customers=shown, began=now, touched=now, is_typing=is_typing)
                self._last[key] = note
                self._notes.append(note)
            if self.has_thread and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="list-log", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write all notes now."""
        self._write(due_only=False)

    def close(self) -> None:
        """Write all notes and let the thread end."""
        self.flush()
        atexit.unregister(self.flush)
        if self._thread is not None:
            self._thread.join(PAUSE * 4)

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            self._write(due_only=True)
            with self._lock:
                if not self._notes:
                    self._thread = None
                    return

    def _write(self, *, due_only: bool) -> None:
        # One batch at a time, so that a failed one is put back in its order.
        with self._writing:
            now = time.monotonic()
            with self._lock:
                due = [note for note in self._notes if not due_only or _is_over(note, now)]
                written = set(map(id, due))
                self._notes = [note for note in self._notes if id(note) not in written]
                self._last = {key: note for key, note in self._last.items() if id(note) not in written}
            if not due:
                return
            rows = [note.values | {"customer_ids": tuple(note.customers)} for note in due]
            try:
                with Session(self._engine) as session, transaction(session):
                    session.execute(insert(AccessEntry), rows)
            except (AppError, DBAPIError) as error:
                self._keep(due, error)

    def _keep(self, due: list[_Note], error: Exception) -> None:
        for note in due:
            note.is_typing = False
        with self._lock:
            kept = [*due, *self._notes]
            self._notes = kept[-MOST:]
        structlog.get_logger().error(
            "list_log_not_written",
            kind=type(error).__name__,
            waiting=len(kept),
            lost=max(0, len(kept) - MOST),
        )


def _is_over(note: _Note, now: float) -> bool:
    return not note.is_typing or now - note.touched > QUIET or now - note.began > LONGEST
