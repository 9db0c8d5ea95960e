"""What a token opens and what it never does: changes hold from the next request on, nothing leaks."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import delete, event, select, update

from app.api.auth import current_actor, guard
from app.domain import clock, digests
from app.domain.actor import Visibility
from app.domain.permissions import Permission, Scope
from app.domain.tokens import TokenKind
from app.models import ApiClient, ApiClientStore, ApiToken
from tests.api.test_framework import assert_error
from tests.cast import PASSWORD
from tests.web.conftest import Browser

PROBE = "/v0/probe"


@pytest.fixture
def app(own_app):
    """The application with a route that tells who asks."""

    def probe():
        actor = current_actor()
        return {
            "name": actor.name,
            "stores": sorted(map(str, actor.store_ids)),
            "every_store": actor.has_every_store,
            "may": sorted(permission.value for permission in Permission if actor.can(permission)),
        }

    own_app.add_url_rule(
        PROBE,
        endpoint="probe",
        view_func=guard(probe, Scope.PROFILE_READ),
        methods=["GET"],
        provide_automatic_options=False,
    )

    def fault():
        raise ZeroDivisionError(current_actor().name)

    own_app.add_url_rule("/v0/fault", endpoint="fault", view_func=guard(fault, Scope.PROFILE_READ))
    return own_app


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic d2Vic2hvcDpzZWNyZXQ=", "Token abc", "bearer:abc"]
)
def test_without_a_bearer_token_nobody_is_there(anonymous, header):
    response = anonymous.get(PROBE, headers={"Authorization": header} if header else {})
    assert_error(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "token",
    ["x", "clka_" + "A" * 43, "ü", "a b", "null", "' OR 1=1 --", "x" * 8000],
    ids=lambda text: text[:9],
)
def test_an_unknown_token_is_forbidden(anonymous, token):
    assert_error(anonymous.get(PROBE, headers={"Authorization": f"Bearer {token}"}), 403, "forbidden")


def test_the_word_bearer_counts_in_any_case(api):
    program = api()
    header = {"Authorization": f"bEARER   {program.access_token}"}
    assert program.get(PROBE, headers=header).status_code == 200


@pytest.mark.parametrize(
    "ends",
    [
        {"expires_at": clock.utcnow() - timedelta(seconds=1)},
        {"revoked_at": clock.utcnow()},
        {"kind": TokenKind.REFRESH.value},
    ],
    ids=lambda ends: next(iter(ends)),
)
def test_a_token_that_ended_is_forbidden_from_the_next_request_on(api, session, ends):
    program = api()
    assert program.get(PROBE).status_code == 200
    session.execute(update(ApiToken).values(**ends))
    session.commit()
    assert_error(program.get(PROBE), 403, "forbidden")


def test_a_change_of_the_client_holds_from_the_next_request_on(api, session, cast):
    program = api(stores=(cast.north,), name="Shop")
    assert program.get(PROBE).get_json() == {
        "name": "Shop",
        "stores": [str(cast.north.id)],
        "every_store": False,
        "may": sorted(
            [
                "customer:edit",
                "customer:reveal",
                "customer:view",
                "data_request:create",
                "opt_in:list",
                "order:record",
            ]
        ),
    }
    client_id = session.scalars(select(ApiClient.id)).one()
    session.add(ApiClientStore(api_client_id=client_id, store_id=cast.south.id))
    session.execute(update(ApiClient).values(scopes=Scope.PROFILE_READ.value, name="Other"))
    session.commit()
    assert program.get(PROBE).get_json() == {
        "name": "Other",
        "stores": sorted([str(cast.north.id), str(cast.south.id)]),
        "every_store": False,
        "may": ["customer:reveal", "customer:view"],
    }
    # A list without any store opens none, never all.
    session.execute(delete(ApiClientStore))
    session.commit()
    body = program.get(PROBE).get_json()
    assert (body["stores"], body["every_store"]) == ([], False)
    session.execute(update(ApiClient).values(scopes=Scope.ORDERS_WRITE.value))
    session.commit()
    assert_error(program.get(PROBE), 403, "forbidden")
    session.execute(update(ApiClient).values(scopes=Scope.PROFILE_READ.value, is_active=False))
    session.commit()
    assert_error(program.get(PROBE), 403, "forbidden")


def test_a_token_never_has_more_than_it_was_given(api, session):
    program = api(scopes={Scope.PROFILE_READ})
    session.execute(update(ApiClient).values(scopes=" ".join(Scope)))
    session.commit()
    assert program.get(PROBE).get_json()["may"] == ["customer:reveal", "customer:view"]


def test_company_wide_visibility_opens_nothing_to_a_client_of_some_stores(api, app, cast):

    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, customer_visibility=Visibility.COMPANY)
    body = api(stores=(cast.north,)).get(PROBE).get_json()
    assert (body["stores"], body["every_store"]) == ([str(cast.north.id)], False)


def test_a_cookie_opens_no_api_and_a_token_opens_no_page(app, api, cast):
    browser = Browser(app, app.response_class)
    browser.get("/sign-in")
    browser.post("/sign-in", data={"username": cast.root.email, "password": PASSWORD})
    assert browser.get("/customers").status_code == 200
    assert_error(browser.get(PROBE), 401, "unauthorized")
    program = api()
    assert program.get("/customers").status_code == 303
    # Both together: each part believes its own.
    header = {"Authorization": f"Bearer {program.access_token}"}
    assert browser.get(PROBE, headers=header).get_json()["name"].startswith("Client")
    assert browser.post("/customers/new", headers=header | {"X-CSRFToken": "forged"}).status_code == 400


def test_a_token_in_the_address_or_the_body_does_not_count(api, anonymous):
    token = api().access_token
    for path in (f"{PROBE}?access_token={token}", f"{PROBE}?token={token}"):
        assert_error(anonymous.get(path), 401, "unauthorized")
    assert_error(anonymous.get(PROBE, data={"access_token": token}), 401, "unauthorized")


def test_a_token_stands_in_no_log_and_no_answer(api, monkeypatch):
    program = api()
    with structlog.testing.capture_logs() as lines:
        answers = [
            program.get(path)
            for path in (PROBE, "/v0/fault", "/v0/nothing", f"{PROBE}?q={program.access_token}")
        ]
        answers.append(program.post(PROBE))
        answers.append(program.post("/v0/token", data={"grant_type": "refresh_token", "refresh_token": "x"}))
    told = json.dumps(lines, default=str) + "".join(answer.text + str(answer.headers) for answer in answers)
    assert len(lines) >= len(answers)
    assert program.access_token not in told
    assert digests.sha256(program.access_token) not in told


def test_a_fault_says_nothing_of_itself(api):
    response = api(name="Canary").get("/v0/fault")
    assert_error(response, 500, "internal_server_error")
    assert "Canary" not in response.text
    assert "ZeroDivision" not in response.text


def test_the_use_of_a_token_is_written_down_once_in_some_minutes(api, session):
    program = api()
    long_ago = clock.utcnow() - timedelta(minutes=6)
    session.execute(update(ApiToken).values(last_used_at=long_ago))
    session.commit()
    program.get(PROBE)
    session.rollback()
    first = session.scalars(select(ApiToken.last_used_at)).one()
    assert first > long_ago
    assert session.scalars(select(ApiClient.last_used_at)).one() == first
    session.rollback()
    program.get(PROBE)
    assert session.scalars(select(ApiToken.last_used_at)).one() == first


def test_no_other_site_may_read_an_answer(api):
    program = api()
    for response in (
        program.get(PROBE, headers={"Origin": "https://evil.example"}),
        program.options(
            PROBE, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        ),
    ):
        assert not [name for name, _value in response.headers if name.startswith("Access-Control-")]
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert (response.mimetype, response.headers["X-Content-Type-Options"]) == (
            "application/json",
            "nosniff",
        )


def test_the_door_takes_one_statement_for_a_client_of_all_stores_and_two_for_one_of_some(api, engine, cast):

    program, bound = api(), api(stores=(cast.north, cast.south))
    for asking in (program, bound):
        asking.get(PROBE)
    app_engine = program.application.extensions["engine"]
    statements = []
    event.listen(
        app_engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: statements.append(statement)
    )
    counts = []
    for asking in (program, bound):
        statements.clear()
        asking.get(PROBE)
        counts.append(len([text for text in statements if text.startswith("SELECT")]))
    assert counts == [1, 2]
