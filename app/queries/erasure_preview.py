"""What an erasure would take and what would stay, before it begins."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import personal_data
from app.domain.actor import Actor
from app.domain.erasure_words import STAYS, STEPS
from app.queries import data_requests, personal_rows


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Rows by table, as (words, number): those that go or are emptied, and those that stay."""

    goes: Sequence[tuple[str, int]]
    stays: Sequence[tuple[str, int]]


def of_request(session: Session, actor: Actor, request_id: uuid.UUID) -> Preview:
    """Count what is held on the customer of a request. Raises NotFound and Forbidden."""
    row = data_requests.get(session, actor, request_id)
    counts: dict[str, int] = {}
    for table in personal_data.of_customers():
        if table.name in STEPS or table.name in STAYS:
            where = personal_rows.criterion(session, table, row.customer_id)
            query = select(func.count()).select_from(personal_rows.table_of(table.name)).where(where)
            counts[table.name] = session.scalar(query) or 0
    return Preview(
        goes=[(STEPS[name], count) for name, count in counts.items() if count and name in STEPS],
        stays=[(STAYS[name], count) for name, count in counts.items() if count and name in STAYS],
    )
