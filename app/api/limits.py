"""The rate limit of each client, shared by all processes without a write for each request.

A process takes requests from the database a block at a time (a twentieth of the limit) and counts
the block down in memory; at the end of the minute what is left of it is void. So

* all processes together never let more than the limit through in a minute of the clock: exact;
* a client may be refused a little early, by at most one block for each further process that it
  talked to in this minute;
* a GET writes once in a block, not each time.

While another act keeps the database from being written, a process lets one block through at its
own risk and counts it as soon as it can.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import RateLimited, Unavailable
from app.services import quotas

MINUTE = 60
BLOCKS = 20
# A read must not stand in the queue of the writers for long.
PATIENCE_MS = 250


@dataclass
class _Share:
    """What this process may still let through, and what it let through without counting it."""

    minute: int
    left: int = 0
    is_spent: bool = False
    owed: int = 0


class Limiter:
    """Lets requests of clients through, or raises RateLimited with when to come back."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._shares: dict[tuple[uuid.UUID, str], _Share] = {}

    def spend(self, session: Session, api_client_id: uuid.UUID, kind: str, limit: int) -> None:
        """Let one request through. Raises RateLimited when the minute's limit is reached."""
        now = self._clock()
        minute = int(now // MINUTE)
        block = max(1, limit // BLOCKS)
        with self._lock:
            share = self._shares.get((api_client_id, kind))
            if share is None or share.minute != minute:
                share = self._shares[api_client_id, kind] = _Share(minute)
            if share.left > 0:
                share.left -= 1
                return
            is_spent, owed = share.is_spent, share.owed
        # Without the lock: other requests must not wait for the database. Two of them may both take
        # a block, which is then simply there for the next ones.
        given = 0 if is_spent else self._take(session, share, api_client_id, kind, block, owed, limit)
        with self._lock:
            if given == 0:
                share.is_spent = True
                wait = max(1, int((minute + 1) * MINUTE - now))
                what = "lists" if kind == "list" else "requests beside lists"
                text = f"A client may send {limit} {what} a minute. Send the next one in {wait} seconds."
                raise RateLimited(wait, text)
            share.left += given - 1

    def _take(
        self,
        session: Session,
        share: _Share,
        api_client_id: uuid.UUID,
        kind: str,
        block: int,
        owed: int,
        limit: int,
    ) -> int:
        try:
            with transaction(session, patience_ms=PATIENCE_MS):
                given = quotas.take(
                    session, api_client_id, kind, minute=share.minute, wanted=block + owed, limit=limit
                )
        except Unavailable:
            if owed:
                raise
            with self._lock:
                share.owed = block
            return block
        with self._lock:
            share.owed = 0
        return max(0, given - owed)
