from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import data_requests
from app.domain.data_requests import RequestInput
from app.errors import Invalid
from app.models.base import new_id

TIMES = st.integers(0, 10**11).map(lambda ms: datetime.fromtimestamp(ms / 10, UTC))


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-01-31T10:00", "2026-02-28T10:00"),
        ("2028-01-31T10:00", "2028-02-29T10:00"),
        ("2026-02-28T10:00", "2026-03-28T10:00"),
        ("2026-12-31T23:59", "2027-01-31T23:59"),
        ("2026-05-04T00:00", "2026-06-04T00:00"),
    ],
)
def test_a_request_is_due_a_calendar_month_later(received, expected):
    assert data_requests.due(datetime.fromisoformat(received)) == datetime.fromisoformat(expected)


def test_an_extension_gives_two_months_more():
    received = datetime(2026, 11, 30, tzinfo=UTC)
    assert data_requests.due(received, extended=True) == datetime(2027, 2, 28, tzinfo=UTC)


@given(TIMES, TIMES)
def test_who_asks_later_is_never_due_earlier(one, other):
    first, second = sorted((one, other))
    assert data_requests.due(first).date() <= data_requests.due(second).date()


@given(TIMES)
def test_an_extension_can_be_told_within_the_first_month_only(at):
    due = data_requests.due(at)
    assert data_requests.may_extend(at, due)
    assert not data_requests.may_extend(at, due + timedelta(microseconds=1))


@given(TIMES, st.lists(st.integers(-24 * 40, 24 * 40), max_size=12))
def test_each_reminder_comes_once_and_a_missed_one_not_after_its_successor(due, hours):
    sent, last = [], None
    for hour in sorted(hours):
        now = due + timedelta(hours=hour)
        days = data_requests.reminder(due, now, last=last)
        if days is not None:
            assert now >= due - timedelta(days=days)
            sent.append(days)
            last = days
    assert sent in ([], [10], [3], [10, 3])
    if hours:
        assert (last is None) == (max(hours) < -240)
        assert (last == 3) == (max(hours) >= -72)


def test_bad_input_says_what_is_wrong_with_each_field():
    with pytest.raises(Invalid) as refused:
        RequestInput(
            customer_id=new_id(), kind="party", identity="guess", note="\0", identity_note="x" * 501
        ).check()
    assert sorted(refused.value.fields) == ["identity", "identity_note", "kind", "note"]
