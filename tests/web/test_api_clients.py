"""Pages of API clients: the secret once, scopes and stores, tokens, and the password once more."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.domain import clock, digests
from app.errors import Forbidden
from app.models import ApiClient, ApiToken, AuditEntry, SignInSession
from app.services import tokens as service
from tests import factories
from tests.cast import PASSWORD

_SECRET = re.compile(r"clks_[\w-]{43}")
FORM = {"name": "Web shop", "scopes": ["customer:profile:read", "orders:write"]}


def stale(session):
    session.execute(update(SignInSession).values(created_at=clock.utcnow() - timedelta(minutes=11)))
    session.commit()


def test_a_new_client_gets_a_secret_that_is_shown_once(cast, sign_in, session):
    root = sign_in(cast.root)
    made = root.post("/admin/api-clients/new", data=FORM | {"store_ids": [str(cast.north.id)]})
    assert made.status_code == 200
    [secret] = _SECRET.findall(made.text)
    client = session.scalars(select(ApiClient)).one()
    assert client.secret_hash == digests.sha256(secret)
    assert (client.scopes, client.every_store) == ("customer:profile:read orders:write", False)
    for path in ("", f"/{client.id}", f"/{client.id}/edit"):
        page = root.get(f"/admin/api-clients{path}")
        assert page.status_code == 200
        assert secret not in page.text
    actor = service.actor_of(session, client, client.scopes)
    assert (actor.store_ids, actor.has_every_store) == ({cast.north.id}, False)


def test_a_form_sent_twice_makes_one_client_and_says_how_to_get_another_secret(cast, sign_in, session):
    root = sign_in(cast.root)
    key = re.search(r'name="idempotency_key"[^>]*value="(\w+)"', root.get("/admin/api-clients/new").text)[1]
    form = FORM | {"store_ids": [str(cast.south.id), str(cast.north.id)], "idempotency_key": key}
    assert _SECRET.search(root.post("/admin/api-clients/new", data=form).text)
    again = root.post("/admin/api-clients/new", data=form)
    client = session.scalars(select(ApiClient)).one()
    assert (again.status_code, again.location) == (303, f"/admin/api-clients/{client.id}")
    page = root.get(again.location).text
    assert "its secret was shown then. Make a new one if it got lost." in page
    assert f"/admin/api-clients/{client.id}/secret" in page


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"name": ""}, "Enter a name that says which program this is."),
        ({"scopes": []}, "Choose at least one: without any the client could do nothing."),
        ({"scopes": ["admin"]}, "Choose one of:"),
        ({}, "Choose at least one store, or all stores."),
        ({"store_ids": ["no-uuid"]}, "Choose from the stores that are open."),
        ({"store_ids": ["00000000-0000-0000-0000-000000000001"]}, "Choose from the stores that are open."),
        ({"name": "taken", "every_store": "y"}, "There is an API client of this name already."),
    ],
)
def test_what_cannot_be_saved_says_why(cast, sign_in, session, sent, reason):
    factories.make_api_client(session, name="Taken")
    answer = sign_in(cast.root).post("/admin/api-clients/new", data=FORM | sent)
    assert answer.status_code == (409 if sent.get("name") == "taken" else 422)
    assert reason in answer.text
    assert len(session.scalars(select(ApiClient)).all()) == 1


def test_an_edit_narrows_tokens_that_are_out(cast, sign_in, session):
    client = factories.make_api_client(session)
    token = factories.make_token(session, client)
    answer = sign_in(cast.root).post(
        f"/admin/api-clients/{client.id}/edit",
        data=FORM | {"scopes": ["orders:write"], "store_ids": [str(cast.south.id)], "revision": "1"},
    )
    assert answer.status_code == 303
    session.rollback()
    session.expire_all()
    actor, _token = service.authenticate(session, token)
    assert (actor.scopes, actor.store_ids, actor.has_every_store) == (
        {"orders:write"},
        {cast.south.id},
        False,
    )


def test_a_new_secret_ends_the_old_one_and_the_tokens(cast, sign_in, session):
    client = factories.make_api_client(session, secret_hash=digests.sha256("old"))
    token = factories.make_token(session, client)
    root = sign_in(cast.root)
    assert root.get(f"/admin/api-clients/{client.id}/secret").status_code == 200
    answer = root.post(f"/admin/api-clients/{client.id}/secret", data={"revision": "1"})
    [secret] = _SECRET.findall(answer.text)
    session.rollback()
    session.expire_all()
    assert session.get(ApiClient, client.id).secret_hash == digests.sha256(secret)
    with pytest.raises(Forbidden):
        service.authenticate(session, token)
    stale_form = root.post(f"/admin/api-clients/{client.id}/secret", data={"revision": "1"})
    assert (stale_form.status_code, _SECRET.findall(stale_form.text)) == (409, [])


def test_a_token_is_revoked_with_its_family_and_no_other(cast, sign_in, session):
    client = factories.make_api_client(session)
    token, kept = factories.make_token(session, client), factories.make_token(session, client)
    row = session.scalars(select(ApiToken).where(ApiToken.token_hash == digests.sha256(token))).one()
    root = sign_in(cast.root)
    assert root.post(f"/admin/api-clients/{client.id}/tokens/{row.id}/revoke").status_code == 303
    session.rollback()
    session.expire_all()
    with pytest.raises(Forbidden):
        service.authenticate(session, token)
    assert service.authenticate(session, kept)[0].id == client.id
    other = factories.make_api_client(session)
    assert root.post(f"/admin/api-clients/{other.id}/tokens/{row.id}/revoke").status_code == 404


def test_deactivation_ends_it_all_at_once(cast, sign_in, session):
    client = factories.make_api_client(session)
    token = factories.make_token(session, client)
    root = sign_in(cast.root)
    assert root.post(f"/admin/api-clients/{client.id}/deactivate", data={"revision": "1"}).status_code == 303
    session.rollback()
    session.expire_all()
    with pytest.raises(Forbidden):
        service.authenticate(session, token)
    assert root.post(f"/admin/api-clients/{client.id}/reactivate", data={"revision": "2"}).status_code == 303
    session.rollback()
    session.expire_all()
    with pytest.raises(Forbidden):
        service.authenticate(session, token)
    actions = session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.subject_type == "api_client")
        .order_by(AuditEntry.at, AuditEntry.id)
    ).all()
    assert actions == ["api_token.revoked", "api_client.updated", "api_client.updated"]


def test_after_ten_minutes_the_password_is_asked_for_again(cast, sign_in, session):
    root = sign_in(cast.root)
    assert root.get("/admin/api-clients/new").status_code == 200
    stale(session)
    for answer in (root.get("/admin/api-clients/new"), root.post("/admin/api-clients/new", data=FORM)):
        assert (answer.status_code, answer.location) == (303, "/confirm-password?next=/admin/api-clients/new")
    assert root.get("/admin/api-clients").status_code == 200
    page = root.get("/confirm-password?next=/admin/api-clients/new")
    assert page.status_code == 200
    wrong = root.post("/confirm-password", data={"password": "not it", "next": "/admin/api-clients/new"})
    assert (wrong.status_code, "This is not your password." in wrong.text) == (422, True)
    assert root.get("/admin/api-clients/new").status_code == 303
    right = root.post("/confirm-password", data={"password": PASSWORD, "next": "/admin/api-clients/new"})
    assert (right.status_code, right.location) == (303, "/admin/api-clients/new")
    assert root.get("/admin/api-clients/new").status_code == 200
