"""Each act on a customer leaves its event, in the same transaction, without a value of a field."""

import contextlib
import json

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerChanges, CustomerInput
from app.domain.events import SUBSCRIBABLE
from app.models import AuditEntry, Delivery, Event, Webhook
from app.services import addresses, attributes, consents, customers, orders
from tests.factories import make_customer, make_definition, make_store

SYSTEM = Actor.system("test")


@pytest.fixture
def webhook(session):
    now = clock.utcnow()
    row = Webhook(
        name="CRM", url="https://crm.example/", kinds=list(SUBSCRIBABLE), sealed_secret="x",
        created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row


def told(session):
    """The events since the last call: kind, revision, changed fields and further details."""
    found = []
    for event in session.scalars(select(Event).order_by(Event.number)):
        data = dict(event.data)
        assert data.pop("customer_id") == str(event.customer_id)
        assert data.pop("store_id") == (str(event.store_id) if event.store_id else None)
        found.append((event.kind, data.pop("profile_revision"), data.pop("changed"), data))
    session.execute(Delivery.__table__.delete())
    session.execute(Event.__table__.delete())
    session.commit()
    return found


def test_each_act_on_a_customer_tells_what_it_changed(session, webhook):
    store = make_store(session)
    make_definition(session)
    with transaction(session):
        given = CustomerInput(email="zoe@mail.example", first_name="Zoë", last_name="Li")
        customer = customers.create(session, SYSTEM, given, store_id=store.id)
    assert told(session) == [("customer.created", 1, [], {})]
    with transaction(session):
        changes = CustomerChanges(first_name="Zoé", phone_number="06 12 34 56 78")
        customers.update(session, SYSTEM, customer.id, changes, revision=1)
    assert told(session) == [("customer.updated", 2, ["first_name", "phone_number"], {})]
    with transaction(session):
        customers.update(session, SYSTEM, customer.id, changes, revision=2)
    assert told(session) == []
    entry = session.scalars(select(AuditEntry.id).where(AuditEntry.action == "customer.updated")).one()
    with transaction(session):
        customers.restore(session, SYSTEM, customer.id, entry)
    assert told(session) == [("customer.updated", 3, ["first_name", "phone_number"], {})]
    with transaction(session):
        attributes.change(session, SYSTEM, customer.id, {"shirt_fit": "slim"}, revision=3)
    assert told(session) == [("customer.updated", 4, ["extended_attributes"], {})]

    place = {
        "type": "billing",
        "country_code": "FR",
        "address_1": "1 rue",
        "zip_code": "75002",
        "city": "Paris",
    }
    with transaction(session):
        address = addresses.create(session, SYSTEM, customer.id, AddressInput(**place))
    details = {"address_id": str(address.id)}
    assert [(one[0], one[1], one[3]) for one in told(session)] == [("customer.address_created", 5, details)]
    with transaction(session):
        addresses.update(
            session, SYSTEM, customer.id, address.id, AddressInput(**place | {"city": "Lyon"}), revision=5
        )
    assert told(session) == [("customer.address_updated", 6, ["city"], details)]
    with transaction(session):
        addresses.delete(session, SYSTEM, customer.id, address.id, revision=6)
    assert [(one[0], one[1], one[3]) for one in told(session)] == [("customer.address_deleted", 7, details)]


def record(session, customer, store, action, channel=Channel.EMAIL):
    with transaction(session):
        consents.record(
            session, SYSTEM, customer.id, store_id=store.id, channel=channel, purpose=Purpose.MARKETING,
            action=action, method=Method.IMPORT,
        )  # fmt: skip


def test_an_opt_in_tells_when_it_stands_otherwise_than_before(session, webhook):
    store = make_store(session)
    customer = make_customer(session, stores=(store,))
    record(session, customer, store, Action.GIVEN)
    record(session, customer, store, Action.GIVEN)
    record(session, customer, store, Action.WITHDRAWN)
    state = {"channel": "email", "purpose": "marketing"}
    found = told(session)
    assert [(one[0], one[3]) for one in found] == [
        ("consent.changed", state | {"state": found[0][3]["state"]}),
        ("consent.changed", state | {"state": "withdrawn"}),
    ]
    assert [one[1] for one in found] == [2, 4]


def test_an_order_of_somebody_new_tells_of_the_customer(session, webhook):
    make_store(session, name="Rue Neuve")
    document = {
        "external_order_id": "WEB-1",
        "created_at": "2026-05-04T12:00:00Z",
        "channel": "Rue Neuve",
        "billing_address": {"email": "new@mail.example", "first_name": "New"},
        "totals": {"grand_total": 1},
        "ordered_products": [],
    }
    with transaction(session):
        orders.record(session, SYSTEM, document)
    assert told(session) == [("customer.created", 1, [], {})]


def test_what_is_rolled_back_tells_nothing(session, webhook):
    customer = make_customer(session)
    with contextlib.suppress(RuntimeError), transaction(session):
        customers.update(session, SYSTEM, customer.id, CustomerChanges(first_name="A"), revision=1)
        raise RuntimeError
    assert session.scalars(select(Event)).all() == []
    assert session.scalars(select(Delivery)).all() == []


def test_only_active_addresses_get_what_they_chose(session, webhook):
    webhook.kinds = ["consent.changed"]
    session.commit()
    customer = make_customer(session)
    with transaction(session):
        customers.update(session, SYSTEM, customer.id, CustomerChanges(first_name="A"), revision=1)
    assert session.scalars(select(Delivery)).all() == []
    webhook.kinds = ["customer.updated"]
    session.commit()
    with transaction(session):
        customers.update(session, SYSTEM, customer.id, CustomerChanges(first_name="B"), revision=2)
    webhook.is_active = False
    session.commit()
    with transaction(session):
        customers.update(session, SYSTEM, customer.id, CustomerChanges(first_name="C"), revision=3)
    events = session.scalars(select(Event).order_by(Event.number)).all()
    assert len(events) == 3
    assert session.scalars(select(Delivery.event_number)).all() == [events[1].number]


def test_no_event_holds_a_value_of_a_customer(session, webhook):
    store = make_store(session)
    with transaction(session):
        given = CustomerInput(
            email="canary@mail.example", first_name="Canary", last_name="Bird", phone_number="0612345678"
        )
        customer = customers.create(session, SYSTEM, given, store_id=store.id)
        customers.update(session, SYSTEM, customer.id, CustomerChanges(last_name="Canary2"), revision=1)
    text = json.dumps([event.data for event in session.scalars(select(Event))])
    for value in ("anary", "Bird", "0612345678", "mail.example"):
        assert value not in text
