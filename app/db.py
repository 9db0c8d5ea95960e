"""The database: engine, settings of each connection, and the only commit in the program."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Insert, Select, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from app.domain.customers import EMAIL_TAKEN
from app.domain.erasures import LedgerKey
from app.errors import DISK_FULL, AppError, Conflict, Unavailable

try:
    import pysqlite3
except ImportError:  # no wheel for this machine; `clienteling doctor` says what that costs
    sqlite_library: ModuleType = sqlite3
else:
    sqlite_library = pysqlite3

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "FULL",
    "busy_timeout": "5000",
    "foreign_keys": "ON",
    "secure_delete": "ON",
    "mmap_size": "0",
    "journal_size_limit": str(64 * 1024 * 1024),
    "trusted_schema": "OFF",
    "cell_size_check": "ON",
    "temp_store": "MEMORY",
    "cache_size": "-16384",
}

# Compiling a plan would take longer than it runs, and so would starting workers for it.
_PLANNING = " -c jit=off -c max_parallel_workers_per_gather=0"

# The execution option of statements that look up by key: PostgreSQL prepares and plans them once a
# connection, which takes longer than such a statement. All others are planned for each question, since
# how common a word is decides on the right plan.
PLANNED_ONCE = {"planned_once": True}

# The execution option of an INSERT of rows alone (nothing returned, no conflict looked for), many of which
# PostgreSQL takes as one stream.
COPIED = {"copied": True}
COPIED_FROM = 20

POSTGRESQL_OPTIONS = (
    "-c statement_timeout=5000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000"
    f" -c timezone=UTC{_PLANNING}"
)

# A connection of the pool that was used so many seconds ago is taken to be there still: to ask costs each
# request one way to the server and back. If the server ended it within that time, one answer is a 503.
TRUSTED = 1.0

# Where a session keeps what it read of customers, until an act (queries/together.py, queries/customers.py).
READ_AHEAD, SEEN = "read_ahead", "customers_seen"

# SQLite keeps no queue: who waits to write looks again every 100 ms. Who writes without end makes a pause a
# little longer than that after each turn, in seconds.
TURN, PAUSE = 1.0, 0.12

# How long an import waits for other writers on SQLite: nobody sits before it.
LONG_PATIENCE_MS = 60_000

# How long a request waits for a connection of the pool before it is told to come back, in seconds.
POOL_TIMEOUT = 5


def make_engine(url: str, *, pool_size: int = 8, bulk: bool = False) -> Engine:
    """Return an engine with each connection set up as `docs/operations.md` promises.

    `bulk` lifts PostgreSQL's statement time limit, for imports, migrations and benchmarks.
    """
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            module=sqlite_library,
            pool_size=pool_size,
            pool_timeout=POOL_TIMEOUT,
            # The one used last has its plans and the pages that it read at hand.
            pool_use_lifo=True,
        )
        engine.dialect.statement_compiler = _SQLiteCompiler
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = f"-c timezone=UTC{_PLANNING}" if bulk else POSTGRESQL_OPTIONS
    engine = create_engine(
        url,
        pool_size=pool_size,
        pool_timeout=POOL_TIMEOUT,
        # The one used last has its plans and its server's memory at hand.
        pool_use_lifo=True,
        connect_args={"connect_timeout": 3, "options": options},
    )
    _ask_idle_connections(engine)
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "do_executemany", _copy)
    return engine


class ReadingSession(Session):
    """A session that mostly reads: on PostgreSQL it has no transaction but that of `transaction()`.

    To begin one and to end it are two ways to the server, and a rollback makes the driver forget what
    is planned. Each statement sees what is committed when it begins, as it does in a transaction.
    Raises RuntimeError for a change outside `transaction()`, which nothing could take back.
    """


@event.listens_for(ReadingSession, "after_begin")
def _begin_only_acts(_session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.dbapi_connection
        is_act = "writes" in connection.get_execution_options()
        if driver.autocommit is is_act:
            driver.autocommit = not is_act


def _before_statement(
    _connection: Connection,
    cursor: Any,
    _statement: str,
    _values: object,
    context: DefaultExecutionContext | None,
    _many: bool,
) -> None:
    driver = cursor.connection
    if context is None:
        driver.prepare_threshold = None
        return
    if driver.autocommit and (context.isinsert or context.isupdate or context.isdelete):
        allowed: Iterator[None] = context.execution_options.get("one_change", iter(()))
        if next(allowed, "none left") is not None:
            raise RuntimeError("rows are changed outside transaction(), or by more than its one statement")
    driver.prepare_threshold = 0 if context.execution_options.get("planned_once", False) else None


def _copy(
    cursor: Any,
    _statement: str,
    rows: Sequence[Mapping[str, Any]],
    context: DefaultExecutionContext,
) -> Literal[True] | None:
    """Send the rows of a plain INSERT as one stream, of which the server plans and answers one statement."""
    if len(rows) < COPIED_FROM or "copied" not in context.execution_options:
        return None
    table = cast("Insert", cast("Any", context.compiled).statement).table
    quote = context.dialect.identifier_preparer
    columns = [quote.quote(table.c[name].name) for name in rows[0]]
    with cursor.copy(f"COPY {quote.format_table(table)} ({', '.join(columns)}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(tuple(row.values()))
    return True


def _ask_idle_connections(engine: Engine) -> None:
    """Let no connection out of the pool that a restart of the server ended, nor back as a session set it."""

    def note(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()
        if connection is not None and connection.autocommit:
            connection.autocommit = False

    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info["used"] <= TRUSTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # All that are older are tried no more; the pool makes a new one.
            raise InvalidatePoolError from error

    event.listen(engine, "connect", note)
    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


class _SQLiteCompiler(SQLiteCompiler):
    """Keeps the value of a limit from SQLite's planner.

    Newer versions plan a statement whose limit is a parameter anew each time it is asked, which takes as
    long as to read a whole profile; an expression is not looked into.
    """

    def limit_clause(self, select: Select[Any], **named: Any) -> str:
        limit, offset = (
            f"0 + {self.process(clause, **named)}" if clause is not None else None
            for clause in (select._limit_clause, select._offset_clause)  # noqa: SLF001
        )
        text = f"\n LIMIT {limit or -1}"
        return f"{text} OFFSET {offset}" if offset else text


def _set_up_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does, with the right kind.
    connection.isolation_level = None
    for name, value in SQLITE_PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")
    record.info["patience_ms"] = int(SQLITE_PRAGMAS["busy_timeout"])


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes", False):
        # Straight to the driver: it takes no lock, so there is no error to translate.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("BEGIN")
        return
    _begin_immediate(connection, options.get("patience_ms"))


def _begin_immediate(connection: Connection, patience_ms: int | None) -> None:
    patience = patience_ms or int(SQLITE_PRAGMAS["busy_timeout"])
    # A connection keeps it until it is told otherwise.
    if connection.info.get("patience_ms") != patience:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
        connection.info["patience_ms"] = patience
    # It lets two writers queue, instead of failing in the middle of their work.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def transaction(
    session: Session, *, patience_ms: int | None = None, one_change: bool = False
) -> Iterator[None]:
    """Do one act: fresh rows, one commit at the end, nothing kept after an error.

    `patience_ms` is how long to wait for another writer on SQLite, if not as long as usual.
    `one_change` says that the act changes rows by one statement, its last: a `ReadingSession` does it on
    the connection that it reads by, and lets PostgreSQL commit it by itself.
    Raises Conflict when a unique value was taken meanwhile and Unavailable when the database is
    locked, full or away. Refuses to nest: an act is one transaction.
    """
    if session.info.get("writing"):
        raise RuntimeError("transaction() does not nest")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("rows were changed outside transaction()")
    session.info["writing"] = True
    for kept in (READ_AHEAD, SEEN):
        session.info.pop(kept, None)
    is_short = one_change and isinstance(session, ReadingSession)
    try:
        if is_short:
            _begin_one_change(session, patience_ms)
        else:
            session.rollback()
            session.connection(execution_options={"writes": True, "patience_ms": patience_ms})
        yield
        if is_short:
            _commit_one_change(session)
        else:
            session.commit()
        _wake(session)
    except AppError:
        session.rollback()
        raise
    except DBAPIError as error:
        session.rollback()
        raise as_app_error(error) from error
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False
        session.info.pop("wakes", None)


class Turns:
    """Lets others write between the transactions of an act that begins one after the other.

    Otherwise nobody could save on SQLite until it has ended.
    """

    def __init__(self, engine: Engine) -> None:
        self._is_needed = engine.dialect.name == "sqlite"
        self._began = time.monotonic()

    def give_way(self) -> None:
        """Pause when this turn took long enough; called after each transaction."""
        if self._is_needed and time.monotonic() - self._began >= TURN:
            time.sleep(PAUSE)
            self._began = time.monotonic()


def _begin_one_change(session: Session, patience_ms: int | None) -> None:
    # Neither given back to the pool nor asked for again, which takes as long as the change itself.
    session.expire_all()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execution_options(one_change=iter((None,)))
    else:
        driver: Any = connection.connection.dbapi_connection
        driver.rollback()
        _begin_immediate(connection, patience_ms)


def _commit_one_change(session: Session) -> None:
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execution_options(one_change=iter(()))
    else:
        connection.exec_driver_sql("COMMIT")


# Who is to be told, by engine, when something for the background workers was saved.
_wakers: WeakKeyDictionary[Engine, Callable[[], None]] = WeakKeyDictionary()


def set_waker(engine: Engine, wake: Callable[[], None]) -> None:
    """Let `wake` be called after each commit on the engine that gave the workers something to do.

    It must return at once and never raise: the act is saved, and workers look by themselves too.
    """
    _wakers[engine] = wake


# The key under which the ledger of erasures is read, by engine: it never stands in the database.
_ledger_keys: WeakKeyDictionary[Engine, LedgerKey] = WeakKeyDictionary()


def set_ledger_key(engine: Engine, secret: str) -> None:
    """Let acts on the engine look into the ledger of erasures."""
    _ledger_keys[engine] = LedgerKey(secret)


def ledger_key(session: Session) -> LedgerKey:
    """Return the key of the ledger of erasures. Raises RuntimeError where none was set."""
    found = _ledger_keys.get(session.get_bind().engine)
    if found is None:
        raise RuntimeError("the engine was not told the key of the ledger of erasures")
    return found


def wake_after_commit(session: Session) -> None:
    """Have the background workers woken when the running transaction is committed."""
    session.info["wakes"] = True


def _wake(session: Session) -> None:
    if session.info.get("wakes"):
        bind = session.get_bind()
        wake = _wakers.get(bind.engine)
        if wake is not None:
            wake()


# The name of its rule on PostgreSQL, and of its column on SQLite.
_EMAIL_OF_CUSTOMER = re.compile(r"\b(uq_customer_email_key|customer\.email_key)\b")


def as_app_error(error: DBAPIError) -> AppError | DBAPIError:
    """Return the AppError that a database error means to people, or the error itself.

    Only a value that is taken is what people can run into; any other rule of the tables that is broken is
    a fault of this program, which must not look like one of theirs.
    """
    if isinstance(error, IntegrityError):
        if not is_taken(error):
            return error
        if _EMAIL_OF_CUSTOMER.search(str(error.orig)):
            return Conflict({"email": [EMAIL_TAKEN]}, EMAIL_TAKEN)
        return Conflict(message="Somebody saved the same value just now. Please check and try again.")
    # PostgreSQL reports its idle-in-transaction limit as InternalError, hence the wide net.
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return Unavailable(DISK_FULL if _is_disk_full(error) else None)
    return error


def _is_disk_full(error: DBAPIError) -> bool:
    # PostgreSQL's code for it; SQLite's driver has only words.
    return getattr(error.orig, "sqlstate", None) == "53100" or str(error.orig) == "database or disk is full"


def is_taken(error: IntegrityError) -> bool:
    """True when a value that must be unique was taken already."""
    # PostgreSQL's code for it; SQLite's driver has only words.
    return getattr(error.orig, "sqlstate", None) == "23505" or str(error.orig).startswith("UNIQUE")
