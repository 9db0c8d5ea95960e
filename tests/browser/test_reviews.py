"""A manager reviews opt-ins by touch: one, several at once, and back again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import clock
from app.domain.consents import Action, Channel, Method, Purpose
from app.models import Consent
from app.services import consents
from tests import factories
from tests.browser.test_journeys import SCREENS


@pytest.fixture
def crowd(session, cast):
    actor = factories.make_actor(cast.ada, cast.north)
    for name in ("Zoë", "Yves", "Xenia"):
        person = factories.make_customer(session, stores=(cast.north,), first_name=name, last_name="Crowd")
        with transaction(session):
            consents.record(
                session, actor, person.id, store_id=cast.north.id, channel=Channel.EMAIL,
                purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
                wording="clienteling-1", at=clock.utcnow() - timedelta(minutes=5),
            )  # fmt: skip


def states(session):
    session.commit()
    return sorted(session.scalars(select(Consent.state)))


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("script", [True, False], ids=["htmx", "plain"])
def test_a_manager_reviews_opt_ins(tablet, cast, crowd, session, screen, script):
    mia = tablet(**screen, java_script_enabled=script)
    page = mia.page

    def check():
        if script:
            mia.check()

    title = "#reviews-case-title:focus" if script else "#reviews-case-title"
    mia.enter(cast.mia)
    mia.open("/reviews")
    check()
    page.locator("a.result", has_text="Zoë").tap()
    page.locator(title, has_text="Zoë").wait_for()
    assert "/reviews/" in page.url
    check()
    page.locator(".verdict-bad > summary").tap()
    page.get_by_role("button", name="Reject").tap()
    page.get_by_text("Say why the evidence is not sufficient.").first.wait_for()
    check()
    page.locator(".chip", has_text="The customer says otherwise").tap()
    page.get_by_role("button", name="Reject").tap()
    page.locator(title, has_text="Yves").wait_for()
    assert states(session) == ["accepted", "accepted", "withdrawn"]
    check()
    page.get_by_role("button", name="Undo").tap()
    page.get_by_text("Undone: it stands as before.").wait_for()
    assert states(session) == ["accepted"] * 3
    mia.open("/reviews")
    page.get_by_role("link", name="Choose all").tap()
    page.get_by_role("link", name="None").wait_for()
    page.get_by_role("button", name="Decide together").tap()
    page.get_by_role("heading", name="together").wait_for()
    check()
    page.get_by_role("button", name="Evidence sufficient").tap()
    page.get_by_text("opt-ins decided.").wait_for()
    check()
    page.get_by_role("button", name="Undo").tap()
    page.get_by_text("undone: they stand as before.").wait_for()
    check()


@pytest.mark.parametrize("screen", SCREENS)
def test_the_dashboard_fits_every_screen(tablet, cast, crowd, screen):
    mia = tablet(**screen)
    mia.enter(cast.mia)
    mia.open("/dashboard")
    tiles = [tile.bounding_box() for tile in mia.page.locator(".tile").all()]
    assert max(tile["x"] + tile["width"] for tile in tiles) - tiles[-1]["x"] - tiles[-1]["width"] < 1
    mia.page.locator(".figures > summary").first.tap()
    mia.check()
    with mia.page.expect_download() as loading:
        mia.page.get_by_role("link", name="Download CSV").first.tap()
    assert loading.value.suggested_filename.endswith(".csv")
