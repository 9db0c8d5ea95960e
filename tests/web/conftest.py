"""The web application under test: real database, real CSRF, real sessions."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import argon2
import pytest
from flask import Flask, g
from flask import session as flask_session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from app.api.limits import Limiter
from app.application import create_app
from app.config import Settings
from app.db import set_ledger_key, set_waker, transaction
from app.jobs.waker import Waker
from app.models import Associate
from app.request_session import get_session
from app.services import sign_in as sign_in_service
from app.services.list_log import ListLog
from app.services.sign_in import Attempt
from app.web.auth import _begin as begin_session
from tests.cast import Cast, make_cast
from tests.database import Database

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser(FlaskClient):
    """A client that sends the CSRF token of the page that it saw last, as a browser does."""

    token = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("method", "GET") in {"POST", "PUT", "PATCH", "DELETE"} and self.token:
            kwargs["headers"] = {"X-CSRFToken": self.token, **dict(kwargs.get("headers") or {})}
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and (found := _TOKEN.search(response.get_data(as_text=True))):
            self.token = found[1]
        return response


def in_folder(folder: Path, url: str) -> Settings:
    return Settings(
        data_dir=folder,
        database_url=url,
        secret_key="s" * 40,
        erasure_key="e" * 40,
        allow_http=True,
        web_threads=2,
    )


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return in_folder(tmp_path, database_url)


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application of this worker: its routes and templates take longer to make than most tests."""
    folder = tmp_path_factory.mktemp("application")
    return create_app(in_folder(folder, f"sqlite:///{folder / 'none.db'}"))


@contextmanager
def at_work(app: Flask, settings: Settings, database: Database) -> Iterator[Flask]:
    """Give the application all that it keeps while it runs, new for a test."""
    engine = database.engine.execution_options()
    set_ledger_key(engine, settings.erasure_key)
    set_waker(engine, Waker(settings))
    # Its thread would write while a test does, and SQLite has one writer.
    list_log = ListLog(engine, has_thread=False)
    app.test_client_class = Browser
    kept = dict(app.extensions)
    app.extensions.update(settings=settings, engine=engine, list_log=list_log, api_limiter=Limiter())
    yield app
    list_log.close()
    if app.extensions["engine"] is not engine:
        app.extensions["engine"].dispose()
    app.extensions.clear()
    app.extensions.update(kept)


@pytest.fixture
def app(application: Flask, settings: Settings, database: Database) -> Iterator[Flask]:
    with at_work(application, settings, database) as app:
        yield app


@pytest.fixture
def own_app(settings: Settings, database: Database) -> Iterator[Flask]:
    """An application of this test's own, to add routes to."""
    with at_work(create_app(settings), settings, database) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> Browser:
    return app.test_client()


@pytest.fixture
def cast(database: Database, session: Session) -> Cast:
    return database.scene(session, make_cast)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Associate], Browser]:
    """Sign an associate in as the form does (which test_auth.py fills in), and return their browser."""

    def enter(associate: Associate) -> Browser:
        right = Attempt(account_hash="", associate_id=associate.id, stored=associate.password_hash)
        with app.test_request_context():
            g.request_id = uuid.uuid4().hex
            database = get_session()
            with transaction(database):
                token = sign_in_service.succeed(database, right, request_id=g.request_id)
            begin_session(token)
            csrf_token = generate_csrf()
            cookie = dict(flask_session)
        browser = app.test_client()
        with browser.session_transaction() as session:
            session.update(cookie)
        browser.token = csrf_token
        return browser

    return enter


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the least cost: the real one takes 150 ms, on purpose."""
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sign_in_service, "_hasher", quick)
