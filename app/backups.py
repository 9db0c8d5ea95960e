"""Backups of an SQLite database, and putting one back without bringing anybody back who was erased."""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app import ledger, schema
from app.config import Settings
from app.db import make_engine, set_ledger_key, sqlite_library, transaction
from app.domain.actor import Actor
from app.domain.data_requests import ERASED_WITHIN
from app.domain.erasures import LedgerKey
from app.domain.texts import N_
from app.errors import Conflict
from app.scrub import scrub
from app.services import erasures

FOLDER = "backups"
_PREFIX = "clienteling-"
_LEFT_OVER = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of going through the ledger: lines that were new here, customers erased again.

    `broken_off` has the numbers of the file's lines that a power cut broke off.
    """

    lines: int
    erased: int
    broken_off: tuple[int, ...] = ()


def backup(engine: Engine, target: Path) -> Path:
    """Write a consistent, compact copy while the server runs, checked, with a manifest beside it.

    Raises Conflict when the file is there already or the copy is not sound.
    """
    if target.exists():
        raise Conflict(message=f"{target} is there already.")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Conflict(message=f"{target.parent} is no folder.") from None
    draft, manifest = target.with_name(f".{target.name}.part"), manifest_of(target)
    try:
        draft.unlink(missing_ok=True)
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM INTO ?", (str(draft),))
        except sqlite_library.OperationalError as error:
            raise Conflict(message=f"{target} cannot be written: {error}.") from error
        finally:
            connection.close()
        draft.chmod(0o600)
        found = _inspect(draft) | {"made_at": datetime.now(UTC).isoformat(), "sha256": _sha256(draft)}
        _sync(draft)
        manifest.write_text(json.dumps(found, indent=1), encoding="utf-8")
        _sync(manifest)
        draft.rename(target)
    except BaseException:
        manifest.unlink(missing_ok=True)
        raise
    finally:
        draft.unlink(missing_ok=True)
        _remove_log(draft)
    _sync(target.parent)
    return target


def default_target(settings: Settings) -> Path:
    """Return where a backup goes that was given no name."""
    return settings.data_dir / FOLDER / f"{_PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"


def manifest_of(path: Path) -> Path:
    """Return where the manifest of a backup stands."""
    return path.with_name(f"{path.name}.json")


def tidy(settings: Settings, *, keep: timedelta = ERASED_WITHIN) -> int:
    """Delete the backups of DATA_DIR that are older, and return how many: they hold erased people.

    What a backup or a restore left behind that was killed goes too.
    """
    folder = settings.data_dir / FOLDER
    old = time.time() - keep.total_seconds()
    gone = [path for path in folder.glob(f"{_PREFIX}*.db") if path.stat().st_mtime < old]
    for path in gone:
        path.unlink()
        manifest_of(path).unlink(missing_ok=True)
    draft = _draft_of(_database_of(settings))
    for path in (*folder.glob(f".{_PREFIX}*.db.part*"), *draft.parent.glob(f"{draft.name}*")):
        # One that is being written is younger.
        if path.stat().st_mtime < time.time() - _LEFT_OVER.total_seconds():
            path.unlink(missing_ok=True)
    return len(gone)


def restore(settings: Settings, source: Path) -> Replayed:
    """Put a backup in the place of the database, at the newest schema, with the ledger replayed.

    All sessions end. The work is done on a copy beside the database, which is replaced by the last step:
    whatever goes wrong before leaves it as it was. Raises Conflict when the backup is not sound, the ledger
    is not under the key of the settings, or somebody works on the database.
    """
    path = _database_of(settings)
    expected = _read_manifest(source)
    if expected and expected["sha256"] != _sha256(source):
        raise Conflict(message=f"{source} is not what its manifest says: it is damaged or was changed.")
    draft = _draft_of(path)
    try:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        _inspect(draft)
        with _held(path) as held:
            if held is not None:
                _save_ledger(settings, held)
            done = _prepare(settings, draft)
        _sync(draft)
        _remove_log(path)
        draft.rename(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)
        _remove_log(draft)
    return done


def refuse_other_key(engine: Engine, settings: Settings) -> None:
    """Raise Conflict when the ledger, in the database or in its file, was written under another key.

    Asked at each start, hence of the database with one statement, and of the file without reading its lines.
    """
    key = LedgerKey(settings.erasure_key)
    path = settings.data_dir / ledger.NAME
    with Session(engine) as session:
        if erasures.is_under_other_key(session, key) or not ledger.key_ids(path) <= {key.id}:
            raise Conflict(message=erasures.OTHER_KEY)


def is_replayed(engine: Engine, settings: Settings) -> bool:
    """True when the database knows every line of the ledger's file; after pg_restore it may not.

    Raises Conflict when the file is no ledger.
    """
    lines = ledger.read(settings.data_dir / ledger.NAME).lines
    with Session(engine) as session:
        return {line.customer_hash for line in lines} <= erasures.known_hashes(session)


def replay(engine: Engine, settings: Settings, path: Path, *, ends_sessions: bool = False) -> Replayed:
    """Take the ledger's file in, and erase again whoever is there although it names them.

    Raises Conflict, before anything is changed, when the ledger was written under another key or is none.
    """
    key = LedgerKey(settings.erasure_key)
    actor = Actor.system(N_("Ledger of erasures"))
    read = ledger.read(path)
    with Session(engine, expire_on_commit=False) as session:
        with transaction(session):
            lines = erasures.take_in(session, read.lines)
            risen = erasures.risen(session, key)
            if ends_sessions:
                erasures.end_all_sessions(session)
        for customer_id in risen:
            with transaction(session):
                request_id = erasures.request_again(session, actor, customer_id).id
            with transaction(session):
                names = erasures.begin(session, actor, request_id)
            for name in names:
                with transaction(session):
                    erasures.run_step(session, request_id, name, key)
            with transaction(session):
                erasures.finish(session, actor, request_id)
        ledger.append(path, erasures.ledger_lines(session))
    scrub(engine, erasures.tables())
    return Replayed(lines=lines, erased=len(risen), broken_off=tuple(read.broken_off))


def _database_of(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.restore")


def _prepare(settings: Settings, draft: Path) -> Replayed:
    """Bring a copy to the newest schema and erase again whoever was erased since."""
    engine = make_engine(f"sqlite:///{draft}", bulk=True)
    set_ledger_key(engine, settings.erasure_key)
    try:
        schema.upgrade(engine)
        return replay(engine, settings, settings.data_dir / ledger.NAME, ends_sessions=True)
    finally:
        engine.dispose()


@contextlib.contextmanager
def _held(path: Path) -> Iterator[Engine | None]:
    """Give the database that is to be replaced, shut to all others; None when it is missing or damaged.

    Raises Conflict when somebody has it open.
    """
    if not path.exists():
        yield None
        return
    connection = sqlite_library.connect(str(path), timeout=1)
    try:
        is_sound = True
        try:
            # Whoever has the file open holds a lock that this one needs; it is kept until the end.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite_library.OperationalError as error:
            raise Conflict(
                message="The server or the background jobs are running: stop them first."
            ) from error
        except sqlite_library.DatabaseError:
            # Damaged: that is what a restore is for, and the file has the ledger.
            is_sound = False
        yield (
            create_engine("sqlite://", module=sqlite_library, creator=lambda: connection)
            if is_sound
            else None
        )
    finally:
        connection.close()


def _save_ledger(settings: Settings, held: Engine) -> None:
    """Write what the database's own ledger holds into the file before the database goes.

    Raises Conflict when the file cannot be written: who stands only in the database would come back.
    """
    path = settings.data_dir / ledger.NAME
    try:
        with Session(held) as session:
            # A database from before there was a ledger has nobody in it.
            lines = erasures.ledger_lines(session) if inspect(held).has_table("erasure") else []
    except DatabaseError:
        # Damaged, as above.
        return
    try:
        ledger.append(path, lines)
    except OSError as error:
        raise Conflict(
            message=f"The ledger {path} cannot be written: {error.strerror}. Nothing was restored."
        ) from error


def _remove_log(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _inspect(path: Path) -> dict[str, Any]:
    """Return schema and counts of a copy. Raises Conflict when it is not sound."""
    try:
        connection = sqlite_library.connect(str(path))
        try:
            sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            sound &= connection.execute("PRAGMA foreign_key_check").fetchall() == []
            names = [
                row[0]
                for row in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
                    " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'customer_search%' ORDER BY name"
                )
            ]
            counts = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                for name in names
            }
            revisions = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
        finally:
            connection.close()
    except sqlite_library.DatabaseError as error:
        raise Conflict(message=f"{path.name} is no sound database: {error}.") from error
    if not sound:
        raise Conflict(message=f"{path.name} is damaged.")
    if len(revisions) != 1:
        raise Conflict(message=f"{path.name} is no database of this program.")
    return {"schema": revisions[0], "counts": counts}


def _read_manifest(source: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(manifest_of(source).read_text(encoding="utf-8"))
        if isinstance(read["sha256"], str):
            found: dict[str, Any] = read
            return found
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    raise Conflict(
        message=f"{manifest_of(source)} cannot be read as a manifest: it is damaged or was changed."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
