"""Addresses: the default of each type, and how many there may be."""

from dataclasses import replace

import pytest

from app.db import transaction
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.errors import Conflict
from app.services import addresses
from tests.cast import make_cast

PARIS = AddressInput(
    type="shipping", address_1="1 rue de la Paix", zip_code="75002", city="Paris", country_code="FR"
)


@pytest.fixture
def marie(session):
    return make_cast(session).marie


def test_a_default_stays_until_another_takes_its_place(session, marie):
    system = Actor.system("test")
    with transaction(session):
        first = addresses.create(session, system, marie.id, PARIS)
    with transaction(session):
        moved = replace(PARIS, address_1="2 rue de la Paix", is_default=False)
        addresses.update(session, system, marie.id, first.id, moved, revision=2)
    assert (first.address_1, first.is_default) == ("2 rue de la Paix", True)


def test_one_more_than_a_customer_can_have_is_refused(session, marie, monkeypatch):
    system = Actor.system("test")
    monkeypatch.setattr(addresses, "MAX_ADDRESSES", 2)
    for _ in range(2):
        with transaction(session):
            addresses.create(session, system, marie.id, PARIS)
    with pytest.raises(Conflict, match="at most 2 addresses"), transaction(session):
        addresses.create(session, system, marie.id, PARIS)
