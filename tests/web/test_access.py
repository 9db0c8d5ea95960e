"""The access table: every route and method, for every kind of person, on Store North's things."""

import pytest

from tests import factories
from tests.access_table import PEOPLE, TABLE


def routes(app):
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@pytest.fixture
def ids(cast, session):
    found = {
        "customer_id": cast.marie.id,
        "address_id": factories.make_address(session, cast.marie).id,
        "order_id": factories.make_order(session, cast.marie, cast.north, document=b"{}").id,
        "store_id": cast.north.id,
        "associate_id": cast.ben.id,
        "definition_id": factories.make_definition(session).id,
        "filename": "css/base.css",
    }
    session.commit()
    return found


def answered(app, browser, ids):
    """Each route's status; signing out comes last, as it ends the session."""
    adapter = app.url_map.bind("localhost")
    found = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule == "/sign-out", rule.rule)):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = adapter.build(rule.endpoint, {name: ids.get(name) for name in rule.arguments})
            answer = browser.open(path, method=method)
            found[method, rule.rule] = answer.status_code
            answer.close()
    return found


def test_every_route_stands_in_the_table(app):
    assert set(TABLE) == routes(app)


@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_gets_what_the_table_says(app, client, cast, ids, sign_in, person):
    browser = client if person == "nobody" else sign_in(getattr(cast, person))
    browser.get("/sign-in")
    place = PEOPLE.index(person)
    assert answered(app, browser, ids) == {route: row[place] for route, row in TABLE.items()}
