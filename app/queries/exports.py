"""Everything that is held on one customer, found through the registry of personal data."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, orders, personal_data
from app.domain.actor import Actor
from app.models import Associate, ConsentEvent, ConsentWording, Store
from app.queries import customers as customer_queries
from app.queries import personal_rows

FORMAT = "clienteling-customer-export"
VERSION = 1

# Who of the staff did something is told by name, as the act that it is, never by the number.
_STAFF = frozenset({"actor_id", "associate_id", "reviewer_id"})


def collect(session: Session, actor: Actor, customer_id: uuid.UUID) -> dict[str, Any]:
    """Return the export: one part for each table of the registry that is exported, plain values only.

    Raises NotFound for a customer whom the actor may not see.
    """
    customer_queries.get(session, actor, customer_id)
    stores = {row.id: row.name for row in session.scalars(select(Store))}
    parts: dict[str, Any] = {}
    for table in personal_data.TABLES:
        if table.export:
            parts[table.export] = _part(session, table, customer_id, stores)
    parts["wordings"] = _wordings(session, customer_id)
    (parts["customer"],) = parts["customer"]
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": clock.utcnow().isoformat(),
        "made_by": actor.name,
        **parts,
    }


def _part(
    session: Session, table: personal_data.Table, customer_id: uuid.UUID, stores: dict[uuid.UUID, str]
) -> list[dict[str, Any]]:
    rows = personal_rows.table_of(table.name)
    names = [column for column in table.columns if column not in table.left_out.split()]
    query = (
        select(*(rows.c[name] for name in names))
        .where(personal_rows.criterion(session, table, customer_id))
        .order_by(*rows.primary_key.columns)
    )
    found = [dict(row._mapping) for row in session.execute(query)]  # noqa: SLF001 -- SQLAlchemy's public name
    staff = _staff(session, found)
    return [_plain(row, stores, staff) for row in found]


def name_of(column: str) -> str:
    """Return what the export calls a column: people and stores are named, not numbered."""
    if _is_staff(column):
        return column.removesuffix("_id")
    return "store" if column == "store_id" else column


def _is_staff(name: str) -> bool:
    return name in _STAFF or name.endswith("_by_id")


def _staff(session: Session, found: Iterable[dict[str, Any]]) -> dict[uuid.UUID, str]:
    ids = {value for row in found for name, value in row.items() if _is_staff(name)} - {None}
    if not ids:
        return {}
    return {row.id: row.name for row in session.scalars(select(Associate).where(Associate.id.in_(ids)))}


def _plain(row: dict[str, Any], stores: dict[uuid.UUID, str], staff: dict[uuid.UUID, str]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if _is_staff(name):
            label = name_of(name)
            # Where the row itself tells the name, that is the one of then.
            if f"{label}_name" not in row:
                plain[label] = staff.get(value)
        elif name == "store_id":
            plain[name_of(name)] = stores.get(value)
        elif name == "document":
            plain[name] = orders.loads(value)
        else:
            plain[name] = _value(value)
    return plain


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _wordings(session: Session, customer_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the exact words that the customer's declarations name."""
    used = select(ConsentEvent.wording_id).where(ConsentEvent.customer_id == customer_id)
    found = session.scalars(
        select(ConsentWording)
        .where(ConsentWording.id.in_(used))
        .order_by(ConsentWording.key, ConsentWording.version, ConsentWording.language)
    )
    return [
        {"wording": row.label, "language": row.language, "title": row.title, "text": row.text}
        for row in found
    ]
