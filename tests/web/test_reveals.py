"""Sensitive preferences stay hidden until they are asked for, which is noted."""

import pytest
from sqlalchemy import select, update

from app.models import AccessEntry, AttributeDefinition
from app.services import search_index
from tests import factories


@pytest.fixture
def allergy(session, cast):
    factories.make_definition(session, key="allergy", label="Allergy", type="text", is_sensitive=True)
    factories.make_definition(session)
    factories.make_attribute(session, cast.marie, "allergy", "walnuts")
    factories.make_attribute(session, cast.marie, "shirt_fit", "slim")


def revealed(session):
    session.rollback()
    query = select(AccessEntry.detail).where(AccessEntry.action == "revealed")
    return session.scalars(query.order_by(AccessEntry.id)).all()


@pytest.mark.parametrize("path", ["", "/attributes", "/history"])
def test_no_page_shows_them_in_passing(cast, allergy, sign_in, session, path):
    text = sign_in(cast.ada).get(f"/customers/{cast.marie.id}{path}").text
    assert "walnuts" not in text
    assert revealed(session) == []


@pytest.mark.parametrize("name", ["ada", "root"])
def test_no_filter_of_a_list_tells_them(cast, allergy, sign_in, session, name):
    search_index.refresh(session, [cast.marie.id])
    session.commit()
    browser = sign_in(getattr(cast, name))
    asked = {"list": "store", "attribute_name": "allergy", "attribute_value": "walnuts"}
    answer = browser.post("/customers/search", data=asked)
    assert answer.status_code == 422
    assert "no list can be filtered by it" in answer.text
    assert str(cast.marie.id) not in answer.text
    asked |= {"attribute_name": "shirt_fit", "attribute_value": "slim"}
    assert str(cast.marie.id) in browser.post("/customers/search", data=asked).text


def test_retired_ones_stay_hidden_until_they_are_asked_for(cast, allergy, sign_in, session):
    session.execute(update(AttributeDefinition).values(is_active=False))
    session.commit()
    browser = sign_in(cast.ada)
    assert "walnuts" not in browser.get(f"/customers/{cast.marie.id}/attributes").text
    asked = {"list": "store", "attribute_name": "allergy", "attribute_value": "walnuts"}
    assert browser.post("/customers/search", data=asked).status_code == 422
    assert "walnuts" in browser.post(f"/customers/{cast.marie.id}/attributes/reveal").text
    assert revealed(session) == ["attributes"]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_whoever_asks_sees_them_and_is_noted(cast, allergy, sign_in, session, headers):
    browser = sign_in(cast.ada)
    answer = browser.post(f"/customers/{cast.marie.id}/attributes/reveal", headers=headers)
    assert answer.status_code == 200
    assert "walnuts" in answer.text
    assert revealed(session) == ["attributes"]


def test_the_form_shows_them_and_is_noted_too(cast, allergy, sign_in, session):
    browser = sign_in(cast.ada)
    assert "walnuts" in browser.get(f"/customers/{cast.marie.id}/attributes/edit").text
    assert revealed(session) == ["attributes"]


def test_what_a_refused_or_late_form_shows_is_noted_too(cast, allergy, sign_in, session):
    factories.make_definition(session, key="fitted", label="Fitted on", type="date", choices=[])
    browser, url = sign_in(cast.ada), f"/customers/{cast.marie.id}"
    bad = browser.post(f"{url}/attributes/edit", data={"revision": "1", "attribute_fitted": "soon"})
    assert (bad.status_code, "walnuts" in bad.text, revealed(session)) == (422, True, ["attributes"])
    for number, name in ((1, "Zoë"), (1, "Yves")):
        data = {"revision": number, "first_name": name, "email": cast.marie.email, "country_code": "FR"}
        late = browser.post(f"{url}/edit", data=data)
    assert (late.status_code, cast.marie.email in late.text) == (409, True)
    assert revealed(session) == ["attributes", "contact"]


def test_a_form_without_any_is_not_noted(cast, sign_in, session):
    factories.make_definition(session)
    sign_in(cast.ada).get(f"/customers/{cast.marie.id}/attributes/edit")
    assert revealed(session) == []


def test_an_auditor_is_offered_no_way(cast, allergy, sign_in):
    browser = sign_in(cast.otto)
    page = browser.get(f"/customers/{cast.marie.id}")
    assert "Allergy" in page.text
    assert "attributes/reveal" not in page.text
    assert browser.post(f"/customers/{cast.marie.id}/attributes/reveal").status_code == 403


def test_contact_data_says_which_was_asked_for(cast, sign_in, session):
    browser = sign_in(cast.ada)
    for field in ("phone", "email"):
        browser.post(f"/customers/{cast.marie.id}/reveal", data={"field": field})
    browser.get(f"/customers/{cast.marie.id}/edit")
    assert revealed(session) == ["phone", "email", "contact"]
