"""The database of a test worker: made once, empty for each test, and filled again as a scene left it.

A scene is what a function puts into an empty database for many tests: its rows are kept, and copied for
each test instead of being made anew.
"""

import os
import pickle
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app import schema
from app.db import make_engine
from app.models import Base

T = TypeVar("T")

# A scene may say "just now"; after so many seconds it is made anew.
FRESH = 30.0


@dataclass(frozen=True)
class Scene:
    """What a scene's function returned, and when."""

    value: bytes
    made_at: float


class Database:
    """One database, for all tests of a worker: each finds it empty.

    Its engine is kept, since compiling the statements anew for each test takes longer than running them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self._scenes: dict[str, Scene] = {}

    def empty(self) -> None:
        """Let nothing be there but what the migrations made."""
        raise NotImplementedError

    def save(self, name: str) -> None:
        """Keep what is there, to be loaded again."""
        raise NotImplementedError

    def load(self, name: str) -> None:
        """Put what was saved into the empty database. Raises RuntimeError when it is not empty."""
        raise NotImplementedError

    def scene(self, session: Session, make: Callable[[Session], T]) -> T:
        """Return what `make` makes in the empty database; its rows belong to the session."""
        name = make.__name__
        known = self._scenes.get(name)
        if known is None or time.monotonic() - known.made_at > FRESH:
            made = make(session)
            session.commit()
            known = self._scenes[name] = Scene(pickle.dumps(made), time.monotonic())
            session.expunge_all()
            self.save(name)
        else:
            self.load(name)
        # A copy the first time too, so that no test sees anything else than the next.
        value: T = pickle.loads(known.value)
        session.add_all(rows_of(value))
        session.commit()
        return value

    def again(self, session: Session, make: Callable[[Session], T]) -> T:
        """Begin anew within a test: empty the database and return the scene once more."""
        session.rollback()
        session.expunge_all()
        self.empty()
        return self.scene(session, make)


def rows_of(value: Any) -> Iterator[Base]:
    """The rows that stand in a scene's value: in the fields of its dataclass, and of those within."""
    for one in vars(value).values():
        if isinstance(one, Base):
            yield one
        elif hasattr(one, "__dataclass_fields__"):
            yield from rows_of(one)


class SqliteDatabase(Database):
    """A file; what is saved is a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "test.db"
        super().__init__(f"sqlite:///{self.path}")
        schema.upgrade(self.engine)
        self.save("migrated")

    def empty(self) -> None:
        """Put a new file in its place: whoever still holds the old one cannot harm it."""
        self.engine.dispose()
        for path in self.folder.glob("test.db*"):
            path.unlink()
        shutil.copyfile(self.folder / "migrated", self.path)

    def save(self, name: str) -> None:
        """Copy the file, with what still stands in its log."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.engine.dispose()
        shutil.copyfile(self.path, self.folder / name)

    def load(self, name: str) -> None:
        """Put the copy in the file's place."""
        log = Path(f"{self.path}-wal")
        if log.exists() and log.stat().st_size:
            raise RuntimeError(f"the database is not empty: {name} has to come first")
        self.empty()
        shutil.copyfile(self.folder / name, self.path)


class PostgresqlDatabase(Database):
    """A database of a private cluster; what is saved are copies of the tables, in a schema beside them.

    Emptying every table, or a database from a template, takes longer than most tests. So only tables that
    hold something are emptied, the small ones by DELETE.
    """

    _LARGE = 256 * 1024
    # A test that failed may have left a transaction, or a process that is not quite gone.
    _END_OTHERS = (
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    # The queue makes tables of its own, at any time.
    _TABLES = (
        "SELECT relname FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
    )
    _SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    # Rows are taken as they are: their foreign keys held before, and triggers have counted already.
    _AS_IT_IS = "SET LOCAL session_replication_role = replica"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._loads: dict[str, list[str]] = {}
        migrating = make_engine(url, bulk=True)
        schema.upgrade(migrating)
        migrating.dispose()

    def empty(self) -> None:
        """Empty the tables that hold something, and count from one again."""
        self._run([self._END_OTHERS])
        filled = self._filled()
        if filled:
            large = ", ".join(name for name, size in filled.items() if size > self._LARGE)
            small = [f"DELETE FROM {name}" for name, size in filled.items() if size <= self._LARGE]
            truncate = [f"TRUNCATE {large} CASCADE"] if large else []
            self._run([self._AS_IT_IS, *truncate, *small, *self._count_on(1)])

    def save(self, name: str) -> None:
        """Copy the tables that hold something."""
        tables = [table for table in self._filled() if not table.startswith("huey_")]
        copies = [f"CREATE UNLOGGED TABLE {name}.{table} AS TABLE public.{table}" for table in tables]
        self._run([f"DROP SCHEMA IF EXISTS {name} CASCADE", f"CREATE SCHEMA {name}", *copies])
        rows = [f"INSERT INTO {table} SELECT * FROM {name}.{table}" for table in tables]
        self._loads[name] = [self._AS_IT_IS, *rows, *self._count_on()]

    def load(self, name: str) -> None:
        """Copy the saved rows into the tables."""
        # A thread of the test before may still put a message into the queue.
        if any(not table.startswith("huey_") for table in self._filled()):
            raise RuntimeError(f"the database is not empty: {name} has to come first")
        self._run(self._loads[name])

    def _filled(self) -> dict[str, int]:
        """The tables that hold something, and how large they are."""
        with self.engine.connect() as connection:
            tables = connection.exec_driver_sql(self._TABLES).scalars().all()
            ask = "SELECT '{0}', pg_table_size('{0}') WHERE EXISTS (SELECT FROM {0})".format
            filled = connection.exec_driver_sql(" UNION ALL ".join(map(ask, tables)))
            return {name: size for name, size in filled}  # noqa: C416

    def _count_on(self, number: int | None = None) -> list[str]:
        """How to let the sequences give this number next, or go on from where they are."""
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(self._SEQUENCES).all()
        return [f"SELECT setval('{name}', {number or (last or 0) + 1}, false)" for name, last in found]

    def _run(self, statements: list[str]) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("; ".join(statements))


@contextmanager
def postgresql_cluster() -> Iterator[str]:
    """The URL of a private PostgreSQL cluster on a free port, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="clienteling-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = [shutil.which("runuser") or "/usr/sbin/runuser", "-u", "postgres", "--"]
    binaries = find_postgresql()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(binaries / program), *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    port = free_port()
    run("initdb", "-D", "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    # What is lost with the machine is lost, and statistics that come by themselves make plans by chance.
    quick = "-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off"
    run(
        "pg_ctl",
        "-D",
        "data",
        "-o",
        f"-p {port} -k {folder} -h 127.0.0.1 {quick}",
        "-l",
        "log",
        "-w",
        "start",
    )
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def find_postgresql() -> Path:
    """The folder of initdb; PostgreSQL's newest version wins."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found:
        folders.insert(0, Path(found).parent)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise FileNotFoundError("PostgreSQL's initdb was not found; install the package postgresql")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
