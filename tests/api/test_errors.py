"""Each row of the error table, on each operation where it can happen."""

import uuid
from contextlib import contextmanager
from io import BytesIO

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from app.api.routes import ROUTES
from app.domain.permissions import Scope
from app.models import Customer, DataRequest
from tests import factories as make

GUARDED = [route for route in ROUTES if route.scope]


def named(route):
    return f"{route.method} {route.path}" if hasattr(route, "path") else None


WRITES = [route for route in GUARDED if route.method in {"POST", "PUT", "PATCH"}]


@pytest.fixture
def path_of(cast, session):
    address = make.make_address(session, cast.marie)
    found = {"customer_id": cast.marie.id, "address_id": address.id, "store_id": cast.north.id}

    def path(route):
        return route.path.replace("<", "{").replace(">", "}").format(**found)

    return path


def shaped(response, status, code, *more):
    body = response.get_json()
    assert (response.status_code, body["error_code"]) == (status, code), response.text
    assert set(body) == {"error_code", "message", "request_id", *more}
    assert body["message"]
    assert response.headers["X-Newstore-Request-Id"] == body["request_id"]
    assert response.mimetype == "application/json"
    return body


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_no_authorization_is_401_and_says_what_to_send(anonymous, path_of, route):
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
        response = anonymous.open(path_of(route), method=route.method, headers=headers)
        shaped(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_token_that_opens_nothing_is_403(anonymous, api, path_of, route):
    headers = {"Authorization": "Bearer clka_nobody"}
    shaped(anonymous.open(path_of(route), method=route.method, headers=headers), 403, "forbidden")
    others = api(scopes=set(Scope) - {route.scope})
    shaped(others.open(path_of(route), method=route.method, json={}), 403, "forbidden")


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_the_scope_alone_opens_it(api, cast, path_of, route):
    body = {
        "customers_create": {"email": "new@mail.example"},
        "customers_update": {"first_name": "A", "last_name": "B", "extended_attributes": [], "revision": 1},
        "addresses_create": {"type": "billing"},
        "addresses_update": {"city": "Oslo"},
        "addresses_delete": {"profile_revision": 1},
        "orders_record": {"external_order_id": "1", "billing_address": {"email": "marie@mail.example"}},
    }.get(route.endpoint)
    program = api(scopes=(route.scope,), stores=(cast.north,))
    response = program.open(path_of(route), method=route.method, json=body)
    expected = {"customers_delete": 202, "addresses_delete": 204}.get(route.endpoint, 200)
    assert response.status_code == expected, response.text


@pytest.mark.parametrize("route", [r for r in GUARDED if "<" in r.path], ids=named)
def test_what_another_store_knows_is_not_there(api, cast, path_of, route):
    body = {
        "type": "billing", "first_name": "A", "last_name": "B", "extended_attributes": [], "revision": 1,
        "profile_revision": 1,
    }  # fmt: skip
    response = api(stores=(cast.south,)).open(path_of(route), method=route.method, json=body)
    shaped(response, 404, "store_not_found" if "<store_id>" in route.path else "customer_not_found")


@pytest.mark.parametrize("route", WRITES, ids=named)
def test_a_body_that_is_no_json_object_is_400(api, path_of, route):
    program, path = api(), path_of(route)
    for data in (b"", b"{", b"[]", b"null", b"\xff", b'{"a": NaN}'):
        shaped(program.open(path, method=route.method, data=data), 400, "bad_request")
    repeated = program.open(path, method=route.method, data=b'{"a": 1, "a": 2}')
    assert list(shaped(repeated, 400, "bad_request", "fields")["fields"]) == ["a"]


def test_asking_for_deletion_again_is_the_same_request(api, cast, session):
    program = api(stores=(cast.north,))
    url = f"/v0/d/consumer_profiles/{cast.marie.id}"
    for _ in range(2):
        response = program.delete(url)
        assert (response.status_code, response.data) == (202, b"")
    assert session.scalar(select(func.count()).select_from(DataRequest)) == 1
    assert program.get(url).status_code == 200
    shaped(program.delete(f"/v0/d/consumer_profiles/{uuid.uuid4()}"), 404, "customer_not_found")


@contextmanager
def broken(engine, error):
    def refuse(*_):
        raise error

    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_database_that_is_away_is_503_and_a_fault_500(api, app, path_of, route):
    program, path = api(), path_of(route)
    with broken(app.extensions["engine"], OperationalError("SELECT 1", {}, Exception("away"))):
        response = program.open(path, method=route.method, json={})
    shaped(response, 503, "service_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    with broken(app.extensions["engine"], RuntimeError("marie@mail.example")):
        response = program.open(path, method=route.method, json={})
    assert "marie" not in shaped(response, 500, "internal_server_error")["message"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_a_method_that_is_not_there_is_405(api, method):
    shaped(api().open("/v0/d/consumer_profiles/simplified/x/y", method=method), 404, "not_found")
    shaped(api().open("/v0/ping", method=method), 405, "method_not_allowed")


def test_a_body_of_more_than_a_mebibyte_is_refused(api):
    response = api().post("/v0/d/orders", data=b'{"a": "' + b"x" * (1024 * 1024) + b'"}')
    shaped(response, 413, "bad_request")


def test_headers_that_clients_send_are_ignored(api, cast):
    headers = {"Content-Type": "application/json", "tenant": "acme", "Accept": "text/html", "X-Anything": "1"}
    response = api().get(f"/v0/d/consumer_profiles/{cast.marie.id}", headers=headers)
    assert response.status_code == 200


def test_a_body_that_does_not_say_its_length_is_refused_and_not_cut_off(api, session):
    program = api()

    def send(text):
        chunked = {"wsgi.input_terminated": True, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
        url = "/v0/d/consumer_profiles"
        return program.post(url, input_stream=BytesIO(text), environ_overrides=chunked)

    body = b'{"email": "chunk@mail.example"}'
    shaped(send(body + b" " * 1024 * 1024), 413, "bad_request")
    assert session.scalar(select(func.count()).select_from(Customer)) == 0
    assert send(body + b" " * (1024 * 1024 - len(body))).status_code == 200
