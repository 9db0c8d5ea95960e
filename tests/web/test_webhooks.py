"""The pages of the webhooks: the secret is shown once, deliveries and replay, refusals."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain import clock
from app.domain.events import DeliveryState
from app.models import Delivery, Webhook

HTMX = {"HX-Request": "true"}


@pytest.fixture
def root(app, settings, cast, sign_in):
    app.extensions["settings"] = replace(settings, webhook_allow_private=True)
    return sign_in(cast.root)


def form(**over):
    return {
        "name": "CRM",
        "url": "http://127.0.0.1:9/hook",
        "kinds": ["consent.changed"],
        "idempotency_key": "k",
    } | over


def secret_in(page):
    found = re.search(r'value="(whsec_[^"]+)"', page)
    return found[1] if found else None


def test_the_secret_is_shown_once(root, session):
    answer = root.post("/admin/webhooks/new", data=form())
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    secret = secret_in(answer.text)
    row = session.scalars(select(Webhook)).one()
    again = root.post("/admin/webhooks/new", data=form())
    assert (again.status_code, again.location) == (303, f"/admin/webhooks/{row.id}")
    assert len(session.scalars(select(Webhook)).all()) == 1
    pages = [root.get(f"/admin/webhooks/{row.id}{path}").text for path in ("", "/edit", "/rotate")]
    assert not any(secret in page for page in pages)
    new = secret_in(root.post(f"/admin/webhooks/{row.id}/rotate").text)
    assert new != secret


def test_a_private_address_is_refused_with_words(app, settings, cast, sign_in, session):
    browser = sign_in(cast.root)
    answer = browser.post("/admin/webhooks/new", data=form(url="https://127.0.0.1/"))
    assert answer.status_code == 422
    assert "The host is in a private network, which is not allowed." in answer.text
    assert session.scalars(select(Webhook)).all() == []


def test_two_edits_are_told_of_each_other(root, session):
    root.post("/admin/webhooks/new", data=form())
    row = session.scalars(select(Webhook)).one()
    path = f"/admin/webhooks/{row.id}/edit"
    assert root.post(path, data=form(name="ERP", revision="1")).status_code == 303
    answer = root.post(path, data=form(name="Mail", revision="1"))
    assert answer.status_code == 409
    assert "Somebody else saved this meanwhile: ERP" in answer.text
    assert root.post(path, data=form(kinds=[], revision="2")).status_code == 422


def test_a_test_is_delivered_shown_and_replayed(root, session):
    root.post("/admin/webhooks/new", data=form())
    path = f"/admin/webhooks/{session.scalars(select(Webhook.id)).one()}"
    # SQLite shows a transaction the rows as they were when it began.
    session.rollback()
    assert root.post(f"{path}/test").status_code == 303
    page = root.get(path)
    assert "webhook.<wbr>test" in page.text
    delivery = session.scalars(select(Delivery)).one()
    for due_in, is_said in ((timedelta(minutes=5), True), (timedelta(seconds=-5), False)):
        delivery.attempts, delivery.due_at = 1, clock.utcnow() + due_in
        session.commit()
        assert ("Next try" in root.get(path).text) is is_said
    delivery.state, delivery.status, delivery.attempts = DeliveryState.DEAD, 503, 9
    session.commit()
    fragment = root.get(f"{path}?state=dead", headers=HTMX).text
    assert "<html" not in fragment
    assert "503" in fragment
    assert root.post(f"/admin/webhooks/deliveries/{delivery.id}/replay").status_code == 303
    session.refresh(delivery)
    assert (delivery.state, delivery.attempts) == ("queued", 0)
    assert root.post(f"/admin/webhooks/deliveries/{delivery.id}/replay").status_code == 303
    assert "This delivery is under way already." in root.get(path).text


@pytest.mark.parametrize("query", ["state=lost", "state=%00", "offset=-1"])
def test_a_list_that_cannot_be_is_refused_with_words(root, session, query):
    root.post("/admin/webhooks/new", data=form())
    row = session.scalars(select(Webhook)).one()
    assert root.get(f"/admin/webhooks/{row.id}?{query}").status_code in {400, 422}
