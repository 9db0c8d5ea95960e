"""What holds for every path below /v0/: the shape of errors, ids, no cookies, limits of JSON."""

import json

import pytest

from app.api import requests
from app.errors import Invalid

FORM = "application/x-www-form-urlencoded"


def assert_error(response, status, code):
    assert response.status_code == status
    assert response.mimetype == "application/json"
    body = response.get_json()
    assert (set(body) - {"fields", "current_revision"}, body["error_code"]) == (
        {"error_code", "message", "request_id"},
        code,
    )
    assert body["request_id"] == response.headers["X-Newstore-Request-Id"]


def test_ping_answers_everybody(anonymous):
    response = anonymous.get("/v0/ping")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v0/", 404, "not_found"),
        ("GET", "/v0/nothing", 404, "not_found"),
        ("GET", "/v0/ping/", 404, "not_found"),
        ("GET", "/v0/%00", 400, "bad_request"),
        ("GET", "/v0/ping?q=%ff", 400, "bad_request"),
        ("POST", "/v0/ping", 405, "method_not_allowed"),
        ("OPTIONS", "/v0/ping", 405, "method_not_allowed"),
        ("TRACE", "/v0/ping", 405, "method_not_allowed"),
        ("BREW", "/v0/ping", 405, "method_not_allowed"),
    ],
)
def test_a_path_or_method_that_is_not_there_answers_in_the_same_shape(anonymous, method, path, status, code):
    assert_error(anonymous.open(path, method=method), status, code)


@pytest.mark.parametrize(
    ("path", "asked", "told"),
    [
        ("/v0/%00", {}, "The address holds a NUL character"),
        ("/v0/ping?q=%ff", {}, "bytes that are no UTF-8. Correct it"),
        ("/v0/ping", {"headers": {"Host": "evil.invalid"}}, "Use the address that you were given"),
        ("/v0/token", {"method": "POST", "data": b"a=%ff", "content_type": FORM}, "send it as UTF-8"),
    ],
)
def test_what_cannot_be_read_says_how_to_mend_it(anonymous, path, asked, told):
    answer = anonymous.open(path, **asked)
    assert (answer.status_code, told in answer.get_json()["message"]) == (400, True), answer.text


def test_the_request_id_comes_back_or_is_made(anonymous):
    given = "4f0c1b0e-87ab-4b7e-9d5c-0a1b2c3d4e5f"
    answer = anonymous.get("/v0/ping", headers={"X-Newstore-Request-Id": given})
    assert answer.headers["X-Newstore-Request-Id"] == given
    for odd in ("", "short", "a" * 65, "with blank in it", "<script>alert</script>"):
        made = anonymous.get("/v0/ping", headers={"X-Newstore-Request-Id": odd})
        assert made.headers["X-Newstore-Request-Id"] != odd
        assert len(made.headers["X-Newstore-Request-Id"]) == 32


def test_no_cookie_is_read_or_set(anonymous):
    anonymous.set_cookie("session", "forged")
    for path in ("/v0/ping", "/v0/nothing"):
        response = anonymous.get(path)
        assert "Set-Cookie" not in response.headers
        assert "Vary" not in response.headers
        assert not [name for name, _value in response.headers if name.startswith("Access-Control-")]


def deep(levels):
    return b'{"a":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'{"a": "\x00"}',
        deep(32),
        deep(100_000),
    ],
    ids=lambda body: body[:30],
)
def test_json_that_is_refused(body):
    with pytest.raises(Invalid):
        requests.parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"\xef\xbb\xbf{}",
        deep(31),
        b'{"a": 9007199254740991, "b": -1, "c": true, "d": null}',
        '{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\"[[", "b": "\\ud83d\\ude00 é"}'.encode(),
    ],
    ids=lambda body: body[:30],
)
def test_json_that_is_taken(body):
    assert requests.parse(body) == json.loads(body.decode("utf-8-sig"))


def test_a_key_that_stands_twice_is_named():
    with pytest.raises(Invalid) as refused:
        requests.parse(b'{"a": {"\\ud800b": 1, "\\ud800b": 1}}')
    assert list(refused.value.fields) == ["?b"]


ODD = [
    "9007199254740993", "9" * 5000, "-" + "9" * 5000, "0." + "9" * 5000, "1e999", "1e-999999999999",
    '"\\u0000"', '["\\ud800"]', '{"\\udfff": "\\u0000"}',
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:20])
def test_a_field_that_nobody_knows_is_ignored_whatever_it_holds(api, cast, odd):
    program = api()
    text = f'{{"email": "jo@example.com", "surprise": {odd}, "billing_address": {{"more": {odd}}}}}'
    assert program.post("/v0/d/consumer_profiles", data=text).status_code == 200
    text = f'{{"external_order_id": "A", "customer_uuid": "{cast.marie.id}", "surprise": {odd}}}'
    assert program.post("/v0/d/orders", data=text).status_code == 200


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:20])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("consumer_profiles", '{"email": %s}', "email"),
        ("consumer_profiles", '{"email": "jo@example.com", "first_name": %s}', "first_name"),
        (
            "consumer_profiles",
            '{"email": "jo@example.com", "extended_attributes": [{"name": "a", "value": %s}]}',
            "extended_attributes.0.value",
        ),
        ("orders", '{"external_order_id": %s}', "external_order_id"),
        (
            "orders",
            '{"external_order_id": "A", "ordered_products": [{"quantity": %s}]}',
            "ordered_products.0.quantity",
        ),
    ],
    ids=["email", "first_name", "attribute", "order", "quantity"],
)
def test_a_field_that_is_known_says_what_it_cannot_hold(api, path, body, field, odd):
    answer = api().post(f"/v0/d/{path}", data=body % odd)
    assert_error(answer, 400, "bad_request")
    assert list(answer.get_json()["fields"]) == [field]


def test_amounts_stay_as_they_were_written():
    assert str(requests.parse(b'{"net": 12.340}')["net"]) == "12.340"
