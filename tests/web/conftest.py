"""The web application under test: real database, real CSRF, real sign-in."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy.orm import Session

from app import create_app
from app.config import Settings
from app.models import Associate
from app.services import sign_in as sign_in_service
from tests.cast import PASSWORD, Cast, make_cast

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


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, database_url=database_url, secret_key="s" * 40, allow_http=True, web_threads=2
    )


class CompiledTemplates(FileSystemBytecodeCache):
    """Keeps what each language's templates were compiled to."""

    def get_bucket(self, environment: Any, name: str, filename: str | None, source: str) -> Any:
        return super().get_bucket(environment, f"{environment.compiled_for}/{name}", filename, source)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once for all the applications of a run: that took a quarter of its time."""
    return CompiledTemplates(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates
    app.test_client_class = Browser
    # Its thread would write while a test does, and SQLite has one writer.
    app.extensions["list_log"].has_thread = False
    yield app
    app.extensions["list_log"].close()
    app.extensions["engine"].dispose()


@pytest.fixture
def client(app: Flask) -> Browser:
    return app.test_client()


@pytest.fixture
def cast(session: Session) -> Cast:
    return make_cast(session)


@pytest.fixture
def sign_in(app: Flask, session: Session) -> Callable[[Associate], Browser]:
    """Sign an associate in through the real form, and return their browser."""

    def enter(associate: Associate) -> Browser:
        browser = app.test_client()
        browser.get("/sign-in")
        answer = browser.post("/sign-in", data={"username": associate.email, "password": PASSWORD})
        assert answer.status_code == 303
        browser.get("/password")
        return browser

    return enter


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the least cost: the real one takes 150 ms, on purpose."""
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sign_in_service, "_hasher", quick)
