"""Merging an edit with what others saved meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import FieldConflict


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What an edit comes to: the fields to write, and the fields on which two people differ."""

    changes: dict[str, Any]
    conflicts: tuple[FieldConflict, ...]


def three_way(
    *,
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    saved: Mapping[str, tuple[str, datetime]],
) -> Merge:
    """Merge the values of an edit (`mine`) into the saved ones (`theirs`).

    `base` is what the edit started from. Only fields that the edit changed are written; a field
    that both changed to different values is a conflict. `saved` says who
    saved each field, and when.
    """
    changes: dict[str, Any] = {}
    conflicts = []
    for name, value in mine.items():
        if value in (base.get(name), theirs.get(name)):
            continue
        if theirs.get(name) == base.get(name):
            changes[name] = value
        else:
            conflicts.append(
                FieldConflict(
                    field=name,
                    base=base.get(name),
                    theirs=theirs.get(name),
                    mine=value,
                    theirs_by=saved[name][0] if name in saved else "",
                    theirs_at=saved[name][1] if name in saved else None,
                )
            )
    return Merge(changes=changes, conflicts=tuple(conflicts))


def rewind(current: Mapping[str, Any], newest_first: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values as they were before the given changes ({field: [old, new]} each)."""
    values = dict(current)
    for changes in newest_first:
        for name, pair in changes.items():
            values[name] = pair[0]
    return values
