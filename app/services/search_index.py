"""Keeps the search entries right: called by every act that changes what lists and searches need."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.domain import folding, searches
from app.models import Customer, CustomerSearch, CustomerStore
from app.models.search import COMPANY

BATCH = 500


def refresh(session: Session, customer_ids: Sequence[uuid.UUID]) -> None:
    """Rewrite the entries of these customers (at most 500 at once) in the running transaction."""
    session.flush()
    session.execute(delete(CustomerSearch).where(CustomerSearch.customer_id.in_(customer_ids)))
    rows = session.execute(
        select(
            Customer.id,
            Customer.first_name,
            Customer.last_name,
            Customer.email,
            Customer.phone_number,
            Customer.phone_e164,
            Customer.display_id,
            Customer.created_by_id,
            Customer.last_order_at,
            Customer.created_at,
        ).where(Customer.id.in_(customer_ids))
    ).all()
    links: dict[uuid.UUID, list[CustomerStore]] = {}
    for link in session.scalars(select(CustomerStore).where(CustomerStore.customer_id.in_(customer_ids))):
        links.setdefault(link.customer_id, []).append(link)
    entries = [entry for row in rows for entry in _entries(row, links.get(row.id, ()))]
    if entries:
        session.execute(insert(CustomerSearch), entries)


def rebuild(session: Session, customer_ids: Iterable[uuid.UUID]) -> None:
    """Rewrite the entries of all these customers, batch by batch."""
    batch: list[uuid.UUID] = []
    for customer_id in customer_ids:
        batch.append(customer_id)
        if len(batch) == BATCH:
            refresh(session, batch)
            batch = []
    if batch:
        refresh(session, batch)


def _entries(row: Any, links: Sequence[CustomerStore]) -> list[dict[str, Any]]:
    shared = {
        "customer_id": row.id,
        "last_n": folding.fold(row.last_name),
        "first_n": folding.fold(row.first_name),
        "hay": searches.haystack(
            first_name=row.first_name,
            last_name=row.last_name,
            email=row.email,
            phones=(row.phone_number, row.phone_e164 or ""),
            display_id=row.display_id,
        ),
        "created_by_id": row.created_by_id,
        "last_order_at": row.last_order_at,
        "created_at": row.created_at,
    }
    is_in = any(link.opt_in_state == "accepted" for link in links)
    latest = max((link.opted_in_at for link in links if link.opted_in_at), default=None)
    company = {"store_id": COMPANY, "opt_in_state": "accepted" if is_in else "", "opted_in_at": latest}
    return [
        shared | company,
        *(
            shared
            | {"store_id": link.store_id, "opt_in_state": link.opt_in_state, "opted_in_at": link.opted_in_at}
            for link in links
        ),
    ]
