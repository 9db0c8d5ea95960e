"""POST /v0/token: the three grants, what is refused, and what a token opens for how long."""

import base64
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.domain import clock, digests, tokens
from app.domain.permissions import Scope
from app.domain.tokens import TokenKind
from app.errors import Forbidden
from app.models import ApiClient, ApiFailure, ApiToken, AuditEntry
from app.services import tokens as service
from tests import factories

SECRET = tokens.generate(tokens.SECRET_BEGINS)


@pytest.fixture
def client(session):
    return factories.make_api_client(
        session, name="Webshop", client_id="cl_webshop", secret_hash=digests.sha256(SECRET)
    )


def basic(name, secret):
    return encoded(f"{name}:{secret}".encode())


def encoded(raw):
    return {"Authorization": "Basic " + base64.b64encode(raw).decode()}


def assert_refused(response, status, error):
    assert (response.status_code, response.get_json()["error"]) == (status, error)
    body = response.get_json()
    assert set(body) == {"error", "error_description", "error_code", "message", "request_id"}
    assert body["error_code"] == ("unauthorized" if status == 401 else "bad_request")
    assert response.headers["Cache-Control"] == "no-store"
    assert SECRET not in response.text


CREDENTIALS = {"client_id": "cl_webshop", "client_secret": SECRET}
PASSWORD = {"grant_type": "password", "username": "webshop", "password": SECRET}


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"grant_type": "client_credentials", **CREDENTIALS}},
        {"json": {"grant_type": "client_credentials", **CREDENTIALS}},
        {"data": {"grant_type": "client_credentials"}, "headers": basic("cl_webshop", SECRET)},
        {"json": {"grant_type": "client_credentials"}, "headers": basic("cl_webshop", SECRET)},
        {"data": PASSWORD},
        {"json": PASSWORD | {"username": "cl_webshop"}},
        {"data": PASSWORD, "content_type": "multipart/form-data"},
        # Real clients name JSON and send a form.
        {
            "data": f"grant_type=password&username=Webshop&password={SECRET}",
            "content_type": "application/json",
        },
    ],
    ids=["form", "json", "basic", "basic-json", "password", "password-json", "multipart", "mislabelled"],
)
def test_a_token_is_given_and_opens_what_the_client_may(anonymous, client, session, sent):
    response = anonymous.post("/v0/token", **sent)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert set(body) == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 86400, client.scopes)
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    actor, _token = service.authenticate(session, body["access_token"])
    assert (actor.id, actor.name, actor.scopes) == (client.id, "Webshop", frozenset(Scope))


def test_tokens_are_long_and_only_their_hashes_are_kept(anonymous, client, session):
    body = anonymous.post("/v0/token", data=PASSWORD).get_json()
    rows = {row.kind: row for row in session.scalars(select(ApiToken))}
    for kind, sent in (("access", body["access_token"]), ("refresh", body["refresh_token"])):
        assert len(sent) >= 48
        assert rows[kind].token_hash == digests.sha256(sent)
        assert rows[kind].prefix == sent[:12]
    for row in rows.values():
        assert not {body["access_token"], body["refresh_token"]} & {
            str(getattr(row, column.key)) for column in ApiToken.__table__.columns
        }


def test_a_refresh_token_cannot_be_used_as_an_access_token(anonymous, client, session):
    body = anonymous.post("/v0/token", data=PASSWORD).get_json()
    with pytest.raises(Forbidden):
        service.authenticate(session, body["refresh_token"])


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({"data": {}}, 400, "invalid_request"),
        ({"data": {"grant_type": "magic"}}, 400, "unsupported_grant_type"),
        ({"data": {"username": "webshop", "password": SECRET}}, 400, "invalid_request"),
        ({"data": {"grant_type": "client_credentials"}}, 401, "invalid_client"),
        (
            {"data": {"grant_type": "client_credentials", **CREDENTIALS, "client_secret": "no"}},
            401,
            "invalid_client",
        ),
        (
            {"data": {"grant_type": "client_credentials", **CREDENTIALS, "client_id": "x"}},
            401,
            "invalid_client",
        ),
        (
            {"data": {"grant_type": "client_credentials"}, "headers": basic("cl_webshop", "no")},
            401,
            "invalid_client",
        ),
        (
            {"data": {"grant_type": "client_credentials"}, "headers": {"Authorization": "Basic %%%"}},
            401,
            "invalid_client",
        ),
        *(
            ({"data": {"grant_type": "client_credentials"}, "headers": encoded(raw)}, 401, "invalid_client")
            for raw in (b"\xff\xfe8x", b"cl\0:x", b"cl%00:x", b"cl_webshop", b":", b"")
        ),
        ({"data": PASSWORD | {"password": "no"}}, 400, "invalid_grant"),
        ({"data": PASSWORD | {"username": "nobody"}}, 400, "invalid_grant"),
        ({"data": {"grant_type": "password", "username": "webshop"}}, 400, "invalid_request"),
        ({"data": PASSWORD | {"scope": "everything"}}, 400, "invalid_scope"),
        ({"data": {"grant_type": "refresh_token"}}, 400, "invalid_request"),
        ({"data": {"grant_type": "refresh_token", "refresh_token": "no"}}, 400, "invalid_grant"),
        ({"data": "grant_type=password&grant_type=password"}, 400, "invalid_request"),
        ({"data": "{"}, 400, "invalid_request"),
        ({"data": "[]"}, 400, "invalid_request"),
        ({"json": PASSWORD | {"password": 1}}, 400, "invalid_request"),
        ({"json": PASSWORD | {"password": ["x"]}}, 400, "invalid_request"),
        ({"data": '{"grant_type": "password", "username": "\\ud800"}'}, 400, "invalid_request"),
        ({"data": b"grant_type=password&username=%ff&password=x"}, 400, "invalid_request"),
        ({"data": "grant_type=password&username=%00&password=x"}, 400, "invalid_request"),
        ({"data": PASSWORD | {"username": "x" * 5000}}, 400, "invalid_request"),
    ],
)
def test_what_is_refused(anonymous, client, sent, status, error):
    assert_refused(anonymous.post("/v0/token", **sent), status, error)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"data": {"grant_type": "client_credentials"}}, "Send client_id and client_secret in the body"),
        (
            {"data": {"grant_type": "client_credentials", "client_id": "cl_webshop"}},
            "Send client_secret in the",
        ),
        ({"json": PASSWORD | {"password": 1}}, "Send password as text"),
        ({"data": PASSWORD | {"username": "x" * 5000}}, "Send username in at most 1000 characters."),
        ({"data": "grant_type=password&username=%00&password=x"}, "Send username without NUL"),
        ({"data": '{"grant_type": "x", "grant_type": "y"}'}, "grant_type: This key stands twice"),
    ],
)
def test_a_refusal_says_how_to_mend_it(anonymous, client, sent, told):
    assert told in anonymous.post("/v0/token", **sent).get_json()["message"]


def test_a_renewed_token_is_told_that_it_can_have_no_more(anonymous, client):
    first = anonymous.post("/v0/token", data=PASSWORD | {"scope": "orders:write"}).get_json()
    wider = refresh(anonymous, first["refresh_token"], scope="customer:profile:read")
    assert_refused(wider, 400, "invalid_scope")
    assert "the scopes of the old one or less" in wider.get_json()["message"]


def test_a_refused_basic_sign_in_names_the_way(anonymous, client):
    sent = {"grant_type": "client_credentials"}
    response = anonymous.post("/v0/token", data=sent, headers=basic("cl_webshop", "no"))
    assert response.headers["WWW-Authenticate"] == 'Basic realm="token"'


@pytest.mark.parametrize("name", ["password", "client_secret", "refresh_token"])
def test_a_secret_in_the_address_is_refused(anonymous, client, session, name):
    response = anonymous.post(f"/v0/token?{name}={SECRET}", data=PASSWORD)
    assert_refused(response, 400, "invalid_request")
    assert session.scalar(select(func.count()).select_from(ApiToken)) == 0


def test_values_in_the_address_do_not_count(anonymous, client):
    response = anonymous.post("/v0/token?grant_type=password&username=webshop", data={"password": SECRET})
    assert_refused(response, 400, "invalid_request")


def test_a_token_may_be_asked_for_less_and_never_gets_more(anonymous, session):
    factories.make_api_client(
        session, name="Reader", scopes={Scope.PROFILE_READ}, secret_hash=digests.sha256(SECRET)
    )
    sent = PASSWORD | {"username": "Reader"}
    asked = f"{Scope.PROFILE_READ} {Scope.ORDERS_WRITE}"
    body = anonymous.post("/v0/token", data=sent | {"scope": asked}).get_json()
    assert body["scope"] == "customer:profile:read"
    response = anonymous.post("/v0/token", data=sent | {"scope": Scope.ORDERS_WRITE})
    assert_refused(response, 400, "invalid_scope")


def test_a_client_that_was_closed_gets_nothing(anonymous, client, session):
    session.execute(update(ApiClient).values(is_active=False))
    session.commit()
    assert_refused(anonymous.post("/v0/token", data=PASSWORD), 400, "invalid_grant")


def refresh(program, token, **more):
    return program.post("/v0/token", data={"grant_type": "refresh_token", "refresh_token": token, **more})


def test_a_refresh_token_works_once_and_coming_back_revokes_the_family(anonymous, client, session):
    first = anonymous.post("/v0/token", data=PASSWORD).get_json()
    response = refresh(anonymous, first["refresh_token"])
    assert response.status_code == 200
    second = response.get_json()
    assert second["scope"] == first["scope"]
    assert service.authenticate(session, second["access_token"])[0].id == client.id
    assert_refused(refresh(anonymous, first["refresh_token"]), 400, "invalid_grant")
    session.rollback()
    for token in (first["access_token"], second["access_token"]):
        with pytest.raises(Forbidden):
            service.authenticate(session, token)
    assert_refused(refresh(anonymous, second["refresh_token"]), 400, "invalid_grant")
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.at, AuditEntry.id)).all()
    assert actions.count("api_token.revoked") == 1


def test_another_family_outlives_the_revoked_one(anonymous, client, session):
    other = anonymous.post("/v0/token", data=PASSWORD).get_json()
    first = anonymous.post("/v0/token", data=PASSWORD).get_json()
    refresh(anonymous, first["refresh_token"])
    refresh(anonymous, first["refresh_token"])
    assert service.authenticate(session, other["access_token"])[0].id == client.id


def test_who_has_a_secret_renews_with_it(anonymous, client, session):
    sent = {"grant_type": "client_credentials", **CREDENTIALS}
    first = anonymous.post("/v0/token", data=sent).get_json()
    assert_refused(refresh(anonymous, first["refresh_token"]), 401, "invalid_client")
    wrong = refresh(anonymous, first["refresh_token"], client_id="cl_webshop", client_secret="no")
    assert_refused(wrong, 401, "invalid_client")
    other_secret = tokens.generate(tokens.SECRET_BEGINS)
    factories.make_api_client(session, client_id="cl_other", secret_hash=digests.sha256(other_secret))
    stolen = refresh(anonymous, first["refresh_token"], client_id="cl_other", client_secret=other_secret)
    assert_refused(stolen, 400, "invalid_grant")
    assert refresh(anonymous, first["refresh_token"], **CREDENTIALS).status_code == 200


def test_an_expired_refresh_token_gives_nothing(anonymous, client, session):
    first = anonymous.post("/v0/token", data=PASSWORD).get_json()
    session.execute(update(ApiToken).values(expires_at=clock.utcnow() - timedelta(seconds=1)))
    session.commit()
    assert_refused(refresh(anonymous, first["refresh_token"]), 400, "invalid_grant")


def test_failed_tries_are_counted_in_the_database_and_then_refused(anonymous, client, session):
    for _ in range(service.MAX_CLIENT_FAILURES):
        assert_refused(anonymous.post("/v0/token", data=PASSWORD | {"password": "no"}), 400, "invalid_grant")
    response = anonymous.post("/v0/token", data=PASSWORD)
    assert (response.status_code, response.get_json()["error_code"]) == (429, "too_many_requests")
    assert 0 < int(response.headers["Retry-After"]) <= 900
    # Another client from the same place, and the same client from another place, still get in.
    other = tokens.generate(tokens.SECRET_BEGINS)
    factories.make_api_client(session, name="Other", secret_hash=digests.sha256(other))
    sent = {"grant_type": "password", "username": "Other", "password": other}
    assert anonymous.post("/v0/token", data=sent).status_code == 200
    elsewhere = anonymous.post("/v0/token", data=PASSWORD, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert elsewhere.status_code == 200
    session.execute(update(ApiFailure).values(at=clock.utcnow() - service.WINDOW - timedelta(seconds=1)))
    session.commit()
    assert anonymous.post("/v0/token", data=PASSWORD).status_code == 200
    assert session.scalar(select(func.count()).select_from(ApiFailure)) == 0


def test_a_try_that_cannot_be_read_is_counted_as_any_other(anonymous, client):
    sent = {"data": {"grant_type": "client_credentials"}, "headers": encoded(b"\xff\xfe8x")}
    for _ in range(service.MAX_CLIENT_FAILURES):
        assert_refused(anonymous.post("/v0/token", **sent), 401, "invalid_client")
    assert anonymous.post("/v0/token", **sent).status_code == 429


def test_one_address_cannot_try_all_names(anonymous, client):
    for number in range(service.MAX_SOURCE_FAILURES):
        anonymous.post("/v0/token", data=PASSWORD | {"username": f"guess{number}"})
    assert anonymous.post("/v0/token", data=PASSWORD).status_code == 429


def test_a_client_that_asks_for_tokens_all_the_time_is_told_to_keep_one(anonymous, client):
    for _ in range(service.MAX_ISSUED_A_MINUTE):
        assert anonymous.post("/v0/token", data=PASSWORD).status_code == 200
    response = anonymous.post("/v0/token", data=PASSWORD)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")


def test_tokens_that_ended_long_ago_are_deleted(anonymous, client, session):
    ended = clock.utcnow() - service.KEPT_AFTER_END - timedelta(days=1)
    factories.make_token(session, client, kind=TokenKind.REFRESH, expires_at=ended)
    anonymous.post("/v0/token", data=PASSWORD)
    assert session.scalar(select(func.count()).where(ApiToken.expires_at == ended)) == 0


def test_plain_http_is_refused_unless_it_is_allowed(anonymous, client, app, settings):
    from dataclasses import replace  # noqa: PLC0415

    app.extensions["settings"] = replace(settings, allow_http=False)
    response = anonymous.post("/v0/token", data=PASSWORD, base_url="http://shop.example")
    assert response.status_code == 400
