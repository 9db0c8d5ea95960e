from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update

from app import db
from app.domain.customers import EMAIL_TAKEN
from app.errors import Conflict, NotFound, Unavailable
from app.models import Store
from tests import factories


def test_a_connection_that_the_server_ended_is_not_given_out_again(engine, monkeypatch):
    if engine.dialect.name == "sqlite":
        pytest.skip("a file has no server")
    monkeypatch.setattr(db, "TRUSTED", 0.0)
    who = text("SELECT pg_backend_pid()")
    with engine.connect() as second:
        with engine.connect() as first:
            ended = first.scalar(who)
        second.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    with engine.connect() as first, engine.connect() as second:
        assert ended not in {first.scalar(who), second.scalar(who)}


def test_statements_by_key_are_planned_once_and_no_others(engine):
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite plans when it prepares")
    by_key = text("SELECT name FROM store WHERE id = :id").execution_options(**db.PLANNED_ONCE)
    other = text("SELECT name FROM store WHERE name = :id")
    with engine.connect() as connection:
        for number in range(10):
            connection.execute(by_key, {"id": UUID(int=number)})
            connection.execute(other, {"id": str(number)})
        kept = connection.execute(text("SELECT statement, generic_plans FROM pg_prepared_statements")).all()
    assert [("WHERE id" in statement, plans > 0) for statement, plans in kept] == [(True, True)]


def test_sqlite_does_not_plan_a_page_anew_each_time(engine):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is told what to plan once")
    page = select(Store.id).order_by(Store.name)
    asked = (page.limit(3), page.limit(3).offset(1), page.offset(1))
    planned = []
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        # It is asked about each table and column whenever a statement is planned.
        driver.set_authorizer(lambda *_: planned.append(1) or 0)
        for count in (1, 2):
            planned.clear()
            for statement in asked:
                connection.execute(statement).all()
            assert bool(planned) is (count == 1)
        driver.set_authorizer(None)


def test_a_session_that_reads_begins_no_transaction_and_keeps_what_is_planned(engine, session):
    if engine.dialect.name == "sqlite":
        pytest.skip("a file has no server")
    store = factories.make_store(session)
    by_key = select(Store.name).where(Store.id == store.id).execution_options(**db.PLANNED_ONCE)
    sent = []
    with db.ReadingSession(engine) as reading:
        driver = reading.connection().connection.dbapi_connection
        for _ in range(2):
            assert reading.scalar(by_key) == store.name
            sent.append((driver.info.transaction_status.name, len(driver._prepared._names)))
            reading.rollback()
        assert sent == [("IDLE", 1), ("IDLE", 1)]
        # Nothing could take it back.
        with pytest.raises(RuntimeError, match="outside"):
            reading.execute(insert(Store.__table__))
        reading.rollback()
        with suppress(NotFound), db.transaction(reading):
            reading.execute(update(Store.__table__).values(name="Changed"))
            raise NotFound
        assert reading.scalar(by_key) == store.name
    # Whoever gets the connection next has its transactions.
    with engine.connect() as connection:
        connection.execute(text("UPDATE store SET name = 'Changed'"))
        connection.rollback()
        assert connection.scalar(text("SELECT name FROM store")) == store.name


def test_an_act_of_one_statement_needs_no_transaction_and_is_no_more(engine, session):
    store = factories.make_store(session, name="Old")
    changed = update(Store.__table__).where(Store.__table__.c.id == store.id)
    session.commit()
    with db.ReadingSession(engine) as reading:
        with db.transaction(reading, one_change=True):
            reading.execute(changed.values(name="New"))
            if engine.dialect.name == "postgresql":
                driver = reading.connection().connection.dbapi_connection
                assert driver.info.transaction_status.name == "IDLE"
                with pytest.raises(RuntimeError, match="more than"):
                    reading.execute(changed.values(name="Newer"))
        assert reading.scalar(select(Store.name)) == "New"


def test_an_act_waits_as_long_as_it_says_on_a_connection_that_others_had(session):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL waits as its own setting says")
    waits = []
    for patience in (None, 70, 70, None):
        with db.transaction(session, patience_ms=patience):
            waits.append(session.scalar(text("PRAGMA busy_timeout")))
    assert waits == [5000, 70, 70, 5000]


def test_an_address_that_two_save_at_once_is_told_by_its_field(session):
    factories.make_customer(session, email="zoe@mail.example")
    with pytest.raises(Conflict) as caught, db.transaction(session):
        factories.make_customer(session, email="ZOE@mail.example")
    assert caught.value.fields == {"email": [EMAIL_TAKEN]}
    factories.make_associate(session, email="ada@shop.example")
    with pytest.raises(Conflict) as caught, db.transaction(session):
        factories.make_associate(session, email="ada@shop.example")
    assert caught.value.fields == {}


def test_a_full_disk_is_said_in_words(session):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL takes no limit")

    def fill():
        with db.transaction(session):
            session.execute(text("PRAGMA max_page_count = 1"))
            for _ in range(100):
                factories.make_store(session)

    try:
        with pytest.raises(Unavailable, match="no room left"):
            fill()
    finally:
        session.execute(text("PRAGMA max_page_count = 4294967294"))
        session.rollback()
