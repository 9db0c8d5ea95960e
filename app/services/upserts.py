"""The INSERT that knows ON CONFLICT, which each database has in its own dialect of SQLAlchemy."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert(session: Session, table: Any) -> Any:
    """Return an insert into a table or model of the session's database."""
    return insert_on(table, on_sqlite=session.get_bind().dialect.name == "sqlite")


def insert_on(table: Any, *, on_sqlite: bool) -> Any:
    """Return an insert for the database that is named, for statements that are made once and kept."""
    return (sqlite if on_sqlite else postgresql).insert(table)
