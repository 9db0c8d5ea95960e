"""What all pages share: fragments, the way on without a store, the log, languages."""

import io
import json
import re
import sys
import uuid

import pytest
import structlog

from app import logs
from tests import factories
from tests.cast import _HASH, PASSWORD

HTMX = {"HX-Request": "true"}


def enter(app, email):
    browser = app.test_client()
    browser.get("/sign-in")
    browser.post("/sign-in", data={"username": email, "password": PASSWORD})
    return browser


def test_the_first_administrator_is_led_to_the_first_store(app, session):
    factories.make_associate(session, email="root@shop.example", role="admin", password_hash=_HASH)
    answer = enter(app, "root@shop.example").get("/customers")
    assert answer.status_code == 403
    assert "There is no open store yet" in answer.text
    assert 'href="/admin/stores/new"' in answer.text
    assert enter(app, "root@shop.example").get("/admin/stores/new").status_code == 200


def test_an_associate_without_a_store_is_told_whom_to_ask(app, session, cast):
    factories.make_associate(session, email="lone@shop.example", password_hash=_HASH)
    browser = enter(app, "lone@shop.example")
    for path in ("/customers", "/customers/new", f"/customers/{cast.marie.id}"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "Ask an administrator to add you" in answer.text
        assert "Lefèvre" not in answer.text
        assert 'action="/sign-out"' in answer.text
    line = browser.get("/customers", headers=HTMX)
    assert line.status_code == 403
    assert line.text.startswith('<div id="errors-message"')


def test_closing_the_last_store_of_an_associate_holds_at_the_next_request(session, cast, sign_in):
    browser = sign_in(cast.ada)
    cast.north.is_active = False
    session.commit()
    assert "You do not belong to a store yet" in browser.get("/customers").text


@pytest.mark.parametrize(
    ("headers", "is_fragment"),
    [
        ({}, False),
        (HTMX, True),
        (HTMX | {"HX-Boosted": "true"}, False),
        (HTMX | {"HX-History-Restore-Request": "true"}, False),
        ({"HX-Request": "false"}, False),
    ],
)
def test_a_part_is_sent_only_to_be_swapped_in(cast, sign_in, headers, is_fragment):
    answer = sign_in(cast.ada).get("/customers", headers=headers)
    assert answer.status_code == 200
    assert ("<!doctype html>" not in answer.text) is is_fragment
    assert 'id="customers-results"' in answer.text


@pytest.mark.parametrize("status", [400, 404, 405])
def test_an_error_is_a_page_or_a_line(cast, sign_in, status):
    path = {400: "/customers/%00", 404: f"/customers/{uuid.UUID(int=7)}", 405: "/customers/search"}[status]
    browser = sign_in(cast.ada)
    page, line = browser.get(path), browser.get(path, headers=HTMX)
    assert (page.status_code, line.status_code) == (status, status)
    assert page.text.startswith("<!doctype html>")
    assert line.text.startswith('<div id="errors-message"')
    assert line.headers["HX-Retarget"] == "#flashes"
    for answer in (page, line):
        assert answer.headers["X-Request-Id"] in answer.text


def test_nobody_is_sent_to_sign_in_and_back(client):
    answer = client.get("/customers?list=mine")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/customers?list%3Dmine")
    part = client.get("/customers", headers=HTMX)
    assert (part.status_code, part.headers["HX-Redirect"], part.text) == (401, "/sign-in", "")


@pytest.mark.parametrize(
    ("came_from", "goes_on_to"),
    [
        ("http://localhost/data-requests?state=closed", "/data-requests?state=closed"),
        ("http://localhost/customers/search", "/customers"),  # answers POST only
        ("http://elsewhere.example/customers", "/customers"),
        ("http://[", "/customers"),
        ("", "/customers"),
    ],
)
def test_who_changes_the_colours_stays_on_the_page(cast, sign_in, came_from, goes_on_to):
    browser = sign_in(cast.ada)
    answer = browser.post("/preferences/theme", data={"theme": "dark"}, headers={"Referer": came_from})
    assert (answer.status_code, answer.location) == (303, goes_on_to)


def test_a_language_of_the_browser_counts_until_somebody_signs_in(cast, sign_in, client):
    assert (
        '<html lang="de"'
        in client.get("/sign-in", headers={"Accept-Language": "de-CH,de;q=0.9,en;q=0.5"}).text
    )
    assert '<html lang="en"' in client.get("/sign-in", headers={"Accept-Language": "fr"}).text
    browser = sign_in(cast.ada)
    assert browser.post("/preferences/language", data={"locale": "de"}).status_code == 303
    assert '<html lang="de"' in browser.get("/customers", headers={"Accept-Language": "en"}).text


def test_the_theme_is_kept_and_unknown_ones_are_not(cast, sign_in, session):
    browser = sign_in(cast.ada)
    answer = browser.post("/preferences/theme", data={"theme": "dark", "next": "//evil.invalid"})
    assert answer.location == "/customers"
    browser.post("/preferences/theme", data={"theme": "<script>"})
    session.refresh(cast.ada)
    assert cast.ada.theme == "dark"
    assert 'data-theme="dark"' in browser.get("/customers").text


def test_an_admin_stands_in_any_store_and_others_in_their_own(cast, sign_in):
    root = sign_in(cast.root)
    assert root.post("/preferences/store", data={"store_id": str(cast.south.id)}).status_code == 303
    assert "Southerly" in root.get("/customers?list=store").text
    ada = sign_in(cast.ada)
    for store_id in (str(cast.south.id), str(uuid.UUID(int=1)), "", "x", "1" * 5000):
        assert ada.post("/preferences/store", data={"store_id": store_id}).status_code == 404


@pytest.fixture
def log(monkeypatch):
    """Read what was logged since the last look, as the server writes it: one JSON object a line."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        logs.set_up("INFO")

    def read():
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
        written.seek(0)
        written.truncate()
        return lines

    yield read
    structlog.reset_defaults()


def test_the_log_names_route_status_and_request_but_no_address_and_nobody(log, cast, sign_in):
    browser = sign_in(cast.ada)
    log()
    answer = browser.post("/customers/search", data={"text": "marie@mail.example", "list": "store"})
    browser.get(f"/customers/{cast.marie.id}?secret=0612345678", headers={"X-Request-Id": "from-the-proxy"})
    browser.get("/livez")
    first, second = log()
    assert first.pop("ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", first.pop("timestamp"))
    assert first == {
        "event": "request",
        "level": "info",
        "method": "POST",
        "route": "customers.search",
        "status": 200,
        "actor": str(cast.ada.id),
        "request_id": answer.headers["X-Request-Id"],
    }
    assert (second["route"], second["request_id"]) == ("customers.show", "from-the-proxy")
    said = repr([first, second])
    for secret in ("marie", "Lefèvre", "0612345678", "secret", "Ada", str(cast.marie.id)):
        assert secret not in said


def test_a_fault_is_logged_by_place_and_not_by_message(app, log, cast, sign_in, monkeypatch):
    browser = sign_in(cast.ada)
    log()

    def break_down():
        raise ValueError("marie@mail.example")

    break_down.access = "signed_in"
    monkeypatch.setitem(app.view_functions, "customers.index", break_down)
    answer = browser.get("/customers")
    fault, request = log()
    assert (fault["event"], fault["kind"], fault["route"]) == ("fault", "ValueError", "customers.index")
    assert fault["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]
    assert any("test_pages.py" in frame for frame in fault["frames"])
    assert "marie" not in repr(fault)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("cannot send to marie@mail.example now", "cannot send to [e-mail] now"),
        ("call +33 6 12 34 56 78", "call [digits]"),
        ("line\r\nbreak", "line\r\nbreak"),
        ("took 12 ms", "took 12 ms"),
    ],
)
def test_what_is_logged_is_redacted(said, kept):
    assert logs.redact(said) == kept
