"""Customers: what the acts refuse and do where no page leads there."""

import pytest

from app.db import transaction
from app.domain.audit import AccessAction
from app.domain.customers import CustomerChanges, CustomerInput
from app.errors import Forbidden, NotFound
from app.models import Customer
from app.services import customers, customers_bulk
from tests import factories
from tests.cast import make_cast


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def ada(cast):
    return factories.make_actor(cast.ada, cast.north)


def test_nobody_creates_a_customer_of_another_store(session, cast, ada):
    with pytest.raises(NotFound), transaction(session):
        customers.create(session, ada, CustomerInput(email="zoe@mail.example"), store_id=cast.south.id)

    columns = CustomerInput(email="zoe@mail.example").check()
    new = customers_bulk.NewCustomer(columns=columns, store_id=cast.south.id)
    with pytest.raises(NotFound), transaction(session):
        customers_bulk.create(session, ada, [new])


def test_nobody_adds_a_customer_to_another_store(session, cast, ada):
    with pytest.raises(NotFound), transaction(session):
        customers.add_to_store(
            session, ada, cast.stranger.id, store_id=cast.south.id, proof="canary@south.example"
        )


def test_who_may_not_reveal_can_look(session, cast):
    otto = factories.make_actor(cast.otto, cast.north)
    assert customers.look_at(session, otto, cast.marie.id, AccessAction.VIEWED).id == cast.marie.id
    for act in (customers.look_at, customers.note_look):
        with pytest.raises(Forbidden):
            act(session, otto, cast.marie.id, AccessAction.REVEALED)


def test_another_country_reads_a_national_number_anew(session, cast, ada):
    with transaction(session):
        customers.update(session, ada, cast.marie.id, CustomerChanges(country_code="DE"), revision=1)
    assert session.get_one(Customer, cast.marie.id).phone_e164 == "+49612345678"


def test_an_edit_is_merged_with_all_that_was_saved_since(session, cast, ada):
    for revision, name in enumerate(("Eva", "Marie"), 1):
        with transaction(session):
            customers.update(session, ada, cast.marie.id, CustomerChanges(first_name=name), revision=revision)
    # The form still says Marie: it was opened before Eva, and its editor changed another field only.
    with transaction(session):
        customers.update(
            session, ada, cast.marie.id, CustomerChanges(first_name="Marie", last_name="Li"), revision=1
        )
    with transaction(session):
        customers.update(session, ada, cast.marie.id, CustomerChanges(first_name="Ida"), revision=1)
    marie = session.get_one(Customer, cast.marie.id, populate_existing=True)
    assert (marie.first_name, marie.last_name) == ("Ida", "Li")


def test_a_display_id_that_somebody_has_is_drawn_anew(session, cast, monkeypatch):
    drawn = iter([cast.marie.display_id, "AAAAAAAA", "AAAAAAAA", "BBBBBBBB"])
    monkeypatch.setattr(customers_bulk.customers, "new_display_id", lambda: next(drawn))
    assert customers_bulk.free_display_ids(session, 2) == ["AAAAAAAA", "BBBBBBBB"]
