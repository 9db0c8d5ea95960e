"""Which values of attributes are counted all the time, so that the API tells their number at once.

Triggers keep the number of each value that stands in `attribute_count` (migration 0019). Here is
chosen which do: those that many customers have. A rare one is counted quickly, and what a single
person gave must not stand in a table besides.
"""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from app.models import ExtendedAttribute
from app.models import search as tables

COMMON = 5_000
# A value is dropped only well below, so that none comes and goes.
DROPPED_BELOW = COMMON // 2

Value = tuple[str, str]

_attributes = ExtendedAttribute.__table__.c
_counts = tables.attribute_counts.c


def common(session: Session, *, at_least: int = COMMON, keep_from: int = DROPPED_BELOW) -> set[Value] | None:
    """Return the values to be counted, as (name, folded value); None when all stands as it should.

    It reads all attributes and locks nothing.
    """
    rows = session.execute(select(_counts.name, _counts.value_key)).all()
    counted = {(name, key) for name, key in rows}
    number = func.count()
    found = session.execute(
        select(_attributes.name, _attributes.value_key, number)
        .group_by(_attributes.name, _attributes.value_key)
        .having(number >= min(at_least, keep_from))
    )
    chosen = {(name, key) for name, key, many in found if many >= at_least or (name, key) in counted}
    return None if chosen == counted and len(rows) == len(counted) else chosen


def settle(session: Session, chosen: Collection[Value]) -> None:
    """Count these values and no others from now on, each in one row.

    On PostgreSQL nobody else writes attributes meanwhile: who had begun to before is waited for, but
    not for long, since others wait behind. Raises Unavailable then.
    """
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("SET LOCAL lock_timeout = '2s'"))
        session.execute(text("LOCK TABLE extended_attribute IN SHARE ROW EXCLUSIVE MODE"))
    kept: Counter[Value] = Counter()
    for name, key, change in session.execute(
        delete(tables.attribute_counts).returning(_counts.name, _counts.value_key, _counts.change)
    ):
        kept[name, key] += change
    rows = [
        {
            "name": name,
            "value_key": key,
            "change": kept[name, key] if (name, key) in kept else _count(session, (name, key)),
        }
        for name, key in sorted(chosen)
    ]
    if rows:
        session.execute(insert(tables.attribute_counts), rows)


def _count(session: Session, value: Value) -> int:
    is_value = (_attributes.name == value[0], _attributes.value_key == value[1])
    return session.scalar(select(func.count()).where(*is_value)) or 0
