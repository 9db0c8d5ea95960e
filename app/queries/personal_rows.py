"""The rows of a table that are a customer's, as the registry of personal data says how to find them."""

import uuid

from sqlalchemy import ColumnElement, LargeBinary, String, Table, Uuid, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.domain import personal_data
from app.domain.personal_data import Link
from app.models import Base, search


def criterion(session: Session, table: personal_data.Table, customer_id: uuid.UUID) -> ColumnElement[bool]:
    """Return what finds the rows of a table that are a customer's."""
    return or_(*(_found_by(session, table_of(table.name), link, customer_id) for link in table.links))


def table_of(name: str) -> Table:
    """Return a table of the schema by its name."""
    found = Base.metadata.tables.get(name)
    return found if found is not None else search.metadata.tables[name]


def _found_by(session: Session, table: Table, link: Link, customer_id: uuid.UUID) -> ColumnElement[bool]:
    column = table.c[link.column]
    if link.via:
        parent = table_of(link.via)
        key = next(iter(parent.primary_key.columns))
        through = criterion(session, personal_data.BY_NAME[link.via], customer_id)
        return column.in_(select(key).where(through))
    if link.is_list:
        if session.get_bind().dialect.name == "postgresql":
            return column.op("@>", is_comparison=True)(cast([customer_id], ARRAY(Uuid)))
        return func.instr(column, literal(customer_id.bytes, LargeBinary)) > 0
    return column == (str(customer_id) if isinstance(column.type, String) else customer_id)
