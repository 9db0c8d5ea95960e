"""Whether it lives and can serve, and what happens when the database cannot be reached."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from app import db
from app.domain import clock
from app.models import Associate


@pytest.fixture
def away(app):
    """The database stops answering when it is called."""
    engine = app.extensions["engine"]

    def refuse(*_args):
        raise OperationalError("SELECT secret", {}, Exception("gone"))

    yield lambda: event.listen(engine, "before_cursor_execute", refuse)
    if event.contains(engine, "before_cursor_execute", refuse):
        event.remove(engine, "before_cursor_execute", refuse)


@pytest.fixture
def statements(app):
    seen = []
    engine = app.extensions["engine"]

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_it_lives_and_can_serve(client):
    assert client.get("/livez").json == {"status": "ok"}
    answer = client.get("/readyz")
    checks = {"database": True, "durable": True, "migrated": True, "disk": True}
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "checks": checks})


def test_details_are_for_this_machine_only(client):
    answer = client.get("/readyz", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.json == {"status": "ok"}


def test_a_full_disk_is_not_ready(client, monkeypatch):
    usage = SimpleNamespace(free=199 * 1024 * 1024)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["disk"] is False


def test_an_old_schema_is_not_ready(client, engine):
    with engine.connect().execution_options(writes=True) as connection:
        newest = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.commit()
        answer = client.get("/readyz")
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": newest})
        connection.commit()
    assert (answer.status_code, answer.json["checks"]["migrated"]) == (503, False)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/customers", 503), ("/password", 503), ("/nowhere", 503), ("/livez", 200), ("/readyz", 503),
     ("/static/js/app.js", 200)],
)  # fmt: skip
def test_without_the_database_it_says_so_and_when_to_come_back(cast, sign_in, away, path, status):
    browser = sign_in(cast.ada)
    away()
    answer = browser.get(path, buffered=True)
    assert answer.status_code == status
    assert "secret" not in answer.text
    if answer.mimetype == "text/html":
        assert answer.headers["Retry-After"] == "2"
        # Whoever only opened a page is not told of saving, and may ask for the page again.
        assert ('href=""' in answer.text, "saved" in answer.text.split("<p>")[1].split("</p>")[0]) == (
            True,
            False,
        )


def test_without_the_database_htmx_gets_the_line(cast, sign_in, away):
    browser = sign_in(cast.ada)
    away()
    answer = browser.get("/customers", headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert answer.headers["HX-Retarget"] == "#flashes"
    assert answer.text.startswith('<div id="errors-message"')


def test_reading_goes_on_while_another_writes_for_long(
    app, engine, session, cast, sign_in, monkeypatch, database_kind
):
    monkeypatch.setitem(db.SQLITE_PRAGMAS, "busy_timeout", "20")
    monkeypatch.setattr(
        db, "POSTGRESQL_OPTIONS", db.POSTGRESQL_OPTIONS.replace("lock_timeout=2000", "lock_timeout=50")
    )
    browser = sign_in(cast.ada)
    app.extensions["engine"].dispose()
    if database_kind == "postgresql":
        # Its sessions wait for rows, not for the file: the row of this session is what is held.
        app.extensions["engine"] = db.make_engine(app.extensions["settings"].database_url)
    with engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE sign_in_session SET store_id = store_id"))
        connection.execute(text("UPDATE associate SET theme = theme"))
        with time_machine.travel(clock.utcnow() + timedelta(minutes=5)):
            assert browser.get("/customers").status_code == 200
            assert browser.post("/preferences/theme", data={"theme": "dark"}).status_code == 503
        connection.rollback()
    session.expire_all()
    assert session.get(Associate, cast.ada.id).theme == "system"


def test_only_pages_ask_the_database_who_asks_and_with_one_statement(cast, sign_in, statements):
    browser = sign_in(cast.ada)
    for path, expected in (("/livez", 0), ("/static/css/base.css", 0), ("/password", 1), ("/nowhere", 1)):
        statements.clear()
        browser.get(path, buffered=True)
        assert len([one for one in statements if not one.startswith("BEGIN")]) == expected, path
