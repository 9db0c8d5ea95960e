"""Operation 4: who opted in to clienteling in a store."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.permissions import Scope
from app.models import Event
from app.services import consents
from tests import factories as make
from tests.api.test_customers import refused
from tests.factories import NOON


@pytest.fixture
def opted_in(session, cast):
    customers = []
    for minutes in range(3):
        customer = make.make_customer(session, first_name=f"N{minutes}", last_name="In")
        make.make_link(
            session,
            customer,
            cast.north,
            opt_in_state="accepted",
            opted_in_at=NOON + timedelta(minutes=minutes),
        )
        customers.append(customer)
    return customers


def url(store):
    return f"/v0/d/stores/{store}/opted_in_consumers"


def test_the_sample_of_the_page(api, cast, opted_in):
    program = api(scopes=(Scope.CLIENTELING_READ,), stores=(cast.north,))
    answer = program.get(url(cast.north.id)).get_json()
    assert {name: answer[name] for name in ("count", "total", "offset")} == {
        "count": 3,
        "total": 3,
        "offset": 0,
    }
    assert answer["consumers"][0] == {
        "id": str(opted_in[0].id),
        "name": "N0 In",
        "phone_number": "",
        "opt_in_date": "2026-05-04T12:00:00.000Z",
        "store_id": str(cast.north.id),
    }
    assert [found["name"] for found in answer["consumers"]] == ["N0 In", "N1 In", "N2 In"]
    part = program.get(url(cast.north.id) + "?offset=1&count=1").get_json()
    assert (part["count"], part["total"], part["offset"]) == (1, 3, 1)
    assert part["consumers"] == answer["consumers"][1:2]


def test_a_store_that_is_not_there_or_not_the_tokens_is_not_found(api, cast, opted_in):
    program = api(stores=(cast.north,))
    for store in (cast.south.id, uuid.uuid4(), "NYC_1_5thave"):
        refused(program.get(url(store)), 404, "store_not_found")
    assert api().get(url(cast.south.id)).get_json()["total"] == 0


def test_reading_profiles_does_not_open_it(api, cast):
    refused(api(scopes=(Scope.PROFILE_READ,)).get(url(cast.north.id)), 403, "forbidden")


def test_a_withdrawal_is_effective_at_once(api, cast, session):
    ada = make.make_actor(cast.ada, cast.north)
    given = {"store_id": cast.north.id, "channel": Channel.SMS, "purpose": Purpose.CLIENTELING}
    program = api(stores=(cast.north,))

    def ids():
        return [found["id"] for found in program.get(url(cast.north.id)).get_json()["consumers"]]

    with transaction(session):
        consents.record(session, ada, cast.marie.id, action=Action.GIVEN, method=Method.SIGNATURE, **given)
    assert ids() == [str(cast.marie.id)]
    with transaction(session):
        consents.withdraw(session, ada, cast.marie.id, **given)
    assert ids() == []
    kinds = session.scalars(select(Event.kind).order_by(Event.at)).all()
    assert kinds == ["consent.changed", "consent.changed"]
