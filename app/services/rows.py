"""Writes many rows at once, past the session, which keeps track of each and takes as long again."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, Table, bindparam, func, insert, update
from sqlalchemy.orm import DeclarativeBase, Session

from app.db import COPIED, COPIED_FROM, PLANNED_ONCE

Rows = Sequence[Mapping[str, Any]]


def insert_rows(session: Session, into: Table | type[DeclarativeBase], rows: Rows) -> None:
    """Write new rows.

    They name the same columns each; those that they leave out have their default.
    """
    if rows:
        session.connection().execute(insert(_table(into)), rows, execution_options=COPIED)


def update_rows(session: Session, of: Table | type[DeclarativeBase], key: str, rows: Rows) -> None:
    """Change rows, each found by the column `key`, which is among those that it names.

    They name the same columns each.
    """
    if not rows:
        return
    connection, table, columns = session.connection(), _table(of), list(rows[0])
    values: dict[str, Any]
    if connection.dialect.name != "postgresql" or len(rows) < COPIED_FROM:
        values = {name: bindparam(f"b_{name}") for name in columns if name != key}
        statement = update(table).where(table.c[key] == bindparam(f"b_{key}")).values(values)
        statement = statement.execution_options(**PLANNED_ONCE)
        connection.execute(statement, [{f"b_{name}": value for name, value in row.items()} for row in rows])
        return
    # A statement for each row would be answered one by one.
    lists = [
        bindparam(f"b_{name}", [row[name] for row in rows], ARRAY(table.c[name].type)) for name in columns
    ]
    given = func.unnest(*lists).table_valued(*columns).render_derived("given").c
    values = {name: given[name] for name in columns if name != key}
    connection.execute(update(table).where(table.c[key] == given[key]).values(values))


def _table(of: Table | type[DeclarativeBase]) -> Table:
    return of if isinstance(of, Table) else cast("Table", of.__table__)
