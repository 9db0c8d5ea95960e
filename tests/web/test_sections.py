"""Addresses and preferences: add, edit, delete, conflict, bad input."""

import re

from sqlalchemy import select

from app.models import Address, Customer, ExtendedAttribute
from tests import factories

HTMX = {"HX-Request": "true"}


def hidden(html):
    return dict(re.findall(r'name="(revision|idempotency_key)"[^>]*value="([^"]+)"', html))


def paris(**over):
    return {
        "type": "shipping",
        "country_code": "FR",
        "address_1": "1 rue de la Paix",
        "zip_code": "75002",
        "city": "Paris",
    } | over


def test_an_address_is_added_once_and_becomes_the_default(sign_in, cast, session):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/new"
    data = paris(**hidden(browser.get(url).text))
    assert [browser.post(url, data=data).status_code for _ in range(2)] == [303, 303]
    address = session.scalars(select(Address)).one()
    assert (address.city, address.is_default) == ("Paris", True)
    session.expire_all()
    assert session.get(Customer, cast.marie.id).revision == 2


def test_the_postcode_must_fit_the_country(sign_in, cast):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/new"
    answer = browser.post(url, data=paris(zip_code="ABC", **hidden(browser.get(url).text)), headers=HTMX)
    assert answer.status_code == 422
    assert "does not fit this country" in answer.text
    assert 'value="ABC"' in answer.text


def test_another_country_asks_for_its_own_fields_and_saves_nothing(sign_in, cast, session):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/new"
    data = paris(country_code="US", change_country="1", **hidden(browser.get(url).text))
    answer = browser.post(url, data=data, headers=HTMX)
    assert answer.status_code == 200
    assert "ZIP code" in answer.text
    assert "California" in answer.text
    assert 'value="1 rue de la Paix"' in answer.text
    assert session.scalars(select(Address)).all() == []


def test_only_one_default_of_each_type(sign_in, cast, session):
    first = factories.make_address(session, cast.marie, is_default=True)
    second = factories.make_address(session, cast.marie, city="Lyon", zip_code="69001")
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/{second.id}/edit"
    data = paris(city="Lyon", zip_code="69001", is_default="y", **hidden(browser.get(url).text))
    assert browser.post(url, data=data).status_code == 303
    session.expire_all()
    assert [session.get(Address, row.id).is_default for row in (first, second)] == [False, True]


def test_who_had_a_former_default_open_does_not_make_it_the_default_again(sign_in, cast, session):
    first = factories.make_address(session, cast.marie, is_default=True)
    second = factories.make_address(session, cast.marie, city="Lyon", zip_code="69001")
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    urls = [f"/customers/{cast.marie.id}/addresses/{row.id}/edit" for row in (first, second)]
    seen = hidden(ada.get(urls[0]).text)
    data = paris(city="Lyon", zip_code="69001", is_default="y", **hidden(ben.get(urls[1]).text))
    assert ben.post(urls[1], data=data).status_code == 303
    assert ada.post(urls[0], data=paris(address_2="2nd floor", is_default="y", **seen)).status_code == 303
    session.rollback()
    found = session.execute(select(Address.address_2, Address.is_default).order_by(Address.city)).all()
    assert found == [("", True), ("2nd floor", False)]


def test_each_type_keeps_a_default_when_one_gets_the_other_type(sign_in, cast, session):
    first = factories.make_address(session, cast.marie, is_default=True)
    factories.make_address(session, cast.marie, city="Lyon", zip_code="69001")
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/{first.id}/edit"
    data = paris(type="billing", **hidden(browser.get(url).text))
    assert browser.post(url, data=data).status_code == 303
    session.rollback()
    found = session.execute(select(Address.type, Address.is_default).order_by(Address.type)).all()
    assert found == [("billing", True), ("shipping", True)]


def test_deleting_asks_first_and_the_other_becomes_the_default(sign_in, cast, session):
    first = factories.make_address(session, cast.marie, is_default=True)
    second = factories.make_address(session, cast.marie, city="Lyon")
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/{first.id}/delete"
    page = browser.get(url)
    assert "Delete this address?" in page.text
    assert browser.post(url, data=hidden(page.text)).status_code == 303
    session.rollback()
    assert session.execute(select(Address.id, Address.is_default)).all() == [(second.id, True)]


def test_an_address_that_somebody_deleted_meanwhile_can_be_saved_as_a_new_one(sign_in, cast, session):
    row = factories.make_address(session, cast.marie, is_default=True)
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    url = f"/customers/{cast.marie.id}/addresses/{row.id}"
    seen, sure = hidden(ada.get(f"{url}/edit").text), hidden(ben.get(f"{url}/delete").text)
    # A second tap finds it done.
    assert [ben.post(f"{url}/delete", data=sure).status_code for _ in range(2)] == [303, 303]
    answer = ada.post(f"{url}/edit", data=paris(address_2="2nd floor", **seen))
    assert (answer.status_code, "Somebody deleted this address meanwhile" in answer.text) == (409, True)
    assert 'value="2nd floor"' in answer.text
    new = f"/customers/{cast.marie.id}/addresses/new"
    assert f'action="{new}"' in answer.text
    data = paris(address_2="2nd floor", **hidden(answer.text))
    assert [ada.post(new, data=data).status_code for _ in range(2)] == [303, 303]
    session.rollback()
    assert session.scalars(select(Address.address_2)).all() == ["2nd floor"]
    assert ada.get(f"{url}/edit").status_code == 404


def test_an_address_of_another_customer_is_not_found(sign_in, cast, session):
    foreign = factories.make_address(session, cast.stranger)
    browser = sign_in(cast.ada)
    for customer in (cast.marie, cast.stranger):
        for act in ("edit", "delete"):
            assert browser.get(f"/customers/{customer.id}/addresses/{foreign.id}/{act}").status_code == 404


def test_preferences_are_chosen_by_chips_and_checked_by_their_definition(sign_in, cast, session):
    factories.make_definition(session)
    factories.make_definition(session, key="shoe_size", label="Shoe size", type="number", choices=[])
    colours = ["navy", "white", "camel"]
    factories.make_definition(session, key="colours", label="Colours", type="choices", choices=colours)
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/attributes/edit"
    page = browser.get(url)
    data = {
        "attribute_shirt_fit": "slim",
        "attribute_shoe_size": "39,5",
        "attribute_colours": ["camel", "navy"],
    }
    assert browser.post(url, data=data | hidden(page.text)).status_code == 303
    found = dict(session.execute(select(ExtendedAttribute.name, ExtendedAttribute.value)).all())
    assert found == {"shirt_fit": "slim", "shoe_size": "39.5", "colours": "navy, camel"}
    page = browser.get(url)
    bad = browser.post(
        url, data={"attribute_shoe_size": "big", "attribute_shirt_fit": "tight"} | hidden(page.text)
    )
    assert bad.status_code == 422
    assert "Enter a number" in bad.text
    assert "Choose one of: slim, regular, relaxed" in bad.text


def test_preferences_changed_by_two_show_both(sign_in, cast, session):
    factories.make_definition(session)
    factories.make_attribute(session, cast.marie, "shirt_fit", "slim")
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    url = f"/customers/{cast.marie.id}/attributes/edit"
    seen = hidden(ada.get(url).text)
    ben.post(url, data={"attribute_shirt_fit": "regular"} | hidden(ben.get(url).text))
    answer = ada.post(url, data={"attribute_shirt_fit": "relaxed"} | seen)
    assert answer.status_code == 409
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    assert ada.post(url, data=fields | {"keep-attribute_shirt_fit": "theirs"}).status_code == 303
    assert session.scalar(select(ExtendedAttribute.value)) == "regular"


def test_an_attribute_without_a_definition_is_shown_and_kept(sign_in, cast, session):
    factories.make_definition(session)
    factories.make_attribute(session, cast.marie, "loyalty tier", "gold")
    browser = sign_in(cast.ada)
    assert "loyalty tier" in browser.get(f"/customers/{cast.marie.id}").text
    url = f"/customers/{cast.marie.id}/attributes/edit"
    browser.post(url, data={"attribute_shirt_fit": "slim"} | hidden(browser.get(url).text))
    found = dict(session.execute(select(ExtendedAttribute.name, ExtendedAttribute.value)).all())
    assert found == {"loyalty tier": "gold", "shirt_fit": "slim"}


def test_values_that_a_definition_no_longer_has_stay_until_somebody_changes_them(sign_in, cast, session):
    before = {"shirt_fit": "baggy", "gifts": "maybe", "size": "about 42", "colours": "red, blue"}
    for key, value in before.items():
        factories.make_attribute(session, cast.marie, key, value)
    factories.make_definition(session)
    factories.make_definition(session, key="gifts", label="Gifts", type="yes_no", choices=[])
    factories.make_definition(session, key="size", label="Size", type="number", choices=[])
    factories.make_definition(session, key="colours", label="C", type="choices", choices=["blue", "grey"])
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/attributes/edit"

    def save(**over):
        text = browser.get(url).text
        data = hidden(text)
        for tag in re.findall(r'<input[^>]*name="attribute_[^>]*>', text):
            if 'type="text"' in tag or " checked" in tag:
                (name,), (value,) = (re.findall(f'{one}="([^"]*)"', tag) for one in ("name", "value"))
                data.setdefault(name, []).append(value)
        answer = browser.post(url, data=data | over)
        assert answer.status_code == 303
        session.rollback()
        return dict(session.execute(select(ExtendedAttribute.name, ExtendedAttribute.value)).all())

    assert save() == before
    changed = save(attribute_gifts="no", attribute_colours=["red", "grey"])
    assert changed == before | {"gifts": "no", "colours": "grey, red"}
    assert session.get(Customer, cast.marie.id).revision == 2


def test_what_a_form_did_not_ask_for_yet_stays(sign_in, cast, session):
    factories.make_definition(session)
    factories.make_attribute(session, cast.marie, "tier", "gold")
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/attributes/edit"
    page = browser.get(url).text
    asked = re.search(r'name="asked"[^>]*value="([^"]*)"', page)[1]
    assert asked == "shirt_fit"
    # Meanwhile an administrator describes what another system has sent all along.
    factories.make_definition(session, key="tier", label="Tier", choices=["gold", "silver"])
    session.commit()
    data = {"attribute_shirt_fit": "tight", "asked": asked, **hidden(page)}
    again = browser.post(url, data=data)
    assert (again.status_code, 'value="gold"' in again.text) == (422, True)
    assert browser.post(url, data=data | {"attribute_shirt_fit": "slim"}).status_code == 303
    session.rollback()
    found = dict(session.execute(select(ExtendedAttribute.name, ExtendedAttribute.value)).all())
    assert found == {"shirt_fit": "slim", "tier": "gold"}


def test_what_belongs_to_no_field_is_said_above_the_form(sign_in, cast, session):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/addresses/new"
    data = paris(**hidden(browser.get(url).text))
    assert browser.post(url, data=data).status_code == 303
    again = browser.post(url, data=data | {"city": "Lyon"}, headers=HTMX)
    assert (again.status_code, "saved already with other values" in again.text) == (409, True)
    data = {"first_name": "Zoë", "email": "zoe@mail.example"} | hidden(browser.get("/customers/new").text)
    assert browser.post("/customers/new", data=data).status_code == 303
    again = browser.post("/customers/new", data=data | {"email": "zoé@mail.example"})
    assert (again.status_code, "saved already with other values" in again.text) == (409, True)
    factories.make_definition(session)
    for number in range(20):
        factories.make_attribute(session, cast.marie, f"extra_{number}", "x")
    session.commit()
    url = f"/customers/{cast.marie.id}/attributes/edit"
    many = browser.post(url, data={"attribute_shirt_fit": "slim", **hidden(browser.get(url).text)})
    assert (many.status_code, "at most 20 attributes" in many.text) == (422, True)


def test_a_date_is_chosen_in_the_browsers_calendar_unless_it_could_not_show_it(sign_in, cast, session):
    factories.make_definition(session, key="birthday", label="Birthday", type="date", choices=[])
    value = factories.make_attribute(session, cast.marie, "birthday", "1990-05-31")
    session.commit()
    browser, url = sign_in(cast.ada), f"/customers/{cast.marie.id}/attributes/edit"
    found = {}
    for stored in ("1990-05-31", "in May"):
        value.value = stored
        session.commit()
        field = re.search(r'<input[^>]*name="attribute_birthday"[^>]*>', browser.get(url).text)[0]
        found[stored] = re.search(r'type="(\w+)"', field)[1]
        assert f'value="{stored}"' in field
    assert found == {"1990-05-31": "date", "in May": "text"}
