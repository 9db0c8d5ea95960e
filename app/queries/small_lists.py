"""Lists that fit in memory: searched without accents and case, alike on every database."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from app.domain import folding
from app.domain.paging import PageRequest


def matching(candidates: Iterable[Any], text: str, asked: PageRequest) -> tuple[Sequence[uuid.UUID], int]:
    """Return the asked part of the ids whose texts hold the wanted text, and how many do in all.

    `candidates` are rows of the id, whether the row is active, and then the texts. Active rows come first,
    then by the texts.
    """
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
