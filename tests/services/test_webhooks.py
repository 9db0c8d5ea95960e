"""Registered addresses: who may, what is refused, what each act leaves behind."""

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.models import AuditEntry, Delivery, Event, Webhook
from app.queries import webhooks as queries
from app.services import events, webhooks
from app.services.sealing import Sealer
from app.services.webhooks import WebhookInput
from tests.factories import make_actor, make_associate, make_store

SYSTEM = Actor.system("test")
SEALER = Sealer(("s" * 40,))


def given(**over):
    return WebhookInput(
        **{"name": " CRM ", "url": "https://127.0.0.1/hook", "kinds": ["consent.changed"]} | over
    )


def created(session):
    columns = given().check(allow_private=True)
    with transaction(session):
        return webhooks.create(session, SYSTEM, columns, SEALER)


def claim(session):
    due = queries.first_due(session)
    if due is None:
        return None
    session.rollback()
    with transaction(session):
        return webhooks.claim(session, SEALER, due)


def test_the_secret_stands_sealed_in_the_database(session):
    row, secret = created(session)
    assert secret.startswith("whsec_")
    stored = session.scalars(select(Webhook.sealed_secret)).one()
    assert secret[6:] not in stored
    assert SEALER.open(stored) == secret
    assert Sealer(("t" * 40, "s" * 40)).open(stored) == secret
    assert Sealer(("t" * 40,)).open(stored) is None
    entry = session.scalars(select(AuditEntry)).one()
    assert entry.action == "webhook.created"
    assert entry.changes == {
        "name": [None, "CRM"], "url": [None, "https://127.0.0.1/hook"], "kinds": [None, ["consent.changed"]],
    }  # fmt: skip
    assert row.revision == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\0b"),
        ("url", ""),
        ("url", "http://93.184.216.34/"),
        ("url", "https://127.0.0.1/"),
        ("url", "https://[::1]/"),
        ("url", "https://[::ffff:10.0.0.1]/"),
        ("url", "https://localhost/"),
        ("url", "https://169.254.169.254/latest/meta-data"),
        ("url", "https://2130706433/"),
        ("url", "https://0x7f.1/"),
        ("url", "https://name.invalid/"),
        ("url", "https://" + "a" * 64 + ".example/"),
        ("kinds", []),
        ("kinds", ["everything"]),
        ("kinds", ["webhook.test"]),
    ],
)
def test_bad_input_says_which_field(field, value):
    with pytest.raises(Invalid) as caught:
        given(**{"url": "https://93.184.216.34/"} | {field: value}).check(allow_private=False)
    assert list(caught.value.fields) == [field]


def test_a_change_counts_the_revision_and_an_older_one_is_refused(session):
    row, _secret = created(session)
    columns = given(name="ERP").check(allow_private=True)
    with transaction(session):
        webhooks.change(session, SYSTEM, row.id, columns, revision=1)
    assert (row.name, row.revision) == ("ERP", 2)
    with pytest.raises(Stale), transaction(session):
        webhooks.change(session, SYSTEM, row.id, columns, revision=1)
    with transaction(session):
        webhooks.deactivate(session, SYSTEM, row.id, revision=2)
    with pytest.raises(Conflict), transaction(session):
        webhooks.test(session, SYSTEM, row.id)
    with transaction(session):
        webhooks.reactivate(session, SYSTEM, row.id, revision=3)
    assert (row.is_active, row.revision) == (True, 4)


def test_what_waits_waits_while_the_address_is_closed(session):
    row, _secret = created(session)
    with transaction(session):
        webhooks.test(session, SYSTEM, row.id)
    with transaction(session):
        webhooks.deactivate(session, SYSTEM, row.id, revision=1)
    assert claim(session) is None
    with transaction(session):
        webhooks.reactivate(session, SYSTEM, row.id, revision=2)
    parcel = claim(session)
    assert parcel.event_id == session.scalars(select(Event.id)).one()
    with pytest.raises(Conflict), transaction(session):
        webhooks.replay(session, SYSTEM, parcel.delivery_id)


def test_an_address_has_two_deliveries_on_their_way_and_one_that_fails_has_one(session):
    row, _secret = created(session)
    for _ in range(4):
        with transaction(session):
            webhooks.test(session, SYSTEM, row.id)

    first, second = claim(session), claim(session)
    assert first.delivery_id != second.delivery_id
    assert claim(session) is None
    with transaction(session):
        webhooks.settle(session, SYSTEM, first, error="It did not answer in time.")
    assert claim(session) is None
    with transaction(session):
        webhooks.settle(session, SYSTEM, second, status=200)
    assert claim(session) is not None
    assert claim(session) is not None
    assert claim(session) is None


def test_two_workers_cannot_both_have_the_last_place(session):
    row, _secret = created(session)
    for _ in range(3):
        with transaction(session):
            webhooks.test(session, SYSTEM, row.id)
    ids = list(session.scalars(select(Delivery.id).order_by(Delivery.event_number)))
    with transaction(session):
        taken = [webhooks.claim(session, SEALER, delivery_id) for delivery_id in (*ids, ids[0])]
    assert [parcel is not None for parcel in taken] == [True, True, False, False]


def test_who_queues_for_an_address_does_not_hold_up_its_deliveries(session, engine):
    row, _secret = created(session)
    with transaction(session):
        webhooks.test(session, SYSTEM, row.id)
    due = queries.first_due(session)
    session.rollback()
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    with Session(engine) as other, transaction(other):
        event = Event(id=uuid.uuid4(), kind="consent.changed", at=clock.utcnow(), data={})
        other.add(event)
        other.flush()
        events.deliver(other, [(row.id, event)])
        other.flush()
        with transaction(session):
            assert webhooks.claim(session, SEALER, due) is not None


def test_what_holds_a_delivery_back_is_read_off_an_index_of_what_waits(session, engine):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a small table as it is")
    query = select(Delivery.id).where(Delivery.webhook_id == uuid.uuid4(), queries.may_begin(clock.utcnow()))
    statement = query.compile(engine, compile_kwargs={"render_postcompile": True})
    plan = session.connection().exec_driver_sql(
        f"EXPLAIN QUERY PLAN {statement}", tuple(str(value) for value in statement.params.values())
    )
    assert any("ix_webhook_delivery_waiting" in step[-1] for step in plan)


@pytest.mark.parametrize("role", ["associate", "manager", "auditor"])
def test_only_administrators_may(session, role):
    row, _secret = created(session)
    with transaction(session):
        webhooks.test(session, SYSTEM, row.id)
    delivery_id = session.scalars(select(Delivery.id)).one()
    store = make_store(session)
    actor = make_actor(make_associate(session, stores=(store,), role=role), store)
    for act in (
        lambda: webhooks.create(session, actor, {}, SEALER),
        lambda: webhooks.change(session, actor, row.id, {}, revision=1),
        lambda: webhooks.deactivate(session, actor, row.id, revision=1),
        lambda: webhooks.rotate(session, actor, row.id, SEALER),
        lambda: webhooks.test(session, actor, row.id),
        lambda: webhooks.replay(session, actor, delivery_id),
        lambda: webhooks.replay_dead(session, actor, row.id),
        lambda: queries.get(session, actor, row.id),
    ):
        with pytest.raises(Forbidden):
            act()


def test_what_is_not_there_is_not_found(session):
    for act in (
        lambda: webhooks.change(session, SYSTEM, uuid.uuid4(), {}, revision=1),
        lambda: webhooks.replay(session, SYSTEM, uuid.uuid4()),
        lambda: queries.get(session, SYSTEM, uuid.uuid4()),
        lambda: queries.webhook_of(session, SYSTEM, uuid.uuid4()),
    ):
        with pytest.raises(NotFound):
            act()
