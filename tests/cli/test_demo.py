import hashlib
import json
import random
import stat
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.cli import demo, demo_people
from app.config import Settings
from app.domain import clock, values
from app.domain import orders as order_rules
from app.domain.addresses import AddressInput
from app.domain.consents import State
from app.domain.orders import Fulfilment
from app.domain.paging import PageRequest
from app.domain.retention import Policy
from app.models import (
    AccessEntry,
    ApiClient,
    Associate,
    AuditEntry,
    Consent,
    ConsentEvent,
    Customer,
    CustomerStore,
    ExtendedAttribute,
    Order,
    Store,
)
from app.queries import retention
from app.services import sign_in
from tests.web.conftest import quick_passwords

__all__ = ["quick_passwords"]

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def settings(tmp_path, database_url):
    return Settings(data_dir=tmp_path, database_url=database_url, secret_key="x" * 40, erasure_key="e" * 40)


def assert_people_of_many_scripts(session):
    scripts = {
        unicodedata.name(name[0]).split()[0]
        for name in session.scalars(select(Customer.last_name).distinct())
    }
    assert scripts >= {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "CJK", "HANGUL", "DEVANAGARI"}
    assert any("'" in name for name in session.scalars(select(Customer.last_name)))
    assert any(not name.isascii() for name in session.scalars(select(Customer.first_name)))


def assert_orders_add_up(session):
    """The sums fit, nothing has happened that lies ahead, and no more of a card is kept than its end."""
    now = clock.utcnow()
    images = set()
    for order in session.scalars(select(Order)):
        document = order_rules.loads(order.document)
        assert order_rules.check_totals(document) == []
        assert order.placed_at <= now
        for shipment in document["shipments"]:
            arrived = shipment["details"].get("delivered_at")
            assert arrived is None or order_rules.read_time(arrived) <= now
            for back in shipment.get("returns", []):
                assert all(order_rules.read_time(item["returned_at"]) <= now for item in back["items"])
        assert all(len(paid.get("credit_card_number", "4242")) == 4 for paid in document["payments"])
        images |= {item["image"] for item in document["ordered_products"]}
    assert all((ROOT / image.removeprefix("/")).is_file() for image in images)


def assert_passwords_fit(session, people):
    for line in people:
        associate = session.scalars(select(Associate).where(Associate.email == line["email"])).one()
        assert sign_in._verify(associate.password_hash, line["password"])


@pytest.mark.parametrize("land", demo_people.LANDS, ids=lambda land: land.code)
def test_every_town_is_right_for_its_country(land):
    for zip_code, city, state in land.towns:
        for street in land.streets:
            AddressInput(
                type="shipping",
                country_code=land.code,
                address_1=street,
                zip_code=zip_code,
                city=city,
                state=state,
            ).check()


@pytest.mark.parametrize("land", demo_people.LANDS, ids=lambda land: land.code)
def test_every_phone_number_can_be_read(land):
    dice = random.Random(1)
    for _ in range(20):
        number = demo_people.phone(dice, land)
        assert values.phone(number, region=land.code)[1], number


def test_the_demo_holds_what_it_promises(engine, settings, database_kind, monkeypatch):
    customers, orders = demo.CUSTOMERS, demo.ORDERS
    assert (customers, orders) == (1500, 5000)
    if database_kind == "postgresql":
        # Each kind of row once: how many there are is decided above the database.
        customers, orders = 500, 1000
        monkeypatch.setattr(demo, "CUSTOMERS", customers)
        monkeypatch.setattr(demo, "ORDERS", orders)
    lines = []
    told = demo.ensure_demo(engine, settings, lines.append)
    with Session(engine) as session:

        def count(model, *where):
            return session.scalar(select(func.count()).select_from(model).where(*where))

        assert (count(Store), count(Customer), count(Order)) == (5, customers, orders)
        assert (
            count(Associate, Associate.role == "associate"),
            count(Associate, Associate.role == "manager"),
        ) == (12, 2)
        assert set(session.scalars(select(Consent.state).distinct())) == set(State)
        assert set(session.scalars(select(CustomerStore.opt_in_state).distinct())) == set(State)
        assert set(session.scalars(select(Order.state).distinct())) == set(Fulfilment)
        assert set(session.scalars(select(Order.currency).distinct())) == {"USD", "EUR", "JPY"}
        assert {"shirt_fit", "shoe_size", "preferred_colour"} <= set(
            session.scalars(select(ExtendedAttribute.name).distinct())
        )
        hosts = {email.partition("@")[2] for email in session.scalars(select(Customer.email))}
        assert hosts <= {"example.com", "example.org", "example.net"}
        assert_people_of_many_scripts(session)
        assert_orders_add_up(session)
        known_to = select(func.count()).select_from(CustomerStore).group_by(CustomerStore.customer_id)
        assert max(session.scalars(known_to)) > 1
        assert count(AuditEntry, AuditEntry.action == "customer.updated") == 30
        assert count(AccessEntry) > 0
        assert count(ConsentEvent) > count(Consent)
        counted = session.execute(
            select(Customer.order_count, func.count(Order.id))
            .outerjoin(Order, Order.customer_id == Customer.id)
            .group_by(Customer.id)
        )
        assert all(kept == real for kept, real in counted)
        over = retention.list_page(session, demo.demo_actor, Policy(), PageRequest(), now=clock.utcnow())
        assert over.total == 12
    path = settings.data_dir / demo.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sign_ins = json.loads(path.read_text())
    *people, program = sign_ins
    assert set(program) == {"client_id", "client_secret"}
    assert {line["role"] for line in people} == {"associate", "manager", "admin", "auditor"}
    with Session(engine) as session:
        client = session.scalars(select(ApiClient).where(ApiClient.client_id == program["client_id"])).one()
        assert client.secret_hash == hashlib.sha256(program["client_secret"].encode()).hexdigest()
        assert_passwords_fit(session, people)
    assert told == sign_ins
    assert [set(line) for line in people] == [{"role", "store", "email", "password"}] * len(people)
    assert f"client_id {program['client_id']}" in "\n".join(lines)
    assert len({line["store"] for line in people if line["role"] == "associate"}) == 2
    before = path.read_text()
    assert demo.ensure_demo(engine, settings, lines.append) == []
    assert path.read_text() == before
