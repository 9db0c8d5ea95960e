"""The time limit: who is beyond it, who never is, and that the deletions can be called off."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.config import Settings
from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.actor import Channel as Face
from app.domain.audit import AccessAction
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerChanges
from app.domain.data_requests import Kind, RequestInput
from app.domain.paging import PageRequest
from app.domain.retention import Policy
from app.errors import Conflict, Forbidden
from app.jobs import runner
from app.models import AuditEntry, Customer, DataRequest, Event, Job
from app.queries import retention as queries
from app.services import consents, customers, data_requests, retention
from tests import factories
from tests.cast import make_cast

LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)
POLICY = Policy(months=36, audit_log_months=36)
SYSTEM = Actor.system("test")


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def old(session, cast):
    return make_old(session, cast.north)


@pytest.fixture
def mia(cast):
    return factories.make_actor(cast.mia, cast.north)


def make_old(session, store, **over):
    values = {"created_at": LONG_AGO, "updated_at": LONG_AGO, "last_name": "Olden"}
    return factories.make_customer(session, stores=(store,), **values | over)


def due(session, actor, policy=POLICY):
    session.rollback()
    page = queries.list_page(session, actor, policy, PageRequest(), now=clock.utcnow())
    assert page.total == len(page.items)
    return [row.id for row in page.items]


def buys(session, old, mia):
    old.last_order_at = clock.utcnow() - timedelta(days=30)
    session.commit()


def waits_for_an_order(session, old, mia):
    factories.make_order(session, old, placed_at=LONG_AGO, state="pending")


def asks_for_a_copy(session, old, mia):
    with transaction(session):
        data_requests.record(session, mia, RequestInput(customer_id=old.id, kind=Kind.EXPORT.value))


def restricts_the_use(session, old, mia):
    with transaction(session), time_machine.travel(LONG_AGO, tick=False):
        data_requests.record(session, mia, RequestInput(customer_id=old.id, kind=Kind.RESTRICTION.value))


def says_yes(session, old, mia):
    with transaction(session):
        consents.record(
            session, mia, old.id, store_id=mia.store_id, channel=Channel.EMAIL, purpose=Purpose.MARKETING,
            action=Action.REFUSED, method=Method.SPOKEN,
        )  # fmt: skip


def tells_a_new_name(session, old, mia):
    with transaction(session):
        customers.update(session, mia, old.id, CustomerChanges(first_name="Ann"), revision=1)


def changes_it_in_the_web_shop(session, old, mia):
    shop = factories.make_api_client(session)
    actor = Actor(
        id=shop.id, name="Shop", role=mia.role, channel=Face.API, every_store=True,
        store_ids=mia.store_ids,
    )  # fmt: skip
    with transaction(session):
        customers.update(session, actor, old.id, CustomerChanges(first_name="Ann"), revision=1)


@pytest.mark.parametrize(
    "act",
    [
        buys, waits_for_an_order, asks_for_a_copy, restricts_the_use, says_yes, tells_a_new_name,
        changes_it_in_the_web_shop,
    ],
)  # fmt: skip
def test_who_is_in_touch_or_waits_for_something_is_kept(session, cast, mia, old, act):
    assert due(session, mia) == [old.id]
    act(session, old, mia)
    assert due(session, mia) == []
    with transaction(session):
        assert retention.request_due(session, SYSTEM, POLICY, call_off_days=7, limit=10)[0] == 0


def test_what_the_house_does_by_itself_keeps_nobody(session, cast, mia, old):
    factories.make_order(session, old, placed_at=LONG_AGO, state="shipped")
    with transaction(session), time_machine.travel(LONG_AGO, tick=False):
        consents.record(
            session, SYSTEM, old.id, store_id=mia.store_id, channel=Channel.EMAIL,
            purpose=Purpose.CLIENTELING, action=Action.REQUESTED, method=Method.SYSTEM,
        )  # fmt: skip
    with transaction(session):
        consents.record(
            session, SYSTEM, old.id, store_id=mia.store_id, channel=Channel.EMAIL,
            purpose=Purpose.CLIENTELING, action=Action.EXPIRED, method=Method.SYSTEM,
        )  # fmt: skip
        customers.look_at(session, mia, old.id, AccessAction.VIEWED)
    assert due(session, mia) == [old.id]
    # Unless the audit log is too short to tell the one from the other.
    assert due(session, mia, Policy(months=36, audit_log_months=12)) == []


def test_each_sees_their_own_stores_and_no_limit_means_nobody(session, cast, mia, old):
    other = make_old(session, cast.south)
    root = factories.make_actor(cast.root)
    assert due(session, mia) == [old.id]
    assert due(session, root) == [old.id, other.id]
    assert due(session, root, Policy(months=0)) == []
    assert due(session, root, Policy(months=120)) == []
    with pytest.raises(Forbidden):
        due(session, factories.make_actor(cast.ada, cast.north))
    with transaction(session), pytest.raises(Conflict):
        retention.start(session, mia, Policy(months=0))


@pytest.fixture
def work(engine, database_url, tmp_path):
    def work(**over):
        settings = Settings(
            data_dir=tmp_path, database_url=database_url, secret_key="s" * 40, erasure_key="k" * 40, **over
        )
        runner.load_handlers()
        worker = runner.Runner(engine, settings)
        while worker.run_next():
            pass

    return work


def test_a_manager_starts_it_for_their_stores_and_calls_one_off(session, cast, mia, old, work, tmp_path):
    calm = make_old(session, cast.north)
    other = make_old(session, cast.south)
    with transaction(session):
        job = retention.start(session, mia, POLICY)
    assert session.scalars(select(AuditEntry.action)).all() == ["retention.started"]
    work()
    session.rollback()
    rows = session.scalars(select(DataRequest).order_by(DataRequest.customer_id)).all()
    assert [(row.customer_id, row.kind, row.state, row.origin, row.store_id) for row in rows] == [
        (one.id, "deletion", "waiting", "retention", cast.north.id) for one in sorted((old, calm), key=by_id)
    ]
    assert rows[0].erase_after == rows[0].received_at + timedelta(days=7)
    assert session.get(Job, job.id, populate_existing=True).done_count == 2
    (mail,) = (tmp_path / "mails").iterdir()
    words = mail.read_text()
    assert ("To: mia@shop.example" in words, "Of 2 customers" in words) == (True, True)
    assert "Olden" not in words
    assert (due(session, mia), queries.waiting(session, mia)) == ([], 2)
    (kept,) = [row for row in rows if row.customer_id == old.id]
    with transaction(session):
        data_requests.call_off(session, mia, kept.id, reason="Came in today", revision=1)
    # Whoever was kept on purpose does not come back tomorrow.
    assert due(session, mia) == []
    old_id, calm_id, other_id = old.id, calm.id, other.id
    session.rollback()
    with time_machine.travel(clock.utcnow() + timedelta(days=8)):
        work()
        session.rollback()
        ids = set(session.scalars(select(Customer.id)))
        assert ({old_id, other_id} <= ids, calm_id in ids) == (True, False)
        (month,) = queries.report(session, mia, now=clock.utcnow())
        assert (month.requested, month.called_off, month.erased) == (2, 1, 1)


@pytest.mark.parametrize("act", [buys, waits_for_an_order, asks_for_a_copy, says_yes, tells_a_new_name])
def test_who_is_active_again_within_the_time_to_call_off_stays(session, cast, mia, old, work, act):
    with transaction(session):
        retention.request_due(session, SYSTEM, POLICY, call_off_days=7, limit=10)
    with time_machine.travel(clock.utcnow() + timedelta(days=3)):
        if act is buys:
            old.last_order_at = clock.utcnow()
            session.commit()
        else:
            act(session, old, mia)
    session.rollback()
    with time_machine.travel(clock.utcnow() + timedelta(days=8)):
        work()
    session.rollback()
    row = session.scalars(select(DataRequest).where(DataRequest.origin == "retention")).one()
    assert (row.state, row.outcome) == ("called_off", data_requests.ACTIVE_AGAIN)
    assert session.get(Customer, old.id) is not None
    told = session.scalars(select(Event.kind).where(Event.kind.like("customer.re%")).order_by(Event.number))
    assert told.all() == ["customer.restricted", "customer.released"]


def by_id(customer: Customer) -> uuid.UUID:
    return customer.id


@pytest.mark.parametrize(("automatic", "expected"), [(False, 0), (True, 1)])
def test_the_daily_job_asks_for_deletions_only_where_it_is_told_to(
    session, cast, old, work, automatic, expected
):
    work()
    with transaction(session):
        session.add(
            Job(
                kind="retention.run", state="queued", subject_type="recurring", subject_id="retention.run",
                payload={}, run_after=factories.NOON, created_at=factories.NOON,
            )
        )  # fmt: skip
    work(retention_automatic=automatic)
    session.rollback()
    assert len(session.scalars(select(DataRequest)).all()) == expected


def test_who_comes_in_between_is_kept(session, cast, mia, old):
    found = queries.next_due(
        session, POLICY, store_ids=None, after=None, limit=10, now=clock.utcnow()
    )  # fmt: skip
    session.rollback()
    tells_a_new_name(session, old, mia)
    with transaction(session):
        assert queries.still_due(session, POLICY, found, now=clock.utcnow()) == []


def test_no_more_wait_than_can_be_looked_at(session, cast, mia, old, monkeypatch):
    make_old(session, cast.north)
    monkeypatch.setattr("app.services.retention.MAX_WAITING", 1)
    asked = []
    for _ in range(2):
        with transaction(session):
            asked.append(retention.request_due(session, SYSTEM, POLICY, call_off_days=7, limit=10)[0])
    assert (asked, queries.count_waiting(session)) == ([1, 0], 1)
