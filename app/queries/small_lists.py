"""Lists that fit in memory: searched without accents and case, alike on every database."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain import folding
from app.domain.paging import Page, PageRequest
from app.models import Associate, AttributeDefinition, Store, Webhook

T = TypeVar("T", Store, Associate, AttributeDefinition, Webhook)


def page(session: Session, rows: Select[T], texts: Sequence[Any], text: str, asked: PageRequest) -> Page[T]:
    """Return the asked part of the rows that hold the wanted text in one of their texts.

    Active rows come first, then by the texts.
    """
    table: Any = rows.column_descriptions[0]["entity"]
    ids, total = _matching(session.execute(select(table.id, table.is_active, *texts)), text, asked)
    found = {row.id: row for row in session.scalars(rows.where(table.id.in_(ids)))}
    return Page(
        items=[found[row_id] for row_id in ids], offset=asked.offset, requested=asked.count, total=total
    )


def _matching(candidates: Iterable[Any], text: str, asked: PageRequest) -> tuple[Sequence[uuid.UUID], int]:
    wanted = folding.fold(text)
    found: list[tuple[bool, list[str], uuid.UUID]] = []
    for row_id, is_active, *texts in candidates:
        folded = [folding.fold(value) for value in texts]
        # What is left of a search for signs only is nothing: compare those as they are.
        holds = wanted in " ".join(folded) if wanted else text.strip() in " ".join(texts)
        if holds:
            found.append((not is_active, folded, row_id))
    found.sort()
    part = found[asked.offset : asked.offset + asked.count]
    return [row_id for _, _, row_id in part], len(found)
