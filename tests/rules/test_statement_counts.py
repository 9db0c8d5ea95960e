"""No page and no answer of the API asks the database more often because there is more to show."""

import pytest
from sqlalchemy import event

from app.db import transaction
from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerChanges
from app.services import consents, customers, search_index
from tests import factories
from tests.rules.access_table import TABLE
from tests.rules.things import make_things, send

GETS = [name for name, line in TABLE.items() if name.startswith("GET")]


@pytest.fixture
def selects(app):
    found = []

    def note(_connection, _cursor, statement, *_):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            found.append(statement)

    event.listen(app.extensions["engine"], "before_cursor_execute", note)
    yield found
    event.remove(app.extensions["engine"], "before_cursor_execute", note)


def add_more(session, store, customer, number):
    """One more of everything that a customer has."""
    factories.make_address(session, customer, is_default=False, address_1=f"{number} Long Lane")
    factories.make_order(session, customer, store)
    key = f"more{number}"
    factories.make_definition(session, key=key)
    factories.make_attribute(session, customer, key, "slim")
    factories.make_ask(session, customer, store)
    factories.make_data_request(session, customer, store)
    system = Actor.system("test")
    with transaction(session):
        changes = CustomerChanges(first_name=f"Zoë {number}")
        customers.update(session, system, customer.id, changes, revision=customer.revision)
        consents.record(
            session, system, customer.id, store_id=store.id, channel=list(Channel)[number],
            purpose=Purpose.MARKETING, action=Action.GIVEN, method=Method.SPOKEN,
        )  # fmt: skip
    session.connection(execution_options={"writes": True})
    search_index.refresh(session, [customer.id])
    session.commit()


@pytest.mark.once
def test_the_number_of_statements_is_the_same_for_one_row_and_for_three(
    app, cast, things, session, sign_in, selects
):
    root = sign_in(cast.root)
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {things.access_token}"

    def count():
        found = {}
        for name in GETS:
            asker = program if " /v0/" in name else root
            asker_count = []
            # The first asks for what is then remembered: texts, countries, who has a token.
            for _ in range(2):
                selects.clear()
                response = send(asker, name, things)
                response.close()
                asker_count.append((response.status_code, len(selects)))
            found[name] = asker_count[-1]
        return found

    add_more(session, cast.north, things.customer, 0)
    one = count()
    assert sum(status == 200 for status, _ in one.values()) > 60
    for number in (1, 2):
        add_more(session, cast.north, things.customer, number)
        make_things(session, cast.north)
    three = count()
    assert {name: (one[name], three[name]) for name in one if one[name] != three[name]} == {}
