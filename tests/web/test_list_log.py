"""Which customers a page of a list showed is in the access log."""

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.consents import Action, Channel, Method, Purpose
from app.models import AccessEntry, ConsentEvent
from app.services import consents
from tests import factories


@pytest.fixture
def entries(app, session):
    def read():
        app.extensions["list_log"].flush()
        session.rollback()
        found = session.scalars(select(AccessEntry).order_by(AccessEntry.id)).all()
        return [(one.action, one.detail, one.customer_ids, bool(one.search_hash)) for one in found]

    return read


def test_a_list_a_search_and_a_masked_card_are_noted(cast, sign_in, entries):
    browser = sign_in(cast.ada)
    assert browser.get("/customers?list=store").status_code == 200
    browser.post("/customers/search", data={"text": "marie", "list": "store"})
    browser.post("/customers/search", data={"text": cast.stranger.email, "list": "store"})
    assert entries() == [
        ("listed", "store", (cast.marie.id,), False),
        ("listed", "store", (cast.marie.id,), True),
        ("masked", "store", (cast.stranger.id,), True),
    ]


def test_every_list_that_names_customers_is_noted(cast, sign_in, session, entries):
    with transaction(session):
        consents.record(
            session, factories.make_actor(cast.ada, cast.north), cast.marie.id, store_id=cast.north.id,
            channel=Channel.SMS, purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
        )  # fmt: skip
    event_id = session.scalars(select(ConsentEvent.id)).one()
    factories.make_data_request(session, cast.marie, cast.north)
    mia = sign_in(cast.mia)
    mia.get("/reviews")
    assert mia.post("/reviews/selection", data={"row": str(event_id)}).status_code == 200
    mia.get("/data-requests")
    assert entries() == [
        ("listed", detail, (cast.marie.id,), False) for detail in ("reviews", "reviews", "data requests")
    ]


def test_the_entry_names_the_session_and_no_word_that_was_searched(cast, sign_in, app, session):
    sign_in(cast.ada).post("/customers/search", data={"text": "marie", "list": "store"})
    app.extensions["list_log"].flush()
    entry = session.scalars(select(AccessEntry)).one()
    assert (entry.actor_id, entry.store_id, entry.channel) == (cast.ada.id, cast.north.id, "web")
    assert len(entry.device) == 16
    assert "marie" not in str(vars(entry)).casefold()


def test_typing_is_one_entry(cast, sign_in, entries):
    browser = sign_in(cast.ada)
    for text in ("m", "ma", "mar", "marie"):
        browser.post(
            "/customers/search", data={"text": text, "list": "store"}, headers={"HX-Request": "true"}
        )
    assert entries() == [("listed", "store", (cast.marie.id,), True)]
