from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerChanges
from app.domain.data_requests import Kind, RequestInput, State
from app.domain.paging import PageRequest
from app.domain.profile_lists import ProfileQuery
from app.domain.searches import CustomerQuery
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.models import Address, AuditEntry, Customer, DataRequest, Event, Mail
from app.queries import data_requests as queries
from app.queries import profiles, search, search_whole
from app.services import addresses, attributes, consents, customers, data_requests, search_index
from tests import factories
from tests.cast import make_cast


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def mia(cast):
    return factories.make_actor(cast.mia, cast.north)


def ask(session, actor, customer, kind=Kind.DELETION, **over):
    with transaction(session):
        return data_requests.record(
            session, actor, RequestInput(customer_id=customer.id, kind=kind.value, **over)
        )


def test_a_deletion_waits_seven_days_and_is_due_in_a_month(session, cast, mia):
    with transaction(session):
        row = data_requests.request_deletion(session, mia, cast.marie.id)
    assert (row.kind, row.state, row.store_id) == ("deletion", "waiting", cast.north.id)
    assert row.due_at == clock.add_months(row.received_at, 1)
    assert row.erase_after == row.received_at + timedelta(days=7)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "data_request.recorded")).one()
    assert (entry.customer_id, entry.subject_id) == (cast.marie.id, str(row.id))


def test_asking_again_returns_the_same_open_request(session, cast, mia):
    first = ask(session, mia, cast.marie)
    assert ask(session, mia, cast.marie).id == first.id
    assert len(session.scalars(select(AuditEntry.id).where(AuditEntry.action.like("data_req%"))).all()) == 1
    with transaction(session):
        data_requests.call_off(session, mia, first.id, reason="Changed her mind", revision=1)
    assert ask(session, mia, cast.marie).id != first.id


def test_each_export_asked_for_is_a_request_of_its_own(session, cast, mia):
    assert ask(session, mia, cast.marie, Kind.EXPORT).id != ask(session, mia, cast.marie, Kind.EXPORT).id


def test_who_may_ask(session, cast):
    with pytest.raises(Forbidden):
        ask(session, factories.make_actor(cast.ada, cast.north), cast.marie)
    with pytest.raises(Forbidden):
        ask(session, factories.make_actor(cast.otto, cast.north), cast.marie)
    with pytest.raises(NotFound):
        ask(session, factories.make_actor(cast.mia, cast.north), cast.stranger)
    assert ask(session, Actor.system("test"), cast.stranger).store_id == cast.south.id


def test_a_deletion_that_began_cannot_be_called_off(session, cast, mia):
    row = ask(session, mia, cast.marie)
    with transaction(session):
        session.get_one(DataRequest, row.id).state = State.ERASING.value
    with pytest.raises(Conflict), transaction(session):
        data_requests.call_off(session, mia, row.id, reason="Too late", revision=1)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.DELETION])
def test_only_a_deletion_is_called_off(session, cast, mia, kind):
    row = ask(session, mia, cast.marie, kind, note="Her name is written with two f")
    with pytest.raises(Conflict, match="Only a deletion"), transaction(session):
        data_requests.call_off(session, mia, row.id, reason="Changed her mind", revision=1)


def test_what_is_called_off_says_who_and_why(session, cast, mia):
    row = ask(session, mia, cast.marie)
    with pytest.raises(Invalid), transaction(session):
        data_requests.call_off(session, mia, row.id, reason="  ", revision=1)
    with pytest.raises(Stale), transaction(session):
        data_requests.call_off(session, mia, row.id, reason="No", revision=7)
    with transaction(session):
        row = data_requests.call_off(session, mia, row.id, reason="Changed her mind", revision=1)
    assert (row.state, row.outcome, row.closed_by_name, row.revision) == (
        "called_off", "Changed her mind", "Mia Cast", 2,
    )  # fmt: skip
    with pytest.raises(Conflict), transaction(session):
        data_requests.call_off(session, mia, row.id, reason="Again", revision=2)


def test_an_extension_is_told_in_the_first_month_and_once(session, cast, mia):
    row = ask(session, mia, cast.marie, Kind.EXPORT)
    with time_machine.travel(row.due_at + timedelta(hours=1)), pytest.raises(Conflict), transaction(session):
        data_requests.extend(session, mia, row.id, reason="Many orders", revision=1)
    with transaction(session):
        row = data_requests.extend(session, mia, row.id, reason="Many orders", revision=1)
    assert row.due_at == clock.add_months(row.received_at, 3)
    with pytest.raises(Conflict), transaction(session):
        data_requests.extend(session, mia, row.id, reason="More", revision=2)
    deletion = ask(session, mia, cast.marie)
    with pytest.raises(Conflict), transaction(session):
        data_requests.extend(session, mia, deletion.id, reason="More", revision=1)


def test_a_correction_is_closed_with_what_was_done(session, cast, mia):
    row = ask(session, mia, cast.marie, Kind.RECTIFICATION, note="Her name is written with two f")
    with transaction(session):
        data_requests.check_identity(session, mia, row.id, identity="phone", note="Called", revision=1)
    with transaction(session):
        row = data_requests.close(session, mia, row.id, outcome="Corrected", revision=2)
    assert (row.state, row.identity, row.outcome) == ("done", "phone", "Corrected")
    deletion = ask(session, mia, cast.marie)
    with pytest.raises(Conflict), transaction(session):
        data_requests.close(session, mia, deletion.id, outcome="Done", revision=1)


def test_what_is_due_and_overdue(session, cast, mia):
    root = factories.make_actor(cast.root)
    late = ask(session, mia, cast.marie, Kind.EXPORT)
    other = ask(session, root, cast.stranger, Kind.EXPORT)
    assert queries.counts(session, mia) == {"open": 1, "due_soon": 0, "overdue": 0}
    with time_machine.travel(clock.utcnow() + timedelta(days=25)):
        assert queries.counts(session, mia) == {"open": 1, "due_soon": 1, "overdue": 0}
        (row,) = queries.list_page(session, mia, PageRequest(), is_open=True).items
        assert (row.id, row.is_due_soon, row.is_overdue) == (late.id, True, False)
    with time_machine.travel(clock.utcnow() + timedelta(days=32)):
        rows = queries.list_page(session, root, PageRequest(), is_open=True).items
        assert [(row.id, row.is_due_soon, row.is_overdue) for row in rows] == [
            (late.id, False, True), (other.id, False, True),
        ]  # fmt: skip
        assert queries.counts(session, mia) == {"open": 1, "due_soon": 0, "overdue": 1}


def mails_to(session):
    session.rollback()
    return [
        (mail.to_address, mail.kind, mail.payload, mail.customer_id) for mail in session.scalars(select(Mail))
    ]


def test_managers_are_reminded_ten_and_three_days_before_and_not_of_what_is_closed(session, cast, mia):
    def remind(row, days):
        at = row.due_at - timedelta(days=days) + timedelta(hours=1)
        with time_machine.travel(at), transaction(session):
            return data_requests.remind(session, Actor.system("test"), limit=100)

    row = ask(session, mia, cast.marie, Kind.EXPORT)
    closed = ask(session, mia, cast.marie, Kind.RECTIFICATION)
    other = ask(session, Actor.system("test"), cast.stranger, Kind.EXPORT)
    with transaction(session):
        data_requests.close(session, mia, closed.id, outcome="Corrected", revision=1)
    assert [remind(row, days) for days in (12, 10, 9, 4)] == [0, 2, 0, 0]
    # South has no manager: the administrators are written to.
    expected = [("mia@shop.example", row), ("root@shop.example", other)]
    assert sorted(mails_to(session)) == [
        (address, "request_due", {"request_id": str(one.id)}, None) for address, one in expected
    ]
    assert (remind(row, 3), remind(row, 1), remind(row, -5)) == (2, 0, 0)
    assert len(mails_to(session)) == 4
    entries = session.scalars(select(AuditEntry.changes).where(AuditEntry.action == "data_request.reminded"))
    assert [entry["reminded_days"] for entry in entries] == [[None, 10], [None, 10], [10, 3], [10, 3]]


def test_who_extends_is_reminded_anew(session, cast, mia):
    row = ask(session, mia, cast.marie, Kind.EXPORT)
    with time_machine.travel(row.due_at - timedelta(days=2)), transaction(session):
        data_requests.remind(session, Actor.system("test"), limit=100)
        data_requests.extend(session, mia, row.id, reason="Many orders", revision=1)
    with time_machine.travel(row.due_at - timedelta(days=9)), transaction(session):
        assert data_requests.remind(session, Actor.system("test"), limit=100) == 1
    assert row.reminded_days == 10


def test_each_sees_the_requests_of_their_stores(session, cast, mia):
    own, other = ask(session, mia, cast.marie), ask(session, Actor.system("test"), cast.stranger)
    otto = factories.make_actor(cast.otto, cast.north)
    everything = [own.id, other.id]
    for actor, expected in ((mia, [own.id]), (otto, [own.id]), (factories.make_actor(cast.root), everything)):
        page = queries.list_page(session, actor, PageRequest(), is_open=True)
        assert ([row.id for row in page.items], page.total) == (expected, len(expected))
    assert queries.list_page(session, mia, PageRequest(), is_open=False).items == []
    with pytest.raises(NotFound):
        queries.get(session, mia, other.id)
    with pytest.raises(Forbidden):
        queries.list_page(session, factories.make_actor(cast.ada, cast.north), PageRequest())


def seen(session, actor, customer):
    """Where lists, searches and the API's lists show the customer."""
    session.rollback()
    page = search.list_page(session, actor, CustomerQuery(store_id=actor.store_id))
    found = search.list_page(session, actor, CustomerQuery(text="lefev", store_id=actor.store_id))
    api = profiles.list_page(session, actor, ProfileQuery(), whole=False)
    named = profiles.list_page(session, actor, ProfileQuery(text="lefevre"), whole=False)
    opted_in = profiles.opted_in(session, actor, actor.store_id, PageRequest())
    ids = [[row.id for row in page.items] for page in (page, found, api, named, opted_in)]
    assert [page.total for page in (page, found, api, named, opted_in)] == [len(one) for one in ids]
    return [customer.id in one for one in ids]


@pytest.mark.parametrize("kind", [Kind.DELETION, Kind.RESTRICTION])
def test_a_customer_on_hold_is_in_no_list_until_it_ends(session, cast, mia, kind):
    with transaction(session):
        consents.record(
            session, mia, cast.marie.id, store_id=cast.north.id, channel=Channel.EMAIL,
            purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
        )  # fmt: skip
    assert seen(session, mia, cast.marie) == [True] * 5
    row = ask(session, mia, cast.marie, kind)
    assert seen(session, mia, cast.marie) == [False] * 5
    for text in ("Marie@mail.example", "06 12 34 56 78", cast.marie.display_id.lower()):
        assert [held.id for held in search_whole.find(session, mia, text).on_hold] == [cast.marie.id]
    cleo = factories.make_actor(cast.cleo, cast.south)
    assert search_whole.find(session, mia, "lefevre").on_hold == []
    assert search_whole.find(session, cleo, "marie@mail.example").on_hold == []
    # An act on the customer does not bring them back.
    with transaction(session):
        search_index.refresh(session, [cast.marie.id])
    assert seen(session, mia, cast.marie) == [False] * 5
    with transaction(session):
        if kind is Kind.DELETION:
            data_requests.call_off(session, mia, row.id, reason="Stays", revision=1)
        else:
            data_requests.close(session, mia, row.id, outcome="Corrected, told by phone", revision=1)
    assert seen(session, mia, cast.marie) == [True] * 5
    told = session.execute(select(Event.kind, Event.data).where(Event.kind.like("customer.re%"))).all()
    assert [(name, data["reason"]) for name, data in told] == [
        ("customer.restricted", kind.value), ("customer.released", kind.value),
    ]  # fmt: skip


def test_one_of_two_holds_that_ends_keeps_the_customer_on_hold(session, cast, mia):
    ask(session, mia, cast.marie, Kind.RESTRICTION)
    deletion = ask(session, mia, cast.marie)
    with transaction(session):
        data_requests.call_off(session, mia, deletion.id, reason="Stays", revision=1)
    assert seen(session, mia, cast.marie) == [False] * 5


def test_a_restriction_is_in_force_at_once_and_nobody_waits_for_it(session, cast, mia):
    row = ask(session, mia, cast.marie, Kind.RESTRICTION)
    assert ask(session, mia, cast.marie, Kind.RESTRICTION).id == row.id
    with time_machine.travel(clock.utcnow() + timedelta(days=60)):
        assert queries.counts(session, mia) == {"open": 1, "due_soon": 0, "overdue": 0}
        (shown,) = queries.list_page(session, mia, PageRequest(), is_open=True).items
        assert (shown.state, shown.is_overdue, shown.is_due_soon) == (State.RESTRICTED, False, False)
        with transaction(session):
            assert data_requests.remind(session, mia, limit=10) == 0
    with transaction(session), pytest.raises(Conflict):
        data_requests.extend(session, mia, row.id, reason="x", revision=1)


def changes_of(session, actor, customer):
    """Each act that changes a customer, by name."""
    given = AddressInput(
        type="billing", address_1="1 Rue A", zip_code="75001", city="Paris", country_code="FR"
    )
    address = session.scalars(select(Address).where(Address.customer_id == customer.id)).first()
    at = {"revision": session.get(Customer, customer.id, populate_existing=True).revision}
    return {
        "contact": lambda: customers.update(
            session, actor, customer.id, CustomerChanges(last_name="Neu"), **at
        ),
        "attributes": lambda: attributes.change(session, actor, customer.id, {"shoe": "39"}, **at),
        "new address": lambda: addresses.create(session, actor, customer.id, given),
        "address": lambda: addresses.update(session, actor, customer.id, address.id, given, **at),
        "no address": lambda: addresses.delete(session, actor, customer.id, address.id, **at),
    }


def refused(session, actor, customer):
    """The acts that a hold refuses; what is allowed is tried and undone."""
    found = set()
    for name, act in changes_of(session, actor, customer).items():
        with transaction(session):
            undo = session.begin_nested()
            try:
                act()
            except Conflict:
                found.add(name)
            undo.rollback()
    return found


def test_on_hold_nothing_is_changed_but_what_the_customer_asked_to_correct(session, cast, mia):
    factories.make_address(session, cast.marie)
    session.commit()
    ada = factories.make_actor(cast.ada, cast.north)
    command = Actor.system("import")
    every = set(changes_of(session, mia, cast.marie))
    assert refused(session, ada, cast.marie) == set()
    row = ask(session, mia, cast.marie, Kind.RESTRICTION)
    assert [refused(session, who, cast.marie) for who in (ada, mia, command)] == [every] * 3
    cleo = factories.make_actor(cast.cleo, cast.south)
    proof = {"store_id": cast.south.id, "proof": "marie@mail.example"}
    with transaction(session), pytest.raises(Conflict):
        customers.add_to_store(session, cleo, cast.marie.id, **proof)
    ask(session, mia, cast.marie, Kind.RECTIFICATION)
    assert [refused(session, who, cast.marie) for who in (ada, mia, command)] == [every, set(), every]
    with transaction(session):
        data_requests.close(session, mia, row.id, outcome="Corrected, told by phone", revision=1)
    assert refused(session, ada, cast.marie) == set()
    ask(session, mia, cast.marie)
    assert refused(session, ada, cast.marie) == every


@pytest.mark.parametrize(
    ("state", "origin", "expected"),
    [("waiting", "customer", True), ("waiting", "retention", False), ("erasing", "retention", True)],
)
def test_a_change_calls_a_deletion_by_the_time_limit_off_and_is_not_refused(
    session, cast, mia, state, origin, expected
):
    factories.make_address(session, cast.marie)
    row = ask(session, mia, cast.marie)
    row.state, row.origin = state, origin
    session.commit()
    ada = factories.make_actor(cast.ada, cast.north)
    assert ("contact" in refused(session, ada, cast.marie)) is expected


def test_who_is_on_hold_for_two_reasons_is_released_after_the_second(session, cast, mia):
    restriction = ask(session, mia, cast.marie, Kind.RESTRICTION, note="Her name is to be checked")
    deletion = ask(session, mia, cast.marie)
    told = select(Event.id).where(Event.kind == "customer.released")
    with transaction(session):
        data_requests.close(session, mia, restriction.id, outcome="Told her by phone", revision=1)
    assert session.scalars(told).all() == []
    with transaction(session):
        data_requests.call_off(session, mia, deletion.id, reason="Changed her mind", revision=1)
    assert len(session.scalars(told).all()) == 1
