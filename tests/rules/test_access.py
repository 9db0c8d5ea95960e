"""Every route and method answers each kind of person as the access table says."""

import re
import uuid
from dataclasses import replace

import pytest
from werkzeug.routing import Map

from app.application import create_app
from app.config import Settings
from app.domain.actor import Visibility
from app.web import health
from tests.rules.access_table import PEOPLE, TABLE
from tests.rules.things import make_world, send

_POST_FORM = re.compile(r'<form\b[^>]*method="post".*?</form>', re.DOTALL | re.IGNORECASE)


def routes(url_map: Map) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_the_table_names_every_route_and_no_other(app):
    assert routes(app.url_map) == set(TABLE)


@pytest.mark.once
@pytest.mark.parametrize("line_name", sorted(TABLE))
def test_each_person_gets_what_the_table_says(line_name, app, database, session, sign_in):
    found, leaks = {}, []
    world = database.scene(session, make_world)
    for number, person in enumerate(PEOPLE):
        # What one did is undone before the next tries; reading does nothing, says test_every_form.py.
        if number and not line_name.startswith("GET"):
            world = database.again(session, make_world)
        cast, things = world.cast, world.things
        people = {
            "own": cast.ada,
            "other": cast.cleo,
            "manager": cast.mia,
            "admin": cast.root,
            "auditor": cast.otto,
        }
        if person in {"anonymous", "token"}:
            browser = app.test_client()
            browser.get("/sign-in")
            if person == "token":
                browser.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {things.access_token}"
        else:
            browser = sign_in(people[person])
        response = send(browser, line_name, things)
        found[person] = response.status_code
        if person in {"anonymous", "token"} and response.status_code == 303:
            assert response.location.startswith("/sign-in")
        if response.status_code in {403, 404} and "Canary" in response.text:
            leaks.append(person)
        if response.status_code == 200 and response.mimetype == "text/html":
            for form in _POST_FORM.findall(response.text):
                assert 'name="csrf_token"' in form, form
        response.close()
    assert found == TABLE[line_name].expected()
    assert leaks == []


def test_company_wide_visibility_opens_what_is_another_stores(settings: Settings, cast, things, sign_in, app):
    for visibility, expected in ((Visibility.STORE, 404), (Visibility.COMPANY, 200)):
        app.extensions["settings"] = replace(settings, customer_visibility=visibility)
        browser = sign_in(cast.cleo)
        for line_name, line in TABLE.items():
            # A job belongs to whoever asked for it, not to a store.
            if line_name.startswith("GET /jobs/"):
                continue
            is_hidden = line.expected()["other"] == 404 != line.expected()["own"]
            if line_name.startswith("GET") and is_hidden:
                assert send(browser, line_name, things).status_code == expected, line_name


def test_a_form_without_its_token_changes_nothing(cast, things, sign_in):
    # The links of customers carry a secret in their address, and a mail reader's button has no form.
    posts = [name for name in TABLE if re.match(r"POST /(?!v0/)(?!.*<token>)", name)]
    browser = sign_in(cast.root)
    browser.token = ""
    for line_name in posts:
        assert send(browser, line_name, things).status_code == 400, line_name


def test_ids_that_do_not_exist_are_not_found(cast, sign_in):
    browser = sign_in(cast.root)
    for line_name in TABLE:
        if line_name.startswith("GET") and "<uuid:" in line_name:
            path = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), line_name.removeprefix("GET "))
            assert browser.get(path).status_code == 404, line_name
            assert browser.get(path.replace(str(uuid.UUID(int=1)), "1%27--")).status_code == 404


def test_a_view_without_a_declaration_stops_the_start(settings, monkeypatch):
    monkeypatch.delattr(health.livez, "access")
    with pytest.raises(RuntimeError, match="does not declare its access"):
        create_app(settings)
