from uuid import UUID

import pytest
from sqlalchemy import text

from app import db


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
