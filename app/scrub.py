"""Make what was deleted really gone from the database's files, not only from its tables."""

import time
from collections.abc import Iterable

from sqlalchemy import Engine

from app.errors import Unavailable

# Pages of the full-text index that are rewritten in one transaction: others can write in between.
MERGE_PAGES = 64
# Readers hold the write-ahead log for moments only.
TRIES = 50
PAUSE = 0.1


def scrub(engine: Engine, tables: Iterable[str]) -> None:
    """Remove the last traces of deleted rows of these tables.

    SQLite overwrites deleted rows (`secure_delete`), but the full-text index keeps old words until
    its parts are merged, and the write-ahead log keeps old pages until it is emptied. PostgreSQL
    keeps dead rows until VACUUM. Raises Unavailable when somebody reads for long; try again later.
    """
    if engine.dialect.name == "sqlite":
        _scrub_sqlite(engine)
    else:
        _vacuum(engine, tables)


def _scrub_sqlite(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        # Negative: first all parts are put together into one, which is then rewritten piece by piece.
        merge = "INSERT INTO customer_search_index(customer_search_index, rank) VALUES('merge', ?)"
        pages = -MERGE_PAGES
        while True:
            before = _total_changes(cursor)
            cursor.execute(merge, (pages,))
            pages = MERGE_PAGES
            if _total_changes(cursor) - before < 2:
                break
        for _try in range(TRIES):
            busy, *_sizes = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(PAUSE)
        raise Unavailable("Somebody reads for long: the write-ahead log cannot be emptied yet.")
    finally:
        connection.close()


def _total_changes(cursor: object) -> int:
    found = cursor.execute("SELECT total_changes()").fetchone()  # type: ignore[attr-defined]
    return int(found[0])


def _vacuum(engine: Engine, tables: Iterable[str]) -> None:
    preparer = engine.dialect.identifier_preparer
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.exec_driver_sql(f"VACUUM {preparer.quote(table)}")
