"""A served application with one store's people, and Chromium on a tablet's screen."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server
from werkzeug.test import Cookie

from app.models import Associate, ConsentEvent
from tests import factories
from tests.cast import PASSWORD, Cast, make_cast
from tests.database import Database
from tests.web.conftest import app, application, quick_passwords, settings, sign_in

__all__ = ["app", "application", "quick_passwords", "settings", "sign_in"]

FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    " --no-first-run"
).split()
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = Axe().axe_script
REST = """async () => {
  const end = performance.now() + 10_000;
  while (document.querySelector(".htmx-request") && performance.now() < end) {
    await new Promise(requestAnimationFrame);
  }
  const ending = document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity);
  await Promise.allSettled(ending.map((one) => one.finished));
}"""
# Only faults are asked for: of all that is right, axe-core would describe each element.
FAULTS = """async (rules) => {
  const found = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map((rule) => [rule.id, rule.nodes[0].html]);
}"""
LANDSCAPE = {"width": 1180, "height": 820}
PORTRAIT = {"width": 820, "height": 1180}


def find_chromium() -> str | None:
    """Chromium as the system has it; none means the one that Playwright brought."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or find_chromium(),
            args=FLAGS,
            # Playwright switches the back-forward cache off; what it may show is tested here.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def cast(database: Database, session: Session) -> Cast:
    return database.scene(session, make_shop)


def make_shop(session: Session) -> Cast:
    """The cast, and what Marie has."""
    cast = make_cast(session)
    factories.make_definition(session)
    factories.make_attribute(session, cast.marie, "shirt_fit", "slim")
    factories.make_address(session, cast.marie, is_default=True)
    document = (
        '{"external_order_id":"WEB-77","created_at":"2026-05-04T12:00:00Z",'
        '"totals":{"grand_total":129.90,"currency":"EUR"},"ordered_products":[{"id":"1","name":"Linen shirt",'
        '"image":"/static/products/shirt.svg","quantity":1,"category":"Shirts","variation_size_value":"M"}]}'
    )
    factories.make_order(session, cast.marie, cast.north, document=document, external_order_id="WEB-77")
    session.add(
        ConsentEvent(
            customer_id=cast.marie.id,
            store_id=cast.north.id,
            channel="email",
            purpose="clienteling",
            action="given",
            method="signature",
            at=factories.NOON,
            recorded_at=factories.NOON,
        )
    )
    session.commit()
    return cast


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    app.extensions["list_log"].has_thread = True
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Tablet:
    """A page of the application; remembers what the browser complained of."""

    def __init__(self, page: Page, address: str, cookie_of: Callable[[Associate], Cookie]) -> None:
        self.page = page
        self.address = address
        self.cookie_of = cookie_of
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        # A refused save answers 409 or 422, which Chromium reports; everything else is a fault.
        expected = "status of 409" in message.text or "status of 422" in message.text
        if message.type in {"error", "warning"} and not expected:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def enter(self, associate: Associate) -> None:
        """Be signed in already."""
        cookie = self.cookie_of(associate)
        self.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.address}])

    def sign_in(self, associate: Associate) -> None:
        """Sign in by the form, and be on the list."""
        self.open("/customers")
        self.page.fill("[name=username]", associate.email)
        self.page.fill("[name=password]", PASSWORD)
        self.page.tap("button[type=submit]")
        self.page.wait_for_url(self.address + "/customers")

    def check(self) -> None:
        """Nothing that axe-core finds, nothing wider than the screen, no complaint of the browser."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        # What fades in has the colours of a page that is loading until then.
        self.page.evaluate(REST)
        assert self.page.evaluate(FAULTS, AXE_RULES) == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        # axe-core sets styles of its own, which the policy rightly refuses.
        assert [text for text in self.complaints if "style-src" not in text] == []


@pytest.fixture
def tablet(
    chromium: Browser, address: str, sign_in: Callable[[Associate], FlaskClient]
) -> Iterator[Callable[..., Tablet]]:
    contexts: list[BrowserContext] = []

    def cookie_of(associate: Associate) -> Cookie:
        cookie = sign_in(associate).get_cookie("session")
        assert cookie is not None
        return cookie

    def take(**options: Any) -> Tablet:
        context = chromium.new_context(**{"viewport": LANDSCAPE, "has_touch": True, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        return Tablet(context.new_page(), address, cookie_of)

    yield take
    for context in contexts:
        context.close()
