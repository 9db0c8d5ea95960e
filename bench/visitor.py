"""An associate who is signed in to the application, asked in process, without a network."""

import gc
import re
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app import logs, schema
from app.application import create_app
from app.config import Settings
from app.db import make_engine, transaction
from app.domain.actor import Actor, Visibility
from app.domain.permissions import Scope
from app.domain.tokens import ApiClientInput
from app.models import Associate, AssociateStore, Store
from app.services import api_clients, attribute_counts, sign_in, tokens

PASSWORD = "a long password for the bench"
SECRET = "the secret of the bench, known to all"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def email_of(number: int) -> str:
    return f"a{number}@shop.example"


def prepare(url: str) -> None:
    """Give the associates of the bench their password and store: number 0 works in the largest one."""
    engine = make_engine(url, bulk=True)
    schema.upgrade(engine)
    with Session(engine) as session, transaction(session):
        store_id = session.scalar(select(Store.id).where(Store.name == "Store 0"))
        hashed = sign_in.hash_password(PASSWORD)
        for number, role in ((0, "associate"), (1, "manager"), (2, "admin")):
            associate_id = session.scalar(select(Associate.id).where(Associate.email_key == email_of(number)))
            session.execute(
                update(Associate).where(Associate.id == associate_id).values(password_hash=hashed, role=role)
            )
            if session.get(AssociateStore, (associate_id, store_id)) is None:
                session.add(AssociateStore(associate_id=associate_id, store_id=store_id))
        # As the job does: the rows came in without triggers.
        chosen = attribute_counts.common(session)
        if chosen is not None:
            attribute_counts.settle(session, chosen)
    engine.dispose()


def warm(url: str) -> None:
    """Have the database in the machine's memory, as on a server that has room for it: what is measured is warm."""
    if url.startswith("sqlite"):
        with Path(url.removeprefix("sqlite:///")).open("rb") as file:
            while file.read(1 << 20):
                pass
        return
    engine = make_engine(url, bulk=True)
    relations = (
        "SELECT oid FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_prewarm"))
        connection.execute(text(f"SELECT pg_prewarm(oid, 'read') FROM ({relations}) AS all_of_them"))
        searched = f"{relations} AND relname LIKE 'customer_search%'"
        connection.execute(text(f"SELECT pg_prewarm(oid) FROM ({searched}) AS searched"))
    engine.dispose()


class Visitor:
    """Asks for pages of the whole application, session, templates and all, in this process."""

    def __init__(self, url: str, *, whole_company: bool = False, number: int = 0) -> None:
        self.app = make_app(url, Visibility.COMPANY if whole_company else Visibility.STORE)
        self.engine = self.app.extensions["engine"]
        client = self.app.test_client()
        token = _TOKEN.search(client.get("/sign-in").text)
        assert token
        answer = client.post(
            "/sign-in", data={"username": email_of(number), "password": PASSWORD, "csrf_token": token[1]}
        )
        assert answer.status_code == 303, answer.text
        page = client.get("/customers").text
        found = _TOKEN.search(page)
        assert found, page
        self.csrf = found[1]
        cookie = client.get_cookie("session")
        assert cookie
        self.cookie = f"session={cookie.value}"

    def get(self, path: str, *, fragment: bool = False) -> bytes:
        return self._ask("GET", path, b"", fragment)

    def post(self, path: str, form: Mapping[str, Any], *, fragment: bool = True) -> bytes:
        return self._ask("POST", path, urlencode(form).encode(), fragment)

    def _ask(self, method: str, path: str, body: bytes, fragment: bool) -> bytes:
        headers = {"HTTP_COOKIE": self.cookie}
        if fragment:
            headers["HTTP_HX_REQUEST"] = "true"
        if method == "POST":
            headers |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "HTTP_X_CSRFTOKEN": self.csrf}
        return ask(self.app, method, path, headers, body)

    def close(self) -> None:
        self.engine.dispose()


class Program:
    """An API client of the whole company with a token, asking in process."""

    def __init__(self, url: str) -> None:
        self.app = make_app(url)
        self.engine = self.app.extensions["engine"]
        actor = Actor.system("bench")
        with Session(self.engine) as session, transaction(session):
            client = tokens.find_client(session, "bench")
            if client is None:
                given = ApiClientInput(name="bench", scopes=frozenset({Scope.PROFILE_READ}), every_store=True)
                client = api_clients.create(session, actor, given).client
            day = timedelta(days=1)
            issued = tokens.issue(
                session, client, "", grant="client_credentials", lifetime=day, refresh_lifetime=day
            )
        self.token = issued.access_token

    def get(self, path: str) -> bytes:
        return ask(self.app, "GET", path, {"HTTP_AUTHORIZATION": f"Bearer {self.token}"})

    def close(self) -> None:
        self.engine.dispose()


def make_app(url: str, visibility: Visibility = Visibility.STORE) -> Flask:
    app = create_app(
        Settings(
            data_dir=Path(tempfile.gettempdir()), database_url=url, secret_key=SECRET, erasure_key=SECRET, allow_http=True,
            customer_visibility=visibility, session_idle_minutes=720, api_lists_per_minute=1_000_000,
        )
    )  # fmt: skip
    # As the server does it; the log goes nowhere, so that the figures stay readable.
    logs.set_up("ERROR")
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    return app


def ask(app: Flask, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Ask as a server passes it on: Werkzeug's test client takes longer than some answers."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(body), "wsgi.errors": BytesIO(),
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        **headers,
    }  # fmt: skip
    status: list[str] = []
    start: Any = lambda given, _headers, *_: status.append(given)  # noqa: E731
    answer: Any = app(environ, start)
    content: bytes = b"".join(answer)
    answer.close()
    assert status[0].startswith("200"), (status[0], content[:2000])
    return content
