"""A withdrawal is effective at once wherever an opt-in shows or goes out."""

import csv
import io

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.consents import Action, Channel, Method, Purpose
from app.models import Delivery, Event, Webhook
from app.services import consents
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def everywhere(app, session, cast, sign_in):
    """Where Marie counts as opted in by SMS, each place asked anew."""
    ada, mia = sign_in(cast.ada), sign_in(cast.mia)
    program = app.test_client()
    token = factories.make_token(session, factories.make_api_client(session))

    def lists(**wanted):
        return "Lefèvre" in ada.post("/customers/search", data=wanted, headers=HTMX).text

    def figures(table, column):
        text = mia.get(f"/dashboard/{table}.csv").text.removeprefix("\ufeff")
        return any(row[column] not in {"", "0"} for row in csv.DictReader(io.StringIO(text)))

    def api():
        url = f"/v0/d/stores/{cast.north.id}/opted_in_consumers"
        return bool(program.get(url, headers={"Authorization": f"Bearer {token}"}).get_json()["total"])

    def phone():
        url = f"/customers/{cast.marie.id}/reveal"
        return 'href="sms:+33612345678"' in ada.post(url, data={"field": "phone"}, headers=HTMX).text

    places = {
        "the list": lambda: lists(list="opted_in"),
        "the list, reloaded": lambda: "Lefèvre" in ada.get("/customers?list=opted_in").text,
        "the filter": lambda: lists(list="store", consent_state="accepted"),
        "the row": lambda: "Opted in</span>" in ada.post(
            "/customers/search", data={"list": "store", "text": "lefevre"}, headers=HTMX
        ).text,
        "the profile": lambda: "Opted in</span>" in ada.get(f"/customers/{cast.marie.id}", headers=HTMX).text,
        "the phone number": phone,
        "the API": api,
        "the rates": lambda: figures("stores", "Opted in"),
        "the channels": lambda: figures("channels", "Accepted"),
        "the ages": lambda: figures("ages", "Opt-ins"),
        "the queue of the manager": lambda: "Lefèvre" in mia.get("/reviews").text,
    }  # fmt: skip
    return lambda: {name for name, is_there in places.items() if is_there()}, set(places)


def test_a_withdrawal_is_effective_at_once_everywhere(app, session, cast, sign_in, everywhere):
    where, all_places = everywhere
    session.add(
        Webhook(
            name="Newsletter", url="https://news.example/", kinds=["consent.changed"], sealed_secret="x",
            created_at=factories.NOON, updated_at=factories.NOON,
        )
    )  # fmt: skip
    session.commit()
    ada = factories.make_actor(cast.ada, cast.north)
    with transaction(session):
        consents.record(
            session, ada, cast.marie.id, store_id=cast.north.id, channel=Channel.SMS,
            purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
        )  # fmt: skip
    assert where() == all_places
    answer = sign_in(cast.ada).post(
        f"/customers/{cast.marie.id}/consents/withdraw",
        data={"channel": "sms", "purpose": "clienteling", "store_id": cast.north.id},
        headers=HTMX,
    )
    # The open profile is right as well: its head comes with the section.
    assert "Opted in</span>" not in answer.text
    assert 'id="customers-head"' in answer.text
    assert where() == set()
    session.rollback()
    told = session.execute(
        select(Event.data, Delivery.state)
        .join(Delivery, Delivery.event_number == Event.number)
        .order_by(Event.number)
    ).all()
    assert [(event["channel"], event["state"], state) for event, state in told] == [
        ("sms", "accepted", "queued"),
        ("sms", "withdrawn", "queued"),
    ]


def test_an_opt_in_of_another_store_opens_no_way_here_and_its_name_is_not_told(cast, session, sign_in):
    with transaction(session):
        factories.make_link(session, cast.marie, cast.south)
        consents.record(
            session, factories.make_actor(cast.root, cast.south), cast.marie.id, store_id=cast.south.id,
            channel=Channel.SMS, purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
        )  # fmt: skip
    # Both see Marie in Store North; the administrator sees her opt-in in Store South as well.
    told = []
    for person in (cast.ada, cast.root):
        browser = sign_in(person)
        told.append("Store South" in browser.get(f"/customers/{cast.marie.id}", headers=HTMX).text)
        shown = browser.post(f"/customers/{cast.marie.id}/reveal", data={"field": "phone"}, headers=HTMX)
        assert ("Text message" in shown.text, "sms:" in shown.text) == (True, False)
    assert told == [False, True]
