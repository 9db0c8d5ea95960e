"""Broken, huge and forged requests: each is refused with words, none is a fault."""

from io import BytesIO

import pytest
from gunicorn.http import errors
from sqlalchemy import func, select
from werkzeug.test import Client

from app.cli.worker import Readable
from app.models import ConsentEvent, Customer, DataRequest, SignInSession

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "path",
    [
        "/customers/%00",
        "/customers/%ff",
        "/customers?list=%00",
        "/customers?list=%ff",
        "/customers?%ff=1",
        "/customers?list=%ED%A0%80",
        "/nowhere?x=%ff",
    ],
)
def test_an_address_that_is_no_text_is_refused(cast, sign_in, path):
    answer = sign_in(cast.ada).get(path)
    assert (answer.status_code, "holds a NUL character or bytes that are no UTF-8" in answer.text) == (
        400,
        True,
    )


def test_a_head_does_what_a_get_does(cast, sign_in, session):
    browser, data = sign_in(cast.mia), {"language": "en", "choices": "clienteling.phone", "way": "spoken"}
    for path in (f"/customers/{cast.marie.id}/consents/new", "/retention/request"):
        asked = browser.head(path, data=data | {"was_read_aloud": "yes"}, content_type=FORM)
        assert (asked.status_code, asked.data) == (browser.get(path).status_code, b"")
    assert not session.scalar(select(func.count()).select_from(ConsentEvent))
    assert not session.scalar(select(func.count()).select_from(DataRequest))


@pytest.mark.parametrize("tail", ["1", "-1", "99999999999999999999", "1_0", "٣", "..", "%27--", "0" * 36])
def test_an_id_that_is_none_is_not_found(cast, sign_in, tail):
    assert sign_in(cast.root).get(f"/customers/{tail}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["offset=-1", "offset=1_0", "offset=%D9%A3", "offset=99999999999999999999", "offset=x", "list=zz"],
)
def test_a_page_or_list_that_is_none_is_refused(cast, sign_in, query):
    answer = sign_in(cast.ada).get(f"/customers?{query}")
    assert answer.status_code == 422


@pytest.mark.parametrize("text", ["x" * 201, "a\x00b", "a\x1bb", "\u202emarie"])
def test_a_search_that_is_too_long_or_unreadable_is_refused(cast, sign_in, text):
    answer = sign_in(cast.ada).post("/customers/search", data={"text": text, "list": "store"})
    assert answer.status_code == 422
    assert "Lefèvre" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"first_name=%ff", FORM, 400),
        (b"first_name=%ED%A0%80", FORM, 400),
        (b"first_name=\xff\xfe", f"{FORM}; charset=utf-16", 400),
        (b"first_name=a%00b&last_name=c&email=new@mail.example", FORM, 422),
        (b"first_name=" + b"x" * 101 + b"&email=new@mail.example", FORM, 422),
        (b"x=" + b"y" * (1024 * 1024), FORM, 413),
        (b"&".join(b"f%d=1" % number for number in range(5000)), FORM, 422),
        (b'{"first_name": "a"', "application/json", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"--x", "multipart/form-data", 422),
        (b"\x1f\x8b\x08", "application/octet-stream", 422),
    ],
    ids=range(11),
)
def test_a_body_that_is_broken_or_too_large_creates_nothing(cast, sign_in, session, body, kind, status):
    before = session.scalar(select(func.count()).select_from(Customer))
    browser = sign_in(cast.ada)
    browser.get("/customers/new")
    answer = browser.post("/customers/new", data=body, content_type=kind)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Customer)) == before


def test_a_body_of_many_parts_is_refused(cast, sign_in):
    browser = sign_in(cast.ada)
    browser.get("/customers/new")
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n' for _ in range(501))
    answer = browser.post(
        "/customers/new", data=parts + b"--x--", content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 413


def test_fields_that_the_form_does_not_have_change_nothing(cast, sign_in, session):
    browser = sign_in(cast.ada)
    before = (cast.marie.store_id, cast.marie.display_id)
    browser.get(f"/customers/{cast.marie.id}/edit")
    answer = browser.post(
        f"/customers/{cast.marie.id}/edit",
        data={
            "email": cast.marie.email, "first_name": "Zoë", "last_name": "Lefèvre", "country_code": "FR",
            "phone_number": cast.marie.phone_number, "revision": cast.marie.revision,
            "id": str(cast.stranger.id), "store_id": str(cast.south.id), "display_id": "X", "role": "admin",
        },
    )  # fmt: skip
    assert answer.status_code == 303
    session.expire_all()
    marie = session.get(Customer, cast.marie.id)
    assert marie.first_name == "Zoë"
    assert (marie.store_id, marie.display_id) == before


@pytest.mark.parametrize(
    "cookie", ["session=\xff\xfe", "session=e30.x.y; \x01=1", "session=" + "a" * 5000, "=;=;session"]
)
def test_a_broken_cookie_is_nobody(app, cookie):
    answer = app.test_client(use_cookies=False).get("/customers", environ_overrides={"HTTP_COOKIE": cookie})
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/customers")


def test_a_session_id_planted_before_signing_in_is_dead_afterwards(app, cast, sign_in, client):
    client.get("/sign-in")
    planted = client.get_cookie("session").value
    sign_in(cast.ada)
    thief = app.test_client()
    thief.set_cookie("session", planted)
    assert thief.get("/customers").status_code == 303


def test_neither_a_bearer_token_nor_basic_opens_pages(client, cast):
    for header in ("Bearer " + "a" * 43, "Basic YWRhQHNob3AuZXhhbXBsZTp4"):
        assert client.get("/customers", headers={"Authorization": header}).status_code == 303


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "DELETE", "FOO"])
def test_other_methods_are_refused_and_the_right_ones_named(cast, sign_in, method):
    answer = sign_in(cast.ada).open("/customers", method=method)
    assert answer.status_code == 405
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.allow)


def test_the_token_of_another_session_is_refused(cast, sign_in, session):
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    ada.token = ben.token
    assert ada.post("/preferences/theme", data={"theme": "dark"}).status_code == 400
    session.refresh(cast.ada)
    assert cast.ada.theme == "system"


def test_a_page_left_open_until_the_session_ended_goes_to_sign_in(cast, sign_in, session):
    browser = sign_in(cast.ada)
    token = browser.token
    other = sign_in(cast.ada)
    session.query(SignInSession).delete()
    session.commit()
    answer = browser.post("/preferences/theme", data={"theme": "dark"}, headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    hx = other.post("/preferences/theme", data={"theme": "dark"}, headers={"HX-Request": "true"})
    # What was typed stays on the page: the dialog above it asks to sign in.
    assert (hx.status_code, hx.headers["HX-Retarget"]) == (401, "#dialog-body")
    assert hx.text.count('name="password"') == 1


@pytest.mark.parametrize("path", ["/sign-in", "/v0/token", "/v0/d/consumer_profiles", "/w/x/one-click"])
def test_a_body_that_is_wrongly_chunked_is_a_bad_request(app, session, path):
    class Chunked(BytesIO):
        def read(self, *_size):
            raise errors.InvalidChunkSize(b"zz")

    environ = {"wsgi.input": Chunked(), "wsgi.input_terminated": True, "REQUEST_METHOD": "POST"}
    answer = Client(Readable(app)).post(
        path, environ_overrides=environ, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 400
