"""Asking for opt-ins in the three ways and taking them back, by touch."""

import re

import pytest
from sqlalchemy import select

from app.models import Consent, ConsentEvidence
from tests import factories
from tests.browser.conftest import LANDSCAPE, PORTRAIT
from tests.cast import PASSWORD

SCREENS = [
    pytest.param({"viewport": LANDSCAPE}, id="landscape"),
    pytest.param({"viewport": PORTRAIT, "color_scheme": "dark"}, id="portrait-dark"),
    pytest.param({"viewport": {"width": 320, "height": 700}}, id="narrow"),
]


@pytest.fixture(autouse=True)
def wordings(session, cast):
    factories.make_wording(session)
    factories.make_wording(session, purpose="marketing", title="Nouveautés et offres", text="J'accepte.")


def open_question(tablet, cast, screen):
    ada = tablet(**screen)
    ada.enter(cast.ada)
    ada.open(f"/customers/{cast.marie.id}")
    ada.page.locator("#consents-list a", has_text="Ask").tap()
    ada.page.locator("#consents-new_form").wait_for()
    return ada


def chip(page, value):
    return page.locator(f".chip:has(input[value='{value}'])")


def stands(session):
    session.rollback()
    return {f"{row.purpose}.{row.channel}": row.state for row in session.scalars(select(Consent))}


def sign(page):
    page.locator(".signature-pad").scroll_into_view_if_needed()
    box = page.locator(".signature-pad").bounding_box()
    # As wide as the form, and nothing stands on it.
    name = page.locator("#signed_name").bounding_box()
    assert (box["width"], box["y"] + box["height"] < name["y"]) == (name["width"], True)
    assert page.locator(".signature [data-clear]").bounding_box()["y"] >= box["y"] + box["height"]
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(14):
        height = box["height"] * (0.3 + 0.4 * (step % 2))
        page.mouse.move(box["x"] + 40 + step * 12, box["y"] + height, steps=2)
    page.mouse.up()


@pytest.mark.parametrize("screen", SCREENS)
def test_the_customer_signs_on_the_tablet_and_withdraws_with_one_tap(tablet, cast, session, screen):
    ada = open_question(tablet, cast, screen)
    page = ada.page
    assert page.locator("#consents-new_form input[type=checkbox]:checked").count() == 0
    ada.check()
    chip(page, "clienteling.sms").tap()
    chip(page, "marketing.sms").tap()
    page.locator(".way", has_text="Hand over").tap()
    page.wait_for_url(ada.address + "/hand-over")
    ada.check()
    # Neither Back nor an address leads into the product.
    page.go_back()
    assert page.url == ada.address + "/hand-over"
    page.get_by_role("button", name="Enregistrer").tap()
    page.locator(".error-summary").wait_for()
    ada.check()
    chip(page, "clienteling.sms").tap()
    sign(page)
    ada.check()
    page.get_by_role("button", name="Enregistrer").tap()
    page.get_by_role("heading", name="Merci").wait_for()
    ada.check()
    ada.open(f"/customers/{cast.marie.id}")
    assert page.url == ada.address + "/hand-over"
    page.locator(".customer-back").tap()
    page.locator("#password").wait_for()
    ada.check()
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Go on").tap()
    page.locator("#consents-list", has_text="Opted in").wait_for()
    ada.check()
    assert stands(session) == {"clienteling.sms": "accepted", "marketing.sms": "refused"}
    evidence = session.scalars(select(ConsentEvidence)).one()
    assert evidence.kind == "signature"
    assert re.fullmatch(r"(M\d+ \d+(L\d+ \d+)+)+", evidence.content)
    page.locator("#consents-list button", has_text="Withdraw").tap()
    page.locator("#consents-list", has_text="Withdrawn").wait_for()
    # The row beside it says the same.
    page.locator("a.result[aria-current] .badge", has_text="Withdrawn").wait_for(state="attached")
    ada.check()
    assert stands(session) == {"clienteling.sms": "withdrawn", "marketing.sms": "refused"}


@pytest.mark.parametrize("screen", SCREENS)
def test_the_customer_answers_on_their_own_phone(tablet, cast, session, screen):
    ada = open_question(tablet, cast, screen)
    chip(ada.page, "clienteling.sms").tap()
    ada.page.locator(".way", has_text="own phone").tap()
    link = ada.page.locator(".link-text")
    link.wait_for()
    ada.check()
    phone = tablet(viewport={"width": 390, "height": 800}, locale="fr-FR")
    phone.page.goto(link.inner_text())
    phone.check()
    chip(phone.page, "clienteling.sms").tap()
    phone.page.get_by_role("button", name="Enregistrer").tap()
    phone.page.get_by_role("heading", name="Merci").wait_for()
    phone.check()
    ada.page.get_by_text("The customer has answered.").wait_for()
    ada.check()
    assert stands(session) == {"clienteling.sms": "accepted"}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_spoken_yes_is_confirmed_once_and_everything_is_stopped_with_one_tap(tablet, cast, session, screen):
    ada = open_question(tablet, cast, screen)
    page = ada.page
    chip(page, "clienteling.sms").tap()
    chip(page, "clienteling.phone").tap()
    page.locator("summary", has_text="spoken yes").tap()
    page.get_by_role("button", name="Save the spoken yes").tap()
    page.locator(".error-summary").wait_for()
    ada.check()
    page.locator("label.check", has_text="aloud").tap()
    page.get_by_role("button", name="Save the spoken yes").tap()
    page.locator("#consents-list", has_text="Opted in").wait_for()
    assert stands(session) == {"clienteling.phone": "accepted", "clienteling.sms": "accepted"}
    page.get_by_role("link", name="How it came about").tap()
    page.locator("#consents-history", has_text="Spoken").wait_for()
    ada.check()
    page.locator("#consents-list button", has_text="Stop everything").tap()
    page.locator("#consents-list", has_text="Withdrawn").wait_for()
    assert stands(session) == {"clienteling.phone": "withdrawn", "clienteling.sms": "withdrawn"}


def test_without_javascript_the_name_is_typed(tablet, cast, session):
    ada = tablet(java_script_enabled=False)
    ada.enter(cast.ada)
    page = ada.page
    ada.open(f"/customers/{cast.marie.id}/consents/new")
    page.locator("input[value='clienteling.sms']").check(force=True)
    page.locator(".way", has_text="Hand over").tap()
    page.wait_for_url(ada.address + "/hand-over")
    assert not page.locator(".signature-pad").is_visible()
    page.locator("input[value='clienteling.sms']").check(force=True)
    page.fill("#signed_name", "Marie Lefèvre")
    page.get_by_role("button", name="Enregistrer").tap()
    page.get_by_role("heading", name="Merci").wait_for()
    assert stands(session) == {"clienteling.sms": "accepted"}
