"""Lists and bars that look again by themselves, in Chromium."""

import pytest

from app.models import Job
from tests.factories import make_delivery, make_job


def test_a_bar_goes_on_by_itself_and_stops_when_the_job_is_done(cast, session, tablet):
    job = make_job(session, created_by_id=cast.mia.id, state="running", error="", done_count=1, total_count=4)
    screen = tablet()
    screen.enter(cast.mia)
    screen.open(f"/jobs/{job.id}")
    asked = []
    screen.page.on("request", lambda request: asked.append(request.url))
    screen.page.get_by_text("1 of 4").wait_for()
    screen.check()
    session.get_one(Job, job.id).done_count = 3
    session.commit()
    screen.page.get_by_text("3 of 4").wait_for()
    session.get_one(Job, job.id).state = "done"
    session.commit()
    screen.page.locator(".badge-ok").wait_for()
    asked.clear()
    screen.page.wait_for_timeout(3000)
    assert asked == []
    screen.check()


@pytest.mark.parametrize("page", ["jobs", "webhooks"])
def test_the_keyboard_keeps_its_place_while_a_list_looks_again(page, cast, session, tablet):
    make_job(session)
    delivery = make_delivery(session)
    screen = tablet()
    screen.enter(cast.root)
    screen.open("/admin/jobs" if page == "jobs" else f"/admin/webhooks/{delivery.webhook_id}")
    button = screen.page.locator("td button").first
    button.focus()
    address = f"/admin/{page}"
    with screen.page.expect_response(lambda response: address in response.url, timeout=15_000):
        make_job(session, state="done", error="")
    screen.page.wait_for_timeout(500)
    assert button.evaluate("element => element === document.activeElement")
    if page == "jobs":
        screen.page.locator(".badge-ok").wait_for()
    screen.check()
