"""The main job, by touch, as an associate does it."""

import pytest
from sqlalchemy import delete

from app.models import Customer, SignInSession
from app.services import search_index
from tests import factories
from tests.browser.conftest import LANDSCAPE, PORTRAIT
from tests.cast import PASSWORD

SCREENS = [
    pytest.param({"viewport": LANDSCAPE}, id="landscape"),
    pytest.param({"viewport": PORTRAIT}, id="portrait"),
    pytest.param({"viewport": LANDSCAPE, "color_scheme": "dark"}, id="landscape-dark"),
    pytest.param({"viewport": {"width": 320, "height": 700}, "color_scheme": "dark"}, id="phone-dark"),
]


@pytest.mark.parametrize("screen", SCREENS)
def test_an_associate_finds_and_edits_a_customer_and_sees_the_orders(tablet, cast, session, screen):
    ada = tablet(**screen)
    page = ada.page
    ada.open("/customers")
    ada.check()
    ada.sign_in(cast.ada)
    ada.check()
    page.fill("#customers-query", "lefev")
    row = page.locator("a.result")
    row.filter(has_text="Marie").wait_for()
    assert row.locator("mark").inner_text() == "Lefèv"
    ada.check()
    row.tap()
    page.wait_for_selector("#customers-profile")
    assert page.url.endswith(f"/customers/{cast.marie.id}")
    assert page.locator("#customers-profile-name").inner_text() == "Marie Lefèvre"
    ada.check()
    page.locator("#masked-phone button").tap()
    page.locator("#masked-phone").get_by_text("+33 6 12 34 56 78").wait_for()
    page.locator("#attributes-list a", has_text="Edit").tap()
    page.locator("#attributes-form .chip", has_text="relaxed").tap()
    ada.check()
    page.locator("#attributes-form button", has_text="Save").tap()
    page.locator("#attributes-list .value-chip", has_text="relaxed").wait_for()
    page.locator("#live", has_text="Saved.").wait_for(state="attached")
    page.locator("#customers-contact a", has_text="Edit").tap()
    page.fill("#customers-contact-form [name=first_name]", "Marion")
    page.fill("#customers-contact-form [name=email]", "zoe@other.example")
    ada.check()
    page.locator("#customers-contact-form button", has_text="Save").tap()
    page.locator("#customers-contact", has_text="Marion").wait_for()
    assert page.locator("#customers-profile-name").inner_text() == "Marion Lefèvre"
    assert row.locator(".result-name").text_content() == "Marion Lefèvre"
    assert row.locator(".result-line bdi").last.text_content() == "z•••@ot•••"
    page.locator("a.order-row").tap()
    page.get_by_role("heading", name="Order WEB-77").wait_for()
    ada.check()
    assert page.get_by_text("Linen shirt").is_visible()
    session.expire_all()
    assert session.get(Customer, cast.marie.id).first_name == "Marion"


def test_two_people_change_the_same_field(tablet, cast, session):
    ada, ben = tablet(), tablet()
    for one, who in ((ada, cast.ada), (ben, cast.ben)):
        one.enter(who)
        one.open(f"/customers/{cast.marie.id}")
        one.page.locator("#customers-contact a", has_text="Edit").tap()
        one.page.wait_for_selector("#customers-contact-form")
    for one, last in ((ben, "Martin"), (ada, "Moreau")):
        one.page.fill("#customers-contact-form [name=last_name]", last)
        one.page.locator("#customers-contact-form button", has_text="Save").tap()
        one.page.wait_for_selector("#customers-contact" if one is ben else "#customers-conflict")
    ada.check()
    conflict = ada.page.locator("#customers-conflict")
    assert conflict.get_by_text("Martin", exact=True).is_visible()
    assert conflict.get_by_text("Moreau", exact=True).is_visible()
    conflict.locator("button", has_text="Save").tap()
    ada.page.locator("#customers-contact", has_text="Moreau").wait_for()
    session.expire_all()
    assert session.get(Customer, cast.marie.id).last_name == "Moreau"


def test_after_signing_out_nothing_of_the_customer_comes_back(tablet, cast):
    ada = tablet()
    ada.sign_in(cast.ada)
    ada.open(f"/customers/{cast.marie.id}")
    ada.page.locator("summary[aria-label^='Your account']").tap()
    ada.page.get_by_role("button", name="Sign out", exact=True).tap()
    ada.page.wait_for_url("**/sign-in*")
    for step in ("back", "forward", "reload"):
        if step == "reload":
            ada.page.reload()
        else:
            ada.page.evaluate(f"history.{step}()")
            ada.page.wait_for_timeout(400)
        assert "Lefèvre" not in ada.page.content()
    kept = ada.page.evaluate("[localStorage.length, sessionStorage.length]")
    assert kept == [0, 0]


def test_everything_works_without_javascript(tablet, cast, session):
    ada = tablet(java_script_enabled=False)
    page = ada.page
    ada.sign_in(cast.ada)
    page.fill("#customers-query", "lefevre")
    page.locator("#customers-search button", has_text="Search").tap()
    page.locator("a.result", has_text="Marie").tap()
    page.wait_for_url(f"**/customers/{cast.marie.id}")
    page.locator("#customers-contact a", has_text="Edit").tap()
    page.fill("[name=first_name]", "Marion")
    page.locator("button", has_text="Save").tap()
    page.wait_for_url(f"**/customers/{cast.marie.id}")
    page.locator("#addresses-list a", has_text="Add").tap()
    page.fill("[name=address_1]", "2 rue du Bac")
    page.fill("[name=zip_code]", "75007")
    page.fill("[name=city]", "Paris")
    page.locator("button", has_text="Save address").tap()
    page.wait_for_url(f"**/customers/{cast.marie.id}")
    assert page.get_by_text("2 rue du Bac").is_visible()
    session.expire_all()
    assert session.get(Customer, cast.marie.id).first_name == "Marion"


def test_back_finds_the_list_as_it_was_left(tablet, cast):
    ada = tablet(viewport=PORTRAIT)
    page = ada.page
    ada.enter(cast.ada)
    ada.open("/customers")
    page.fill("#customers-query", "lefev")
    page.locator("a.result mark").first.wait_for()
    page.locator("a.result", has_text="Marie").tap()
    page.locator("#customers-profile-name:focus").wait_for()
    page.locator("a.order-row").tap()
    page.locator("#orders-show-title:focus").wait_for()
    ada.check()
    page.go_back()
    page.locator("#customers-profile-name:focus").wait_for()
    page.get_by_text("All customers").tap()
    page.locator("a.result:focus", has_text="Marie").wait_for()
    assert page.url == f"{ada.address}/customers"
    assert page.input_value("#customers-query") == "lefev"
    page.tap("#customers-query")
    page.keyboard.type("mar")  # in place of what was searched before
    page.go_back()
    page.locator("#customers-profile-name:focus").wait_for()
    assert page.input_value("#customers-query") == "mar"


def test_a_long_form_comes_up_and_keeps_save_in_reach(tablet, cast):
    ada = tablet()
    page = ada.page
    ada.enter(cast.ada)
    ada.open(f"/customers/{cast.marie.id}")
    page.locator("#addresses-list a", has_text="Add").tap()
    page.locator("#addresses-form").wait_for()
    save = page.get_by_role("button", name="Save address")
    form = page.locator("#addresses-form").bounding_box()
    assert form["y"] >= 0
    assert form["y"] + form["height"] > LANDSCAPE["height"]
    assert save.bounding_box()["y"] + 48 <= LANDSCAPE["height"]
    # What has the focus is not under it.
    page.focus("#addresses-form [name=zip_code]")
    field = page.locator("#addresses-form [name=zip_code]").bounding_box()
    assert field["y"] + field["height"] <= save.bounding_box()["y"]
    ada.check()


def test_filters_that_leave_everybody_out_are_cleared_with_one_tap(tablet, cast, session):
    factories.make_definition(session, key="hat", label="Hat", choices=["beret"])
    session.commit()
    ada = tablet()
    page = ada.page
    ada.enter(cast.ada)
    ada.open("/customers?list=store")
    page.locator("#customers-search summary").tap()
    page.select_option("[name=sort]", "name")
    page.fill("[name=attribute_value]", "beret")
    page.select_option("[name=attribute_name]", "shirt_fit")
    # The values are those of the attribute, and what was typed for another is gone.
    assert page.input_value("[name=attribute_value]") == ""
    offered = page.locator("#customers-attribute-values option:not([disabled])")
    assert {option.get_attribute("data-of") for option in offered.all()} == {"shirt_fit"}
    page.select_option("[name=consent_state]", "refused")
    page.locator(".empty-title", has_text="Nobody with these filters").wait_for()
    page.get_by_role("button", name="Clear filters").tap()
    page.locator(".result-count:focus").wait_for()
    page.locator("a.result", has_text="Marie").wait_for()
    # What the form asks next is what the list shows.
    assert page.input_value("[name=consent_state]") == ""
    assert page.input_value("[name=sort]") == "name"
    # The cross of the search box is as large as a finger.
    page.fill("#customers-query", "nobody-at-all")
    page.get_by_text("Nobody found").wait_for()
    page.locator("#customers-query").blur()
    box = page.locator("#customers-query").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 40, box["y"] + box["height"] - 6)
    page.locator("a.result", has_text="Marie").wait_for()
    assert page.input_value("#customers-query") == ""


def test_the_next_page_of_the_list_begins_at_its_top(tablet, cast, session):
    many = [factories.make_customer(session, stores=(cast.north,)) for _ in range(26)]
    search_index.refresh(session, [customer.id for customer in many])
    session.commit()
    ada = tablet()
    page = ada.page
    ada.enter(cast.ada)
    ada.open("/customers?list=store")
    page.get_by_role("button", name="Next").tap()
    page.locator(".result-count:focus", has_text="26 to ").wait_for()
    assert page.evaluate("document.querySelector('.split-list').scrollTop") == 0
    page.context.set_offline(True)
    page.locator("a.result").last.tap()
    page.locator("#flashes [role=alert]").wait_for()
    page.context.set_offline(False)
    page.locator("a.result").last.tap()
    page.locator("#customers-profile").wait_for()
    assert page.locator("#flashes [role=alert]").count() == 0


def test_the_list_is_walked_by_keyboard(tablet, cast):
    ada = tablet()
    ada.sign_in(cast.ada)
    page = ada.page
    page.fill("#customers-query", "mar")
    page.locator("a.result", has_text="Marie").wait_for()
    page.focus("#customers-query")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#customers-profile")
    assert page.url.endswith(f"/customers/{cast.marie.id}")


def type_marion(ada, cast):
    """Type another name into Marie's contact form, unsaved, and return the page."""
    ada.enter(cast.ada)
    ada.open(f"/customers/{cast.marie.id}")
    ada.page.locator("#customers-contact a", has_text="Edit").tap()
    ada.page.fill("#customers-contact-form [name=first_name]", "Marion")
    return ada.page


def test_a_session_that_ends_under_a_form_loses_nothing(tablet, cast, session):
    ada = tablet()
    page = type_marion(ada, cast)
    session.execute(delete(SignInSession))
    session.commit()
    page.locator("#customers-contact-form button", has_text="Save").tap()
    page.locator("#dialog-title:focus", has_text="Sign in again").wait_for()
    assert ada.complaints.pop().endswith("(UNAUTHORIZED)")
    ada.check()
    page.fill("#dialog [name=username]", cast.ada.email)
    page.fill("#dialog [name=password]", PASSWORD)
    page.locator("#dialog button", has_text="Sign in").tap()
    page.locator("#customers-contact", has_text="Marion").wait_for()
    assert not page.locator("#dialog").is_visible()
    # Somebody else goes on from the start.
    page.locator("#customers-contact a", has_text="Edit").tap()
    page.wait_for_selector("#customers-contact-form")
    session.execute(delete(SignInSession))
    session.commit()
    page.locator("#customers-contact-form button", has_text="Save").tap()
    page.fill("#dialog [name=username]", cast.ben.email)
    page.fill("#dialog [name=password]", PASSWORD)
    page.locator("#dialog button", has_text="Sign in").tap()
    page.wait_for_url(f"{ada.address}/customers")
    session.expire_all()
    assert session.get(Customer, cast.marie.id).revision == 2


def test_a_form_without_htmx_stays_when_the_connection_is_lost(tablet, cast):
    ada = tablet()
    page = ada.page
    ada.enter(cast.ada)
    ada.open("/password")
    page.fill("[name=old_password]", "not the password")
    page.fill("[name=password]", "four plain warm words")
    page.context.set_offline(True)
    page.locator("main button[type=submit]").tap()
    page.locator(".not-saved").wait_for()
    page.context.set_offline(False)
    page.locator(".not-saved button", has_text="Retry").tap()
    page.get_by_text("This is not your password now.").first.wait_for()


def test_the_error_page_of_a_proxy_takes_the_place_of_nothing(tablet, cast):
    ada = tablet()
    page = type_marion(ada, cast)
    away = {"status": 502, "content_type": "text/html", "body": "<h1>502 Bad Gateway</h1>"}
    page.route("**/history", lambda route: route.fulfill(**away))
    page.route("**/edit", lambda route: route.fulfill(**away))
    page.locator("#customers-contact-form button", has_text="Save").tap()
    page.locator(".not-saved").wait_for()
    page.get_by_text("Show changes").tap()
    page.locator("#flashes [role=alert]").wait_for()
    assert page.get_by_text("Show changes").is_visible()
    assert page.input_value("#customers-contact-form [name=first_name]") == "Marion"
    page.unroute("**/edit")
    page.locator(".not-saved button", has_text="Retry").tap()
    page.locator("#customers-contact", has_text="Marion").wait_for()


def test_a_lost_connection_keeps_what_was_typed_and_saves_once(tablet, cast, session):
    ada = tablet()
    page = type_marion(ada, cast)
    page.context.set_offline(True)
    page.locator("#customers-contact-form button", has_text="Save").tap()
    page.locator(".not-saved").wait_for()
    assert page.input_value("#customers-contact-form [name=first_name]") == "Marion"
    page.context.set_offline(False)
    page.locator(".not-saved button", has_text="Retry").tap()
    page.locator("#customers-contact", has_text="Marion").wait_for()
    session.expire_all()
    assert session.get(Customer, cast.marie.id).revision == 2
