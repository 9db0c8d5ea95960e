"""Erasing: everything goes, step by step, whatever happens to the worker."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select

from app import ledger
from app.config import Settings
from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.customers import CustomerChanges
from app.domain.data_requests import Kind, RequestInput
from app.domain.erasures import LedgerKey
from app.domain.jobs import JobState
from app.errors import Conflict, NotFound
from app.jobs import runner
from app.models import (
    AuditEntry,
    Customer,
    DataRequest,
    DataRequestStep,
    Delivery,
    Erasure,
    Event,
    Job,
    Order,
    Webhook,
)
from app.queries import customers as customer_queries
from app.services import customers, data_requests, erasures
from tests import factories, people
from tests.cast import make_cast

ROOT = Path(__file__).parent.parent.parent
SYSTEM = Actor.system("test")
SECRET = "a ledger key of tests, long enough"


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def settings(database_url, tmp_path):
    return Settings(data_dir=tmp_path, database_url=database_url, secret_key="s" * 40, erasure_key=SECRET)


@pytest.fixture
def work(engine, settings):
    """Do what is due, as `clienteling jobs` does."""
    runner.load_handlers()
    worker = runner.Runner(engine, settings)

    def work():
        while worker.run_next():
            pass

    return work


def ask(session, customer, **over):
    with transaction(session):
        return data_requests.request_deletion(session, SYSTEM, customer.id, **over)


def request_of(session, row):
    return session.get_one(DataRequest, row.id, populate_existing=True)


def test_nothing_happens_before_the_time_to_call_off_is_over(session, cast, work):
    row = ask(session, cast.marie)
    work()
    assert request_of(session, row).state == "waiting"
    with transaction(session), pytest.raises(Conflict):
        erasures.begin(session, SYSTEM, row.id)


def test_what_was_called_off_is_not_erased(session, cast, work):
    row = ask(session, cast.marie, call_off_days=7)
    with transaction(session):
        data_requests.call_off(session, SYSTEM, row.id, reason="Stays", revision=1)
    with time_machine.travel(clock.utcnow() + timedelta(days=8)):
        work()
    assert request_of(session, row).state == "called_off"
    assert session.get(Customer, cast.marie.id) is not None
    assert session.scalars(select(Job.state).where(Job.subject_type == "data_request")).all() == ["done"]


def test_everything_of_the_customer_goes_and_nothing_of_others(session, cast, work, settings):
    marie = people.with_everything(session, cast)
    other_before = people.rows_of(session, cast.stranger.id)
    row = ask(session, marie, call_off_days=0)
    marie_id = marie.id
    work()
    session.expire_all()
    done = request_of(session, row)
    assert (done.state, done.note, done.identity_note) == ("done", "", "")
    with pytest.raises(NotFound):
        customer_queries.get(session, SYSTEM, marie_id)
    # What stays: who did what, who saw, that it was erased. None of it says who the customer was.
    assert set(people.rows_of(session, marie_id)) == {
        "access_entry", "audit_entry", "data_request", "data_request_step", "event",
    }  # fmt: skip
    assert people.rows_of(session, cast.stranger.id) == other_before
    values = session.scalars(select(AuditEntry.changes).where(AuditEntry.customer_id == marie_id)).all()
    assert set(values) == {None}
    order = session.scalars(select(Order)).one()
    assert order.customer_id is None
    assert '"zip_code":"75"' in order.document
    assert '"country_code":"FR"' in order.document


def test_every_receiver_is_told_of_the_erasure_and_nothing_else_of_the_customer_stays(session, cast, work):
    times = {"created_at": factories.NOON, "updated_at": factories.NOON, "sealed_secret": "x"}
    for name, kinds, is_active in (
        ("News", ["customer.updated"], True), ("Other", ["consent.changed"], True), ("Off", [], False),
    ):  # fmt: skip
        session.add(Webhook(name=name, url="https://crm.example/", kinds=kinds, is_active=is_active, **times))
    session.commit()
    mia = factories.make_actor(cast.mia, cast.north)
    with transaction(session):
        customers.update(session, mia, cast.marie.id, CustomerChanges(first_name="Ann"), revision=1)
    row = ask(session, cast.marie, call_off_days=0)
    kinds = session.scalars(select(Event.kind).order_by(Event.number)).all()
    assert kinds == ["customer.updated", "customer.restricted"]
    # Who reads keeps the write-ahead log from being emptied.
    session.rollback()
    work()
    session.rollback()
    told = session.execute(
        select(Webhook.name, Event.kind, Event.data, Delivery.state)
        .join(Delivery, Delivery.webhook_id == Webhook.id)
        .join(Event, Event.number == Delivery.event_number)
        .order_by(Webhook.name)
    ).all()
    said = {
        "customer_id": str(row.customer_id), "profile_revision": 3, "store_id": None, "changed": [],
    }  # fmt: skip
    assert told == [(name, "customer.erased", said, "queued") for name in ("News", "Other")]
    assert session.scalars(select(Event.kind)).all() == ["customer.erased"]


def test_the_request_keeps_a_record_of_counts(session, cast, work):
    marie = people.with_everything(session, cast)
    row = ask(session, marie, call_off_days=0)
    work()
    steps = session.scalars(
        select(DataRequestStep).where(DataRequestStep.request_id == row.id).order_by(DataRequestStep.position)
    ).all()
    assert [step.name for step in steps] == erasures.steps()
    counts = {step.name: step.rows for step in steps}
    assert (counts["address"], counts["customer_order"], counts["customer"]) == (1, 1, 1)


def test_the_e_mail_address_is_free_again_for_a_new_person(session, cast, work):
    ask(session, cast.marie, call_off_days=0)
    work()
    mia = factories.make_actor(cast.mia, cast.north)
    with transaction(session):
        again = customers.create(
            session, mia, people.CustomerInput(email="marie@mail.example"), store_id=cast.north.id
        )
    assert again.id != cast.marie.id


def test_the_ledger_stands_in_the_database_and_in_its_file(session, cast, work, settings):
    ask(session, cast.marie, call_off_days=0)
    work()
    key = LedgerKey(SECRET)
    row = session.scalars(select(Erasure)).one()
    assert (row.key_id, row.customer_hash, row.email_hash) == (
        key.id, key.of_customer(cast.marie.id), key.of_email("marie@mail.example"),
    )  # fmt: skip
    path = settings.data_dir / ledger.NAME
    assert ledger.read(path).lines == erasures.ledger_lines(session)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_comes_while_the_steps_run_goes_too(session, cast, engine, settings):
    row = ask(session, cast.marie, call_off_days=0)
    key = LedgerKey(SECRET)
    with transaction(session):
        names = erasures.begin(session, SYSTEM, row.id)
    for name in names[:-1]:
        with transaction(session):
            erasures.run_step(session, row.id, name, key)
    factories.make_address(session, cast.marie)
    with transaction(session):
        customers.look_at(session, SYSTEM, cast.marie.id, AccessAction.VIEWED)
    with transaction(session):
        erasures.run_step(session, row.id, names[-1], key)
    session.expire_all()
    assert session.get(Customer, cast.marie.id) is None
    assert set(people.rows_of(session, cast.marie.id)) <= {
        "access_entry", "audit_entry", "data_request", "data_request_step", "event", "job",
    }  # fmt: skip


def test_a_worker_killed_around_each_step_leaves_nothing_half_done(session, cast, database_url, tmp_path):
    marie = people.with_everything(session, cast)
    row = ask(session, marie, call_off_days=0)
    marie_id = marie.id
    session.rollback()
    environment = os.environ | {
        "DATABASE_URL": database_url.replace("+psycopg", ""), "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "", "ERASURE_KEY": SECRET,
    }  # fmt: skip
    (tmp_path / "data").mkdir(mode=0o700)
    program = [sys.executable, "-m", "tests.jobs.erasing"]
    found = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    # Before and after each step; before and after closing the request, and closing the job.
    assert int(found.stdout) >= 2 * len(erasures.steps()) + 2
    session.expire_all()
    assert request_of(session, row).state == "done"
    names = session.scalars(select(DataRequestStep.name).order_by(DataRequestStep.position)).all()
    assert names == erasures.steps()
    assert session.get(Customer, marie_id) is None
    assert len(session.scalars(select(Erasure)).all()) == 1
    assert len(ledger.read(tmp_path / "data" / ledger.NAME).lines) == 1
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("erasure%"))).all()
    assert sorted(actions) == ["erasure.finished", "erasure.started"]
    assert set(session.scalars(select(Job.state))) == {JobState.DONE}
    assert list((tmp_path / "data" / "mails").iterdir()) == []


def test_what_comes_in_while_the_steps_are_done_goes_with_the_last(session, cast):
    restriction = ask_restriction(session, cast.marie)
    row = ask(session, cast.marie, call_off_days=0)
    with transaction(session):
        names = erasures.begin(session, SYSTEM, row.id)
    for name in names:
        with transaction(session):
            erasures.run_step(session, row.id, name, LedgerKey(SECRET))
    with transaction(session):
        session.add(
            AuditEntry(
                at=clock.utcnow(), actor_name="test", role="system", channel="cli", subject_type="customer",
                subject_id=str(cast.marie.id), action="customer.updated", customer_id=cast.marie.id,
                fields=["first_name"], changes={"first_name": ["Marie", "Eva"]}, request_id="", device="",
            )
        )  # fmt: skip
    with transaction(session):
        erasures.finish(session, SYSTEM, row.id)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.customer_id == cast.marie.id)).all()
    assert [entry.changes for entry in entries if entry.changes] == []
    assert request_of(session, restriction).state == "done"


def ask_restriction(session, customer):
    given = RequestInput(customer_id=customer.id, kind=Kind.RESTRICTION.value, note="To be checked")
    with transaction(session):
        return data_requests.record(session, SYSTEM, given)
