import pytest

from app.domain.texts import N_, Text
from app.services import search_index
from app.web.filters import said
from app.web.language import say
from tests import factories


@pytest.fixture
def in_german(app):
    with app.test_request_context(headers={"Accept-Language": "de"}):
        yield


def test_texts_of_the_layers_below_are_said_in_the_language_of_the_user(in_german):
    text = Text.of(
        N_("%(label)s does not fit this country%(hint)s."),
        label=Text.of("Postcode"),
        hint=Text.of(", like %(example)s", example="75002"),
    )
    assert say(text) == "Postleitzahl passt nicht zu diesem Land, zum Beispiel 75002."
    assert say("Choose a country.") == "Wählen Sie ein Land."
    assert (say(""), say("Nobody translated 100 % of this")) == ("", "Nobody translated 100 % of this")


def test_a_page_and_its_errors_are_german_for_who_chose_german(cast, sign_in):
    browser = sign_in(cast.ada)
    browser.post("/preferences/language", data={"locale": "de"})
    page = browser.get("/customers").text
    assert '<html lang="de"' in page
    assert "Hier eingewilligt" in page
    refused = browser.post("/customers/new", data={"email": "nobody"}).text
    assert "Geben Sie eine E-Mail-Adresse ein, etwa name@example.com." in refused


def test_what_people_wrote_is_not_translated(in_german):
    assert (said(Text.of("Store")), said("Store"), said(Text.of("100 % wool"))) == (
        "Filiale",
        "Store",
        "100 % wool",
    )


def test_a_filter_understands_yes_in_the_language_of_the_user(cast, session, sign_in):
    factories.make_definition(session, key="gift_wrapping", type="yes_no", choices=[])
    factories.make_attribute(session, cast.marie, "gift_wrapping", "yes")
    search_index.refresh(session, [cast.marie.id])
    session.commit()
    browser = sign_in(cast.ada)
    browser.post("/preferences/language", data={"locale": "de"})
    assert '<option value="ja" data-of="gift_wrapping">' in browser.get("/customers").text
    asked = {"list": "store", "attribute_name": "gift_wrapping", "attribute_value": "Ja"}
    assert f"/customers/{cast.marie.id}" in browser.post("/customers/search", data=asked).text
