"""Putting old values back from the history."""

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.customers import CustomerChanges
from app.models import AuditEntry, Customer
from app.services import customers
from tests import factories


@pytest.fixture
def change(cast, session):
    def make(person, **values):
        actor = factories.make_actor(person, cast.north)
        with transaction(session):
            marie = session.get_one(Customer, cast.marie.id, populate_existing=True)
            customers.update(session, actor, marie.id, CustomerChanges(**values), revision=marie.revision)
        return session.scalars(select(AuditEntry.id).order_by(AuditEntry.id.desc())).first()

    return make


def names(session, cast):
    session.rollback()
    marie = session.get_one(Customer, cast.marie.id, populate_existing=True)
    return marie.first_name, marie.last_name


def test_what_nobody_changed_since_comes_back_unasked(cast, change, sign_in, session):
    first = change(cast.ada, first_name="Zoë")
    change(cast.ben, last_name="Li")
    browser = sign_in(cast.ada)
    answer = browser.post(f"/customers/{cast.marie.id}/restore", data={"change_id": str(first)})
    assert (answer.status_code, names(session, cast)) == (303, ("Marie", "Li"))


def test_a_newer_change_of_the_same_field_is_asked_about(cast, change, sign_in, session):
    first = change(cast.ada, first_name="Zoë", last_name="Li")
    change(cast.ben, first_name="Chloé")
    browser = sign_in(cast.ada)
    answer = browser.post(f"/customers/{cast.marie.id}/restore", data={"change_id": str(first)})
    assert answer.status_code == 409
    assert "Saved by Ben Cast" in answer.text
    assert names(session, cast) == ("Chloé", "Li")
    carried = dict(part for part in fields(answer.text) if not part[0].startswith("keep-"))
    saved = browser.post(f"/customers/{cast.marie.id}/edit", data=carried | {"keep-first_name": "mine"})
    assert (saved.status_code, names(session, cast)) == (303, ("Marie", "Lefèvre"))


def test_theirs_can_be_kept(cast, change, sign_in, session):
    first = change(cast.ada, first_name="Zoë", last_name="Li")
    change(cast.ben, first_name="Chloé")
    browser = sign_in(cast.ada)
    answer = browser.post(f"/customers/{cast.marie.id}/restore", data={"change_id": str(first)})
    carried = dict(part for part in fields(answer.text) if not part[0].startswith("keep-"))
    browser.post(f"/customers/{cast.marie.id}/edit", data=carried | {"keep-first_name": "theirs"})
    assert names(session, cast) == ("Chloé", "Lefèvre")


def fields(html):
    form = html.split('<form class="form"')[1].split("</form>")[0]
    for tag in form.split("<input ")[1:]:
        attributes = dict(part.split('="', 1) for part in tag.split(">")[0].split('" ') if '="' in part)
        yield attributes["name"], attributes.get("value", "").rstrip('"')


def test_a_change_of_another_customer_is_not_found(cast, change, sign_in, session):
    first = change(cast.ada, first_name="Zoë")
    other = factories.make_customer(session, stores=(cast.north,))
    answer = sign_in(cast.ada).post(f"/customers/{other.id}/restore", data={"change_id": str(first)})
    assert (answer.status_code, names(session, cast)) == (404, ("Zoë", "Lefèvre"))
