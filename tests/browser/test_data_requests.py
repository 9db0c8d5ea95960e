"""A manager takes a deletion and a copy by touch."""

import os

import pytest
from sqlalchemy import select

from app.models import DataRequest
from tests.browser.conftest import LANDSCAPE, PORTRAIT
from tests.cast import PASSWORD

NARROW = {"width": 320, "height": 700}


def shoot(page, name):
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("screen", [LANDSCAPE, PORTRAIT, NARROW], ids=["landscape", "portrait", "narrow"])
@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_manager_takes_a_deletion_and_calls_it_off(tablet, cast, session, screen, script):
    it = tablet(viewport=screen, java_script_enabled=script)
    it.enter(cast.mia)
    page, name = it.page, f"{screen['width']}-{'js' if script else 'plain'}"
    it.open(f"/customers/{cast.marie.id}")
    page.get_by_role("link", name="Data request…").tap()
    page.get_by_role("heading", name="New data request").wait_for()
    if script:
        it.check()
    shoot(page, f"new-{name}")
    what_it_does = page.get_by_text("A deletion can be called off")
    what_it_does.wait_for(state="hidden")
    page.locator(".chip", has_text="Deletion").tap()
    what_it_does.wait_for()
    page.get_by_label("How you made sure that it is the customer").select_option("in_person")
    page.get_by_role("button", name="Record the request").tap()
    page.get_by_role("heading", name="Call it off").wait_for()
    if script:
        it.check()
    shoot(page, f"deletion-{name}")
    it.open(f"/customers/{cast.marie.id}")
    page.get_by_text("Deletion requested").wait_for()
    if script:
        it.check()
    shoot(page, f"profile-{name}")
    page.get_by_role("link", name="Show, or call off").tap()
    page.get_by_label("Reason").fill("She stays")
    page.get_by_role("button", name="Call off the deletion").tap()
    page.get_by_text("the customer stays").first.wait_for()
    it.open("/data-requests?show=closed")
    page.get_by_role("heading", name="Data requests").wait_for()
    if script:
        it.check()
    shoot(page, f"list-{name}")
    assert session.scalars(select(DataRequest.state)).all() == ["called_off"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_manager_makes_the_copy_ready_and_reads_it(tablet, cast, session, scheme):
    it = tablet(viewport=LANDSCAPE, color_scheme=scheme)
    it.enter(cast.mia)
    page = it.page
    it.open(f"/customers/{cast.marie.id}/data-requests/new")
    page.get_by_label("How you made sure that it is the customer").select_option("phone")
    page.get_by_role("button", name="Record the request").tap()
    page.get_by_role("button", name="Make the copy ready").tap()
    page.get_by_role("link", name="To read and print").wait_for()
    it.check()
    shoot(page, f"copy-{scheme}")
    page.get_by_role("link", name="To read and print").tap()
    page.get_by_role("heading", name="What we hold on").wait_for()
    it.check()
    shoot(page, f"export-{scheme}")
    it.open("/data-requests")
    page.get_by_role("link", name="Marie").wait_for()
    it.check()
    shoot(page, f"list-{scheme}")
    it.open("/confirm-password")
    page.get_by_role("textbox", name="Your password").fill(PASSWORD)
    it.check()
    shoot(page, f"confirm-{scheme}")
