"""Several small reads in one way to the database, each row of which comes as JSON.

On PostgreSQL a small read costs a millisecond, most of it the way there and back. A page that knows what
its parts will ask reads it ahead; a part then finds its rows here, and asks by itself where they are not.
"""

import uuid
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Boolean, ColumnElement, FromClause, Select, Text, Uuid, cast, func, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.models.base import UtcDateTime

# A statement that is made once, and its values by name; the same names mean the same in all that go together.
Read = tuple[Select[Any], Mapping[str, Any]]


def read(session: Session, reads: Sequence[Read]) -> list[list[Any]]:
    """Return the rows of each of these, read in one statement; columns by name."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    statements = tuple(statement for statement, _ in reads)
    values = {name: value for _, given in reads for name, value in given.items()}
    found = session.execute(_together(statements, on_sqlite=on_sqlite), values).one()
    return [_rows(statement, text) for statement, text in zip(statements, found, strict=True)]


def read_ahead(session: Session, query: Select[Any], values: Mapping[str, Any], reads: Sequence[Read]) -> Any:
    """Ask a query for one row and read these in the same statement; they are kept for the transaction.

    Returns what the query selects, or None where it finds no row: then nothing was read.
    """
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    statements = tuple(statement for statement, _ in reads)
    given = {
        name: value for asked in (values, *(known for _, known in reads)) for name, value in asked.items()
    }
    row = session.execute(_beside(query, statements, on_sqlite=on_sqlite), given).one_or_none()
    if row is None:
        return None
    found, *texts = row
    kept = {
        statement: (known, _rows(statement, text))
        for (statement, known), text in zip(reads, texts, strict=True)
    }
    session.info["read_ahead"] = (session.get_transaction(), kept)
    return found


def rows(session: Session, wanted: Read) -> Sequence[Any]:
    """Return the rows, as they were read ahead in this transaction or as they are now; columns by name."""
    statement, values = wanted
    of_transaction, kept = session.info.get("read_ahead", (None, {}))
    if kept and of_transaction is session.get_transaction() and not session.info.get("writing"):
        known = kept.get(statement)
        if known is not None and known[0] == values:
            found: Sequence[Any] = known[1]
            return found
    return session.execute(statement, values).all()


def as_list(found: FromClause, *, on_sqlite: bool) -> ColumnElement[Any]:
    """Return the rows of a subquery as a list of lists, in its order, which both databases keep."""
    row, rows_in_one = func.json_build_array, func.json_agg
    if on_sqlite:
        row, rows_in_one = func.json_array, func.json_group_array
    return select(rows_in_one(row(*found.c), type_=JSON)).scalar_subquery()


def moment(text: str) -> datetime:
    """Return a time as JSON has it from either database."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


@lru_cache(maxsize=256)
def _together(statements: tuple[Select[Any], ...], *, on_sqlite: bool) -> Select[Any]:
    return select(*_lists(statements, on_sqlite=on_sqlite)).execution_options(**PLANNED_ONCE)


@lru_cache(maxsize=256)
def _beside(query: Select[Any], statements: tuple[Select[Any], ...], *, on_sqlite: bool) -> Select[Any]:
    return query.add_columns(*_lists(statements, on_sqlite=on_sqlite))


def _lists(statements: Sequence[Select[Any]], *, on_sqlite: bool) -> list[ColumnElement[Any]]:
    # As text, which this reads in a third of the time that the driver takes.
    return [cast(as_list(statement.subquery(), on_sqlite=on_sqlite), Text) for statement in statements]


_read_lists = msgspec.json.Decoder(list[list[Any]]).decode


def _rows(statement: Select[Any], text: str | None) -> list[Any]:
    make, readers = _shape(statement)
    found = []
    for values in _read_lists(text) if text else ():
        for place, reader in readers:
            if values[place] is not None:
                values[place] = reader(values[place])
        found.append(make(values))
    return found


@lru_cache(maxsize=256)
def _shape(
    statement: Select[Any],
) -> tuple[Callable[[Sequence[Any]], Any], Sequence[tuple[int, Callable[[Any], Any]]]]:
    """Return what makes a row of a list, and by place what reads the values that JSON has no kind for."""
    columns = list(statement.selected_columns)
    kind = namedtuple("Row", [column.key or "" for column in columns])  # type: ignore[misc]  # noqa: PYI024
    readers: dict[type[Any], Callable[[Any], Any]] = {
        Uuid: _uuid, UtcDateTime: moment, Boolean: bool, JSON: _nested,
    }  # fmt: skip
    found = [
        (place, reader)
        for place, column in enumerate(columns)
        for type_, reader in readers.items()
        if isinstance(column.type, type_)
    ]
    return kind._make, found


def _uuid(text: str) -> uuid.UUID:
    # In half the time that Python takes for it.
    return msgspec.convert(text, uuid.UUID)


def _nested(value: Any) -> Any:
    # SQLite keeps JSON as text, and puts it into other JSON as that.
    return msgspec.json.decode(value) if isinstance(value, str) else value
