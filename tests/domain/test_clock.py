"""Months by the calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import clock

TIMES = st.integers(0, 10**11).map(lambda ms: datetime.fromtimestamp(ms / 10, UTC))


@pytest.mark.parametrize(
    ("at", "months", "expected"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 3, 31), -1, (2026, 2, 28)),
        ((2028, 3, 31), -1, (2028, 2, 29)),
        ((2026, 1, 15), -12, (2025, 1, 15)),
        ((2026, 1, 31), -2, (2025, 11, 30)),
        ((2028, 3, 31), -36, (2025, 3, 31)),
    ],
)
def test_months_are_counted_by_the_calendar(at, months, expected):
    assert clock.add_months(datetime(*at, 5, tzinfo=UTC), months) == datetime(*expected, 5, tzinfo=UTC)


@given(TIMES, st.integers(-36, 36))
def test_months_away_is_the_same_day_or_the_last_of_its_month(at, months):
    other = clock.add_months(at, months)
    assert (other.year * 12 + other.month) - (at.year * 12 + at.month) == months
    assert other.time() == at.time()
    assert other.day == at.day or (other.day < at.day and (other + timedelta(days=1)).day == 1)
