import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import COPIED_FROM
from app.models import Address, Order
from app.services.rows import insert_rows, update_rows
from tests import factories as make

MANY = COPIED_FROM + 5
AWKWARD = ["", "a\tb", "line\nline\r\n", "\\N", "\\.", "\\", "\"quoted\", 'so'", "Zoë 🧵 名", "NULL", "{}"]


@contextmanager
def answers(session: Session) -> Iterator[list[str]]:
    """What PostgreSQL answers to each statement; SQLite, to which there is no way, answers nothing."""
    told: list[str] = []

    def note(_connection, cursor, *_: object) -> None:  # type: ignore[no-untyped-def]
        told.append(getattr(cursor, "statusmessage", ""))

    event.listen(session.get_bind(), "after_cursor_execute", note)
    yield told
    event.remove(session.get_bind(), "after_cursor_execute", note)


def order_rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "id": uuid.UUID(int=number + 1),
            "external_order_id": f"{number} {AWKWARD[number % len(AWKWARD)]}",
            "order_key": "",
            "placed_at": make.NOON + timedelta(minutes=number),
            "state": "open",
            "currency": "EUR",
            "grand_total_minor": 2**40 + number,
            "document": AWKWARD[number % len(AWKWARD)],
            "brief": {"shown": AWKWARD[number % len(AWKWARD)], "none": None, "list": [1, "2"]},
            "recorded_at": make.NOON,
            "redacted_at": None if number % 2 else make.NOON,
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, MANY])
def test_few_rows_and_many_come_back_as_they_were_written(session, count):
    rows = order_rows(count)
    insert_rows(session, Order, rows)
    back = session.scalars(select(Order).order_by(Order.id)).all()
    assert [
        {name: getattr(order, name) for name in row} for row, order in zip(rows, back, strict=True)
    ] == rows
    # What no row names has its default.
    assert {(order.channel_type, order.item_count, order.customer_id) for order in back} <= {("", 0, None)}


def test_postgresql_takes_many_rows_as_one_stream(session):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite has no way to a server")
    with answers(session) as told:
        insert_rows(session, Order, order_rows(MANY))
    assert told == [f"COPY {MANY}"]


@pytest.mark.parametrize("count", [1, MANY])
def test_a_key_that_is_taken_is_told_as_of_any_other_insert(session, count):
    rows = order_rows(count)
    insert_rows(session, Order, rows)
    again = [{**row, "id": uuid.uuid4()} for row in rows]
    with pytest.raises(IntegrityError) as caught, session.begin_nested():
        insert_rows(session, Order, again)
    assert "external_order_id" in str(caught.value.orig)
    assert len(session.scalars(select(Order.id)).all()) == count


@pytest.mark.parametrize("count", [2, MANY])
def test_each_row_is_changed_to_its_own_values(session, count):
    insert_rows(session, Order, order_rows(count))
    other = make.make_address(session, make.make_customer(session))
    changed = [
        {
            "id": uuid.UUID(int=number + 1),
            "state": AWKWARD[number % len(AWKWARD)],
            "grand_total_minor": -number,
            "redacted_at": None if number % 3 else make.NOON + timedelta(seconds=number),
        }
        # One stays as it is.
        for number in range(1, count)
    ]
    with answers(session) as told:
        update_rows(session, Order, "id", changed)
    if session.get_bind().dialect.name == "postgresql" and count == MANY:
        assert told == [f"UPDATE {count - 1}"]
    first, *others = session.scalars(select(Order).order_by(Order.id)).all()
    assert (first.state, first.grand_total_minor, first.redacted_at) == ("open", 2**40, make.NOON)
    assert (
        [{name: getattr(order, name) for name in changed[0]} for order in others] == changed
        if changed
        else True
    )
    update_rows(session, Address.__table__, "id", [{"id": other.id, "city": "Nantes"}])
    assert session.scalar(select(Address.city)) == "Nantes"
