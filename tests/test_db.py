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
