"""Two acts at the same time: the second begins while the first one's transaction is open."""

import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from app.db import transaction


def during(session, engine, act, then):
    """Do `act` in a transaction that ends only when `then`, in another thread, waits for it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction(session):
            act()
            session.flush()
            answer = pool.submit(then)
            ends = time.monotonic() + 1.5
            while time.monotonic() < ends and not answer.done() and not waits(engine):
                time.sleep(0.02)
        return answer.result(20)


def waits(engine):
    """True when somebody waits for a lock; SQLite cannot say, and lets nobody write anyway."""
    if engine.dialect.name == "sqlite":
        time.sleep(0.1)
        return True
    with engine.connect() as connection:
        return connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
