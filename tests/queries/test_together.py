"""What is read ahead is what would have been read."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from app.db import ReadingSession, transaction
from app.domain.permissions import Role
from app.models import Consent
from app.queries import consents, customers, together
from app.web import profiles
from tests import factories


@pytest.fixture
def shown(session):
    """A customer with parts of every kind, in two stores, and who works in the first."""
    north, south = (factories.make_store(session, name=name) for name in ("Ü-North", "South"))
    customer = factories.make_customer(session, stores=(north, south))
    factories.make_address(session, customer, is_default=True, city="Łódź \"\\ 'x")
    factories.make_address(session, customer, type="billing", is_default=False)
    factories.make_definition(session, key="shirt_fit", choices=["slim", "wide \"'"], is_sensitive=True)
    factories.make_attribute(session, customer, "shirt_fit", "slim")
    factories.make_data_request(session, customer, south)
    factories.make_order(session, customer, north)
    for store in (north, south):
        session.add(
            Consent(
                customer_id=customer.id, store_id=store.id, channel="email", purpose="clienteling",
                state="accepted", since=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
            )
        )  # fmt: skip
    session.commit()
    return customer.id, factories.make_associate(session, stores=(north,)), north


@pytest.mark.parametrize("role", [Role.ASSOCIATE, Role.ADMIN])
def test_rows_are_the_same_read_ahead_or_one_by_one(session, shown, role):
    customer_id, associate, north = shown
    actor = factories.make_actor(associate, north, role=role)
    reads = profiles.reads(actor, customer_id)
    # As the database gives them, without JSON between.
    alone = [session.execute(read.statement, read.values).all() for read in reads]
    assert all(alone)
    assert customers.show(session, actor, customer_id, ahead=reads).id == customer_id
    ahead = [together.rows(session, read) for read in reads]
    for one_by_one, at_once in zip(alone, ahead, strict=True):
        assert [found._asdict() for found in at_once] == [row._asdict() for row in one_by_one]
    assert len(ahead[2]) == len(ahead[3]) == (1 if role is Role.ASSOCIATE else 2)


def test_nothing_is_kept_beyond_its_transaction_or_for_another_customer(session, shown):
    customer_id, associate, north = shown
    actor = factories.make_actor(associate, north)
    other = factories.make_customer(session, stores=(north,))
    session.commit()
    customers.show(session, actor, customer_id, ahead=profiles.reads(actor, customer_id))
    assert customers.attribute_values(session, actor, other.id) == {}
    session.rollback()
    factories.make_attribute(session, other, "shirt_fit", "wide")
    session.query(Consent).delete()
    session.commit()
    assert consents.list_states(session, actor, customer_id) == []
    assert customers.attribute_values(session, actor, other.id) == {"shirt_fit": "wide"}


@pytest.mark.parametrize("one_change", [True, False])
def test_nothing_is_kept_beyond_an_act(engine, session, shown, one_change):
    customer_id, associate, north = shown
    actor = factories.make_actor(associate, north)
    with ReadingSession(engine) as reading:
        customers.show(reading, actor, customer_id, ahead=profiles.reads(actor, customer_id))
        with transaction(reading, one_change=one_change):
            reading.execute(delete(Consent))
        assert consents.list_states(reading, actor, customer_id) == []
