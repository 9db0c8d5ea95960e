"""Whatever is stored: it makes no element on any page, and nothing of another store shows."""

from html.parser import HTMLParser

import pytest
from sqlalchemy import update

from app.db import transaction
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.models import (
    Address,
    Associate,
    AttributeDefinition,
    AuditEntry,
    Base,
    Customer,
    ExtendedAttribute,
    Store,
)
from app.services import audit, search_index
from tests import factories
from tests.rules.access_table import TABLE
from tests.rules.things import make_things, send

GETS = sorted(name for name in TABLE if name.startswith("GET") and "static" not in name)
PROBES = [
    '"><b data-probe hx-get=/logout hx-trigger=load>',
    "'><img data-probe src=x onerror=alert(1)>",
    "</script><script data-probe>alert(1)</script>",
    "{{7*7}}${7*7}<%=7*7%>",
    "javascript:alert(1)//",
]
# Every column that takes what somebody wrote, and how much of it.
FREE = {
    Store: {"name": 100},
    Associate: {"first_name": 100, "last_name": 100},
    Customer: {"first_name": 100, "last_name": 100, "phone_number": 40},
    Address: {
        "company": 100,
        "first_name": 100,
        "last_name": 100,
        "address_1": 100,
        "city": 100,
        "zip_code": 20,
    },
    AttributeDefinition: {"label": 100, "group": 60},
    ExtendedAttribute: {"value": 200},
    AuditEntry: {"actor_name": 200},
}


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self):
        super().__init__()
        self.bad = []
        self.texts = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            address = (value or "").strip().casefold()
            if (
                name == "data-probe"
                or name.startswith("on")
                or (
                    name in {"href", "src", "action", "hx-get", "hx-post"}
                    and address.startswith("javascript:")
                )
            ):
                self.bad.append((tag, name, value))

    def handle_data(self, data):
        self.texts.append(data)


def write(session, row, text):
    """Put the text into every free column of a row."""
    table = type(row)
    key = [column == getattr(row, column.key) for column in table.__mapper__.primary_key]
    values = {name: text[:length] for name, length in FREE[table].items()}
    session.execute(update(table).where(*key).values(values))


def fill(session, store, actor_of, text):
    """Make one of everything in a store, with the text wherever somebody may write."""
    things = make_things(session, store)
    attribute = factories.make_attribute(session, things.customer, things.definition.key, "slim")
    with transaction(session):
        entry = audit.record(
            session, factories.make_actor(actor_of, store), AuditAction.CUSTOMER_UPDATED,
            subject=("customer", things.customer.id), customer_id=things.customer.id, revision=3,
            changes={"first_name": (text, text), text[:60]: (text, text)},
        )  # fmt: skip
        session.flush()
        for row in (things.customer, things.address, things.definition, things.associate, attribute, entry):
            write(session, row, text)
    with transaction(session):
        search_index.refresh(session, [things.customer.id])
    session.expire_all()
    return things


@pytest.mark.once
@pytest.mark.parametrize("probe", PROBES)
def test_what_is_stored_makes_no_element(app, cast, session, sign_in, probe):
    with transaction(session):
        write(session, cast.north, probe)
    things = fill(session, cast.north, cast.ada, probe)
    shown = 0
    browsers = [sign_in(cast.mia), sign_in(cast.root)]
    for line_name in GETS:
        # What `send` reads of the things begins a transaction, which PostgreSQL ends when it idles for long.
        session.commit()
        for browser in browsers:
            answer = send(browser, line_name, things)
            if answer.mimetype == "text/html":
                shown += is_clean(answer.text, probe, line_name)
    for browser in browsers:
        for text in (probe, "Canary"):
            found = browser.post("/customers/search", data={"text": text, "list": "store"})
            shown += is_clean(found.text, probe, "search")
    # It did stand on the pages, as text.
    assert shown > 20


def is_clean(html, probe, where):
    elements = Elements()
    elements.feed(html)
    assert elements.bad == [], where
    text = "".join(elements.texts)
    assert "49$" not in text  # {{7*7}} was not worked out
    return probe[:15] in text


@pytest.mark.once
def test_nothing_of_another_store_stands_on_any_page_or_header(app, cast, session, sign_in):
    canary = "CANARY-STORE-B"
    fill(session, cast.south, cast.cleo, canary)
    with transaction(session):
        audit.record(
            session, Actor.system(canary), AuditAction.STORE_UPDATED, subject=("store", canary),
            store_id=cast.south.id, changes={"name": (canary, canary)},
        )  # fmt: skip
    # Definitions belong to the whole company, so theirs is no secret; values are.
    with transaction(session):
        session.execute(update(AttributeDefinition).values(label="Label", group="Group"))
    mine = make_things(session, cast.north)
    for person in (cast.ada, cast.mia, cast.otto):
        browser = sign_in(person)
        for line_name in GETS:
            session.commit()
            if person is cast.otto and "/logs/" in line_name:
                continue  # an auditor reads every store's log
            answer = send(browser, line_name, mine)
            assert canary not in answer.text, (person.name, line_name)
            assert canary not in str(answer.headers), (person.name, line_name)
        for text in (canary, canary.casefold(), "CANARY"):
            for name in ("store", "opted_in", "mine", "recent"):
                found = browser.post("/customers/search", data={"text": text, "list": name})
                assert canary not in found.text.replace(f'value="{text}"', "").replace(f"{text}”", ""), name


def test_the_free_columns_are_columns():
    for table, names in FREE.items():
        assert set(names) <= set(table.__mapper__.attrs.keys())
        assert table.__tablename__ in Base.metadata.tables
