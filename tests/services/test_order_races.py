"""Orders that come in at the same time as each other, and as an erasure."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.erasures import LedgerKey
from app.errors import Invalid
from app.models import Customer, DataRequest, Order
from app.services import erasures, orders
from app.services.erasures import CUSTOMER
from tests import factories
from tests.races import during
from tests.services.test_orders import small

SYSTEM = Actor.system("test")


@pytest.fixture
def shop(session):
    return factories.make_store(session)


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(session, stores=(shop,), email="marie@mail.example")


def record(engine, document, **over):
    with Session(engine) as session, transaction(session):
        return orders.record(session, SYSTEM, document, **over)[1]


@pytest.mark.parametrize("email", ["marie@mail.example", "new@mail.example"])
def test_several_orders_of_one_customer_at_once_are_all_recorded(engine, session, shop, marie, email):
    count = 6
    together = threading.Barrier(count, timeout=20)

    def send(number):
        together.wait()
        return record(engine, small(f"WEB-{number}", email), store_id=shop.id)

    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(send, range(count))) == [True] * count
    counts = session.scalars(select(Customer.order_count).where(Customer.email == email)).all()
    assert counts == [count]


def erase(session, customer, step):
    """Do one step of the customer's erasure in the running transaction."""
    request = erasures.request_again(session, SYSTEM, customer.id)
    request.state, request.started_at = "erasing", clock.utcnow()
    session.flush()
    erasures.run_step(session, request.id, step, LedgerKey("k" * 40))


def test_an_order_that_is_sent_again_while_it_is_erased_stays_erased(engine, session, shop, marie):
    record(engine, small(), store_id=shop.id)
    again = small(status_label="sent", shipping_address={"first_name": "Zoewyx"})
    during(
        session,
        engine,
        lambda: erase(session, marie, "customer_order"),
        lambda: record(engine, again, store_id=shop.id),
    )
    session.expire_all()
    order = session.scalars(select(Order)).one()
    assert (order.customer_id, order.redacted_at is not None) == (None, True)
    assert "Zo" not in order.document
    assert "marie" not in order.document
    assert "sent" in order.document


def test_an_order_for_somebody_who_is_erased_meanwhile_finds_nobody(engine, session, shop, marie):
    with pytest.raises(Invalid) as refused:
        during(
            session,
            engine,
            lambda: erase(session, marie, CUSTOMER),
            lambda: record(engine, small(), store_id=shop.id, customer_id=marie.id),
        )
    assert list(refused.value.fields) == ["customer_id"]
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_an_order_by_the_address_of_somebody_erased_meanwhile_is_of_a_new_customer(
    engine, session, shop, marie
):
    during(
        session,
        engine,
        lambda: erase(session, marie, CUSTOMER),
        lambda: record(engine, small(), store_id=shop.id),
    )
    session.expire_all()
    owner = session.scalars(select(Order.customer_id)).one()
    assert owner not in {None, marie.id}
    assert session.scalars(select(Customer.id)).all() == [owner]
    assert session.scalar(select(func.count()).select_from(DataRequest)) == 1
