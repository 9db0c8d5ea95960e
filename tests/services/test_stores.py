"""Stores: who may change them, what is refused, what each act leaves behind."""

import uuid

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.actor import Actor
from app.domain.paging import PageRequest
from app.domain.stores import StoreInput
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.models import AuditEntry, CustomerStore
from app.queries import stores as queries
from app.services import stores
from tests.factories import make_actor, make_associate, make_customer, make_store

SYSTEM = Actor.system("test")


def given(**over):
    return StoreInput(
        **{"name": " Store North ", "country_code": "fr", "currency": "eur", "time_zone": "Europe/Paris"}
        | over
    )


def created(session, **over):
    with transaction(session):
        return stores.create(session, SYSTEM, given(**over))


def actions(session):
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.at)))


def test_a_store_is_normalised_and_noted(session):
    store = created(session)
    assert (store.name, store.country_code, store.currency, store.time_zone, store.revision) == (
        "Store North",
        "FR",
        "EUR",
        "Europe/Paris",
        1,
    )
    assert actions(session) == ["store.created"]


def test_an_update_counts_the_revision_and_notes_the_fields(session):
    store = created(session)
    with transaction(session):
        stores.update(session, SYSTEM, store.id, given(currency="USD"), revision=1)
    assert (store.currency, store.revision) == ("USD", 2)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "store.updated")).one()
    assert entry.changes == {"currency": ["EUR", "USD"]}


def test_saving_what_is_there_changes_nothing(session):
    store = created(session)
    with transaction(session):
        stores.update(session, SYSTEM, store.id, given(), revision=1)
    assert store.revision == 1
    assert actions(session) == ["store.created"]


def test_an_older_revision_is_refused(session):
    store = created(session)
    with transaction(session):
        stores.update(session, SYSTEM, store.id, given(currency="USD"), revision=1)
    with pytest.raises(Stale) as caught, transaction(session):
        stores.update(session, SYSTEM, store.id, given(currency="GBP"), revision=1)
    assert caught.value.current_revision == 2


def test_a_taken_name_is_refused_without_regard_to_case(session):
    created(session)
    with pytest.raises(Conflict) as caught:
        created(session, name="store NORTH")
    assert list(caught.value.fields) == ["name"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\0b"),
        ("name", "\ud800"),
        ("country_code", ""),
        ("country_code", "XX"),
        ("currency", "EURO"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
    ],
)
def test_bad_input_says_which_field(session, field, value):
    with pytest.raises(Invalid) as caught:
        stores.create(session, SYSTEM, given(**{field: value}))
    assert list(caught.value.fields) == [field]


def test_closing_keeps_the_customers_and_opening_brings_the_store_back(session):
    store = make_store(session)
    make_customer(session, stores=(store,))
    with transaction(session):
        stores.deactivate(session, SYSTEM, store.id, revision=1)
    assert store.is_active is False
    assert len(session.scalars(select(CustomerStore).where(CustomerStore.store_id == store.id)).all()) == 1
    with transaction(session):
        stores.reactivate(session, SYSTEM, store.id, revision=2)
    assert (store.is_active, store.revision) == (True, 3)
    assert actions(session) == ["store.updated", "store.updated"]


@pytest.mark.parametrize("role", ["associate", "manager", "auditor"])
def test_only_administrators_may(session, role):
    store = make_store(session)
    actor = make_actor(make_associate(session, stores=(store,), role=role), store)
    with pytest.raises(Forbidden):
        stores.create(session, actor, given())
    with pytest.raises(Forbidden):
        stores.update(session, actor, store.id, given(), revision=1)
    with pytest.raises(Forbidden):
        stores.deactivate(session, actor, store.id, revision=1)
    with pytest.raises(Forbidden):
        stores.reactivate(session, actor, store.id, revision=1)
    with pytest.raises(Forbidden):
        queries.list_page(session, actor, "", PageRequest())


def test_an_unknown_store_is_not_found(session):
    with pytest.raises(NotFound):
        stores.update(session, SYSTEM, uuid.uuid4(), given(), revision=1)


def test_the_list_finds_by_text_with_open_stores_first_and_pages(session):
    make_store(session, name="100% Wool", is_active=False)
    make_store(session, name="Rue_1")
    make_store(session, name="Rue 2")
    names = lambda text, **over: [  # noqa: E731
        store.name for store in queries.list_page(session, SYSTEM, text, PageRequest(**over)).items
    ]
    assert names("") == ["Rue_1", "Rue 2", "100% Wool"]
    assert names("%") == ["100% Wool"]
    assert names("_") == ["Rue_1"]
    assert names("RUE") == ["Rue_1", "Rue 2"]
    assert names("rue", offset=1, count=1) == ["Rue 2"]
