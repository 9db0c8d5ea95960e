"""Counts about how many customers have each token, from a sample, for the choice of a plan.

What a search finds does not depend on it. It is counted again when the number of customers has
grown much, in whatever act notices.
"""

import random
import uuid
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from app.models import search as tables
from app.queries import search_lookup as lookup
from app.services import search_entries

SAMPLE = 10_000
_CHUNK = 500
# Tokens below this many customers are not kept; any plan is quick for them.
RARE = 100
SMALLEST = 1_000
# An act of many customers may take the time; one of a single customer should seldom.
_MANY = 100
_GROWTH_AT_MANY = 4
_GROWTH = 8


def keep_up(session: Session, *, changed: int) -> None:
    """Count again if there are many more customers than at the last count."""
    counted = select(tables.frequencies.c.documents).where(tables.frequencies.c.token == tables.ALL)
    newest, last = session.execute(select(func.max(tables.documents.c.doc), counted.scalar_subquery())).one()
    growth = _GROWTH_AT_MANY if changed >= _MANY else _GROWTH
    if newest and newest >= max(SMALLEST, growth * (last or 0)):
        count(session)


def add_up(session: Session) -> None:
    """Make one row of those that writers left in `customer_count`; its sum stays as it is.

    Who does the same at the same time finds the rows gone, and adds nothing twice.
    """
    gone = session.scalars(delete(tables.counts).returning(tables.counts.c.change)).all()
    session.execute(insert(tables.counts), [{"change": sum(gone)}])


def count(session: Session) -> None:
    """Count the tokens of a sample and keep the common ones."""
    table = tables.documents.c
    newest = session.scalar(select(func.max(table.doc))) or 0
    chosen = range(1, newest + 1)
    docs: Sequence[int] = chosen
    if newest > SAMPLE:
        docs = sorted(random.Random(newest).sample(chosen, SAMPLE))  # noqa: S311 -- a sample, no secret
    found: Counter[int] = Counter()
    numbered = session.execute(select(tables.places.c.store_id, tables.places.c.place))
    place_of: dict[uuid.UUID, int] = {row.store_id: row.place for row in numbered}
    for start in range(0, len(docs), _CHUNK):
        part = docs[start : start + _CHUNK]
        ids = session.scalars(select(table.customer_id).where(table.doc.in_(part))).all()
        for reading in search_entries.read(session, ids).values():
            found.update(reading.tokens(place_of))
    scale = newest / len(docs) if docs else 1
    kept = [
        {"token": token, "documents": round(number * scale)}
        for token, number in found.items()
        if number > 2 and number * scale >= RARE
    ]
    session.execute(delete(tables.frequencies))
    session.execute(insert(tables.frequencies), [{"token": tables.ALL, "documents": newest}, *kept])
    lookup.forget_frequencies(session)
