from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import db
from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.consents import Action, Channel, EvidenceKind, Method, Purpose, State
from app.domain.customers import CustomerChanges, LinkReason
from app.domain.erasures import LedgerLine
from app.errors import Invalid, NotFound
from app.models import AuditEntry, Consent, ConsentEvent, CustomerStore
from app.models.base import new_id
from app.queries import consents as consent_queries
from app.services import addresses, consent_evidence, consent_expiry, consents, customers, erasures
from tests import factories


@pytest.fixture
def shop(session):
    return factories.make_store(session)


@pytest.fixture
def ada(session, shop):
    return factories.make_actor(factories.make_associate(session, stores=(shop,)), shop)


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(
        session, stores=(shop,), phone_number="+33 1 99 00 12 34", phone_e164="+33199001234"
    )


def say(session, actor, customer, shop, action, **over):
    values = {
        "store_id": shop.id, "channel": Channel.EMAIL, "purpose": Purpose.CLIENTELING,
        "action": action, "method": Method.SIGNATURE, "wording": "clienteling-1", "language": "fr",
    }  # fmt: skip
    with transaction(session):
        return consents.record(session, actor, customer.id, **values | over)


def link_of(session, shop, customer):
    return session.get(CustomerStore, (shop.id, customer.id), populate_existing=True)


def test_a_yes_opts_in_and_a_withdrawal_ends_it(session, shop, ada, marie):
    at = clock.utcnow() - timedelta(days=1)
    row = say(session, ada, marie, shop, Action.GIVEN, at=at)
    link = link_of(session, shop, marie)
    assert (row.state, link.opt_in_state, link.opted_in_at) == ("accepted", "accepted", at)
    assert marie.revision == 2
    say(session, ada, marie, shop, Action.WITHDRAWN)
    link = link_of(session, shop, marie)
    assert (link.opt_in_state, link.opted_in_at) == ("withdrawn", at)
    events = consent_queries.list_events(session, ada, marie.id)
    assert [event.action for event in events] == [Action.WITHDRAWN, Action.GIVEN]
    assert events[0].who == ada.name
    assert [row.state for row in consent_queries.list_states(session, ada, marie.id)] == [State.WITHDRAWN]
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.customer_id == marie.id)).all()
    assert actions == ["consent.recorded", "consent.recorded"]


def test_the_wording_of_another_system_is_a_wording(session, shop, ada, marie):
    """It comes by its label only; the queue of reviews takes it, and so does the history."""
    say(session, ada, marie, shop, Action.GIVEN)
    (event,) = consent_queries.list_events(session, ada, marie.id)
    assert (event.wording, event.weaknesses) == ("clienteling-1", ("No evidence",))


def test_another_purpose_is_no_opt_in_of_the_store(session, shop, ada, marie):
    say(session, ada, marie, shop, Action.GIVEN, purpose=Purpose.MARKETING)
    assert link_of(session, shop, marie).opt_in_state == "not_asked"


def test_an_expired_question_does_not_let_an_import_undo_a_withdrawal(session, shop, ada, marie):
    for action in (Action.GIVEN, Action.WITHDRAWN, Action.REQUESTED, Action.EXPIRED):
        say(session, ada, marie, shop, action)
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, method=Method.IMPORT)
    assert link_of(session, shop, marie).opt_in_state == "withdrawn"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((Action.REFUSED,), State.REFUSED),
        ((Action.GIVEN, Action.WITHDRAWN), State.WITHDRAWN),
        ((Action.WITHDRAWN, Action.GIVEN, Action.CONTACT_CHANGED, Action.REFUSED), State.REFUSED),
        ((), State.NOT_ASKED),
        ((Action.REFUSED, Action.GIVEN, Action.CONTACT_CHANGED), State.NOT_ASKED),
    ],
)
def test_a_question_that_expires_leads_back_to_the_no_before_it(session, shop, ada, marie, before, after):
    for action in (*before, Action.REQUESTED, Action.EXPIRED):
        row = say(session, ada, marie, shop, action)
    assert row.state == after


def test_the_last_address_that_goes_makes_post_ask_again(session, shop, ada, marie):
    home, work = factories.make_address(session, marie), factories.make_address(session, marie)
    say(session, ada, marie, shop, Action.GIVEN, channel=Channel.POST)
    say(session, ada, marie, shop, Action.GIVEN, channel=Channel.EMAIL)
    states = []
    for address in (home, work):
        with transaction(session):
            addresses.delete(session, ada, marie.id, address.id, revision=marie.revision)
        found = session.scalars(select(Consent).execution_options(populate_existing=True)).all()
        states.append({row.channel: row.state for row in found})
    assert states == [
        {"email": "accepted", "post": "accepted"},
        {"email": "accepted", "post": "reconfirm"},
    ]
    assert link_of(session, shop, marie).opt_in_state == "accepted"


def test_a_refused_declaration_changes_nothing(session, shop, ada, marie):
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, at=clock.utcnow() + timedelta(hours=1))
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, channel=Channel.POST)
    assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 0
    assert marie.revision == 1


def test_a_stranger_of_another_store_is_not_there(session, shop, ada, marie):
    other = factories.make_store(session)
    cleo = factories.make_actor(factories.make_associate(session, stores=(other,)), other)
    with pytest.raises(NotFound):
        say(session, cleo, marie, other, Action.GIVEN)
    with pytest.raises(NotFound):
        say(session, ada, marie, other, Action.GIVEN)
    with pytest.raises(NotFound):
        consent_queries.list_states(session, cleo, marie.id)


def test_a_refusal_makes_no_customer_of_the_store(session, shop, ada, marie):
    other = factories.make_store(session, time_zone="Asia/Tokyo")
    both = factories.make_actor(factories.make_associate(session, stores=(shop, other)), shop, other)
    say(session, both, marie, other, Action.REFUSED)
    assert link_of(session, other, marie) is None
    event = session.scalars(select(ConsentEvent)).one()
    assert (event.time_zone, event.declared_by) == ("Asia/Tokyo", "customer")
    with transaction(session):
        customers.link(session, marie.id, other.id, LinkReason.ADDED)
    assert link_of(session, other, marie).opt_in_state == "refused"
    say(session, both, marie, other, Action.WITHDRAWN)
    say(session, both, marie, other, Action.GIVEN)
    assert link_of(session, other, marie).opt_in_state == "accepted"


def test_a_yes_makes_a_customer_of_the_store(session, shop, ada, marie):
    other = factories.make_store(session)
    both = factories.make_actor(factories.make_associate(session, stores=(shop, other)), shop, other)
    row = say(session, both, marie, other, Action.GIVEN)
    link = link_of(session, other, marie)
    assert (link.reason, link.opt_in_state, link.opted_in_at) == ("opted_in", "accepted", row.since)


def test_a_late_no_undoes_an_imported_yes_but_not_a_newer_own_one(session, shop, ada, marie):
    now = clock.utcnow()
    say(session, ada, marie, shop, Action.GIVEN, method=Method.IMPORT, at=now - timedelta(days=5))
    row = say(session, ada, marie, shop, Action.WITHDRAWN, method=Method.IMPORT, at=now - timedelta(days=9))
    assert row.state == "withdrawn"
    say(session, ada, marie, shop, Action.GIVEN, at=now - timedelta(days=3))
    row = say(session, ada, marie, shop, Action.REFUSED, method=Method.IMPORT, at=now - timedelta(days=4))
    assert (row.state, row.since) == ("accepted", now - timedelta(days=3))


def test_an_older_yes_is_history(session, shop, ada, marie):
    now = clock.utcnow()
    say(session, ada, marie, shop, Action.WITHDRAWN, at=now - timedelta(days=1))
    row = say(session, ada, marie, shop, Action.GIVEN, method=Method.IMPORT, at=now - timedelta(days=9))
    assert row.state == "withdrawn"
    row = say(session, ada, marie, shop, Action.GIVEN, at=now - timedelta(days=2))
    assert row.state == "withdrawn"
    assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 3


def change(session, actor, customer, **changes):
    with transaction(session):
        return customers.update(
            session, actor, customer.id, CustomerChanges(**changes), revision=customer.revision
        )


def test_a_changed_address_asks_again_in_every_store(session, shop, ada, marie):
    other = factories.make_store(session)
    both = factories.make_actor(factories.make_associate(session, stores=(shop, other)), shop, other)
    for channel in (Channel.EMAIL, Channel.SMS):
        say(session, ada, marie, shop, Action.GIVEN, channel=channel)
    say(session, both, marie, other, Action.GIVEN)
    change(session, ada, marie, email="new@mail.example")
    states = {
        (row.store_name, row.channel): row.state
        for row in consent_queries.list_states(session, both, marie.id)
    }
    assert states == {
        (shop.name, Channel.EMAIL): State.RECONFIRM,
        (shop.name, Channel.SMS): State.ACCEPTED,
        (other.name, Channel.EMAIL): State.RECONFIRM,
    }
    assert link_of(session, other, marie).opt_in_state == "reconfirm"
    event = session.scalars(select(ConsentEvent).where(ConsentEvent.action == "contact_changed")).first()
    assert (event.declared_by, event.associate_id) == ("system", ada.id)
    # The same number in another spelling is the same number; another one is not.
    change(session, ada, marie, phone_number="+33 199001234")
    assert session.scalar(select(Consent.state).where(Consent.channel == "sms")) == "accepted"
    change(session, ada, marie, phone_number="+33 1 99 00 99 99")
    assert session.scalar(select(Consent.state).where(Consent.channel == "sms")) == "reconfirm"


def test_a_wording_fits_its_purpose_and_counts_as_used(session, shop, ada, marie):
    wording = factories.make_wording(session, channels=["sms"])
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, wording_id=wording.id)
    say(session, ada, marie, shop, Action.GIVEN, wording_id=wording.id, channel=Channel.SMS)
    event = session.scalars(select(ConsentEvent)).one()
    assert (event.wording, event.wording_version, event.language) == ("clienteling-1", 1, "fr")
    assert session.get(type(wording), wording.id, populate_existing=True).used_at is not None


def test_evidence_of_another_customer_proves_nothing(session, shop, ada, marie):
    stranger = factories.make_customer(session, stores=(shop,))
    with transaction(session):
        proof = consent_evidence.add(session, stranger.id, EvidenceKind.TYPED_NAME, "Zoë")
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, evidence_id=proof.id)


def test_questions_and_old_opt_ins_expire(session, shop, ada, marie):
    wording = factories.make_wording(session)
    now = clock.utcnow()
    system = Actor.system("test")
    say(session, ada, marie, shop, Action.REQUESTED, at=now - timedelta(days=9))
    offers = [["email", "clienteling", str(wording.id)]]
    late = {"kind": "confirmation", "offers": offers}
    factories.make_ask(session, marie, shop, **late)
    factories.make_ask(session, marie, shop, **late, expires_at=now + timedelta(days=1))
    say(session, ada, marie, shop, Action.GIVEN, channel=Channel.SMS, at=now - timedelta(days=800))
    say(session, ada, marie, shop, Action.GIVEN, channel=Channel.PHONE, at=now - timedelta(days=300))
    with transaction(session):
        assert consent_expiry.end_asks(session, system, limit=10) == 1
        assert consent_expiry.end_old_consents(session, system, months=24, limit=10) == 1
        assert consent_expiry.end_old_consents(session, system, months=24, limit=10) == 0
    states = {row.channel: row.state for row in session.scalars(select(Consent))}
    assert states == {"email": "not_asked", "sms": "not_asked", "phone": "accepted"}


def test_a_yes_that_is_given_again_counts_from_then_on(session, shop, ada, marie):
    new = factories.make_wording(session, version=2, text="J'accepte, texte nouveau.")
    factories.make_wording(session)
    session.commit()
    first = clock.utcnow() - timedelta(days=800)
    say(session, ada, marie, shop, Action.GIVEN, at=first)
    row = say(session, ada, marie, shop, Action.GIVEN, wording_id=new.id, wording="clienteling-2")
    again = row.since
    assert again > first
    system = Actor.system("jobs")
    with transaction(session):
        assert consent_expiry.end_old_consents(session, system, months=24, limit=10) == 0
    (receipt,) = consent_queries.agreements(session, ada, marie.id, shop.id)
    assert receipt.text == new.text
    # An older yes that comes late is history, and the store's opt-in began when it began.
    say(session, ada, marie, shop, Action.GIVEN, at=first + timedelta(days=1))
    session.refresh(row)
    assert (row.since, link_of(session, shop, marie).opted_in_at) == (again, first)


def test_no_import_opts_somebody_in_who_was_erased_before(session, engine, shop, ada, marie):
    db.set_ledger_key(engine, "a ledger key of tests, long enough")
    key = db.ledger_key(session)
    line = LedgerLine(
        key_id=key.id, customer_hash=key.of_customer(new_id()), email_hash=key.of_email(marie.email_key),
        phone_hash=None, erased_at=clock.utcnow(),
    )  # fmt: skip
    with transaction(session):
        erasures.take_in(session, [line])
    with pytest.raises(Invalid, match="highlighted"):
        say(session, ada, marie, shop, Action.GIVEN, method=Method.IMPORT)
    assert say(session, ada, marie, shop, Action.GIVEN).state == "accepted"


def test_a_clock_that_runs_ahead_makes_nothing_late_that_follows(session, shop, ada, marie):
    ahead = clock.utcnow() + timedelta(minutes=4)
    assert say(session, ada, marie, shop, Action.GIVEN, at=ahead).since < ahead
    assert say(session, ada, marie, shop, Action.WITHDRAWN).state == "withdrawn"
    assert session.scalar(select(func.max(ConsentEvent.at))) <= clock.utcnow()
