"""The headers of every kind of answer, the cookie, hosts and proxies."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from app.application import create_app
from tests.cast import PASSWORD

POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self';"
    " img-src 'self'; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HTTPS = {"base_url": "https://localhost"}


@pytest.fixture
def open_app(settings):
    """Make an application with other settings."""
    made = []

    def make(**over):
        app = create_app(replace(settings, **over))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["engine"].dispose()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sign-in", 200),
        ("GET", "/customers", 303),
        ("GET", "/nowhere", 404),
        ("GET", "/customers/%00", 400),
        ("PUT", "/sign-in", 405),
        ("POST", "/sign-in", 400),
        ("GET", "/livez", 200),
        ("GET", "/static/css/base.css", 200),
        ("GET", "/static/nothing.css", 404),
    ],
)
def test_every_answer_has_the_policy_and_the_fixed_headers(app, method, path, status):
    answer = app.test_client().open(path, method=method, buffered=True)
    assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert len(nonce) >= 16
    assert policy == POLICY.format(nonce=nonce)
    assert {name: answer.headers[name] for name in FIXED} == FIXED
    assert "X-Powered-By" not in answer.headers


def test_a_fault_has_the_headers_too_and_says_nothing(app, cast, sign_in, monkeypatch):
    browser = sign_in(cast.ada)

    def break_down():
        raise ZeroDivisionError("marie@mail.example")

    monkeypatch.setitem(app.view_functions, "customers.index", break_down)
    break_down.access = "signed_in"
    answer = browser.get("/customers")
    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"] in answer.text
    assert "marie" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert ('href=""' in answer.text, "Nothing was saved" in answer.text) == (True, False)


def test_the_nonce_is_new_each_time_and_stands_in_the_page(client):
    first, second = client.get("/sign-in"), client.get("/sign-in")
    nonces = [a.headers["Content-Security-Policy"].split("'nonce-")[1].split("'")[0] for a in (first, second)]
    assert nonces[0] != nonces[1]
    assert f'nonce="{nonces[0]}"' in first.text
    assert nonces[1] not in first.text


def test_pages_are_never_kept_and_differ_by_who_asks(cast, sign_in):
    answer = sign_in(cast.ada).get("/customers")
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"HX-Request", "Cookie"} <= set(answer.vary)


def test_static_files_are_kept_for_long_only_under_the_name_of_their_content(client):
    page = client.get("/sign-in").text
    path = next(part for part in page.split('"') if part.startswith("/static/css/base.css?v="))
    assert client.get(path, buffered=True).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/css/base.css", "/static/css/base.css?v=000000000000"):
        assert client.get(other, buffered=True).headers["Cache-Control"] == "no-cache"


def test_the_cookie_on_https_is_bound_to_the_host(open_app, cast):
    browser = open_app(allow_http=False).test_client()
    answer = browser.get("/sign-in", **HTTPS)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    name, *parts = cookie.split("; ")
    assert name.startswith("__Host-session=")
    assert sorted(parts) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    assert len(cookie) < 4096


def test_the_cookie_of_a_device_that_knows_an_account_is_bound_to_the_host_too(open_app, cast):
    browser = open_app(allow_http=False).test_client()
    page = browser.get("/sign-in", **HTTPS).text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    sent = {"username": "ada@shop.example", "password": PASSWORD, "csrf_token": token}
    answer = browser.post("/sign-in", data=sent, headers={"Referer": "https://localhost/"}, **HTTPS)
    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-device="))
    assert {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"} <= set(cookie.split("; "))
    assert "ada" not in cookie


def test_plain_http_by_choice_promises_no_https(client):
    answer = client.get("/sign-in")
    assert "Strict-Transport-Security" not in answer.headers
    assert "Secure" not in answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/livez", "/customers"])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_foreign_host_is_refused(client, path, headers):
    answer = client.get(path, headers={"Host": "evil.invalid", **headers})
    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert "evil" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ("shop.example:8000", "shop.example:8000"),
        ("10.0.0.5", "10.0.0.5"),
        ("a\x07\x85" + "b" * 200, "a" + "b" * 97),
    ],
)
def test_the_log_names_the_host_that_was_refused(client, given, noted):
    with capture_logs() as lines:
        assert client.get("/sign-in", environ_overrides={"HTTP_HOST": given}).status_code == 400
        assert client.get("/sign-in").status_code == 200
    assert [line.get("host") for line in lines if line["event"] == "request"] == [noted, None]


def test_what_proxies_say_counts_only_when_there_is_one(open_app):
    forged = {"X-Forwarded-Host": "evil.invalid", "X-Forwarded-Proto": "https"}
    assert open_app(proxy_count=0).test_client().get("/sign-in", headers=forged).status_code == 200
    assert open_app(proxy_count=1).test_client().get("/sign-in", headers=forged).status_code == 400


def test_throttling_counts_the_address_that_the_nearest_proxy_saw(open_app, cast, monkeypatch):
    monkeypatch.setattr("app.services.sign_in.MAX_SOURCE_FAILURES", 1)
    browser = open_app(proxy_count=1).test_client()

    def post(email, chain):
        page = browser.get("/sign-in").text
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        data = {"username": email, "password": PASSWORD, "csrf_token": token}
        return browser.post("/sign-in", data=data, headers={"X-Forwarded-For": chain}).status_code

    assert post("nobody@shop.example", "1.1.1.1, 192.0.2.1") == 422
    assert post("ada@shop.example", "2.2.2.2, 192.0.2.1") == 429
    assert post("ada@shop.example", "1.1.1.1, 192.0.2.2") == 303


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("abcdef-12345678", True), ("short", False), ("a" * 65, False), ("white space in it", False)],
)
def test_the_request_id_of_a_proxy_is_kept_when_it_is_plain(client, given, is_kept):
    answer = client.get("/livez", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is is_kept
    assert len(answer.headers["X-Request-Id"]) >= 8
