"""Decisions of a review: what they change, who may make them, and taking them back."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import clock
from app.domain.consent_reviews import Decision, Group, Reason
from app.domain.consents import Action, Channel, Method, Purpose, State
from app.domain.customers import CustomerChanges
from app.domain.data_requests import Kind, RequestInput
from app.domain.paging import PageRequest
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models import AuditEntry, ConsentEvent, ConsentReview, CustomerStore, Delivery, Event, Webhook
from app.queries import consent_reviews as queries
from app.queries import dashboards
from app.services import consent_reviews, consents, customers, data_requests
from app.services.consent_reviews import Seen, Verdict
from tests import factories

GOOD = Verdict(decision=Decision.SUFFICIENT)
AGAIN = Verdict(decision=Decision.ASK_AGAIN, reason=Reason.WORDING)
REJECT = Verdict(decision=Decision.REJECT, reason=Reason.OTHER, note="The customer rang.")


@pytest.fixture
def shop(session):
    return factories.make_store(session, name="North")


@pytest.fixture
def ada(session, shop):
    return factories.make_actor(factories.make_associate(session, stores=(shop,)), shop)


@pytest.fixture
def mia(session, shop):
    person = factories.make_associate(session, stores=(shop,), role="manager", first_name="Mia")
    return factories.make_actor(person, shop)


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(session, stores=(shop,), phone_number="0612345678")


def say(session, actor, customer, shop, action=Action.GIVEN, method=Method.SPOKEN, **over):
    values = {"channel": Channel.EMAIL, "purpose": Purpose.CLIENTELING, "wording": "clienteling-1"}
    at = over.pop("at", clock.utcnow() - timedelta(minutes=5))
    with transaction(session):
        return consents.record(
            session, actor, customer.id, store_id=shop.id, action=action, method=method, at=at,
            **values | over,
        )  # fmt: skip


def decide(session, actor, row, verdict, review_id=None, **over):
    with transaction(session):
        return consent_reviews.decide(
            session, actor, Seen(event_id=row.event_id, review_id=review_id), verdict, **over
        )


def undo(session, actor, review, **over):
    with transaction(session):
        return consent_reviews.undo(session, actor, review.id, **over)


def stands(session, row):
    session.refresh(row)
    return (row.state, row.since, row.review, row.risk, row.event_id, row.evidence, row.is_weak)


def test_sufficient_takes_it_out_of_the_queue_and_changes_nothing_else(session, shop, ada, mia, marie):
    row = say(session, ada, marie, shop)
    before = stands(session, row)
    assert before[2:4] == ("weak", row.risk)
    review = decide(session, mia, row, GOOD)
    assert stands(session, row) == (*before[:2], "", 0, *before[4:])
    assert (review.decision, review.state_before, review.state_after) == (
        "sufficient", "accepted", "accepted",
    )  # fmt: skip
    assert [event.action for event in session.scalars(select(ConsentEvent))] == ["given"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "consent.reviewed")).one()
    assert (entry.actor_id, entry.customer_id, entry.subject_id) == (mia.id, marie.id, str(review.id))
    undo(session, mia, review)
    assert stands(session, row) == before


@pytest.mark.parametrize(
    ("verdict", "after", "action"), [(AGAIN, "reconfirm", "asked_again"), (REJECT, "withdrawn", "rejected")]
)
def test_a_bad_proof_ends_the_opt_in_until_it_is_undone(
    session, shop, ada, mia, marie, verdict, after, action
):
    row = say(session, ada, marie, shop)
    before = stands(session, row)
    review = decide(session, mia, row, verdict)
    link = session.get(CustomerStore, (shop.id, marie.id), populate_existing=True)
    assert (stands(session, row)[0], link.opt_in_state) == (after, after)
    event = session.scalars(select(ConsentEvent).where(ConsentEvent.action == action)).one()
    assert (event.method, event.associate_id, event.declared_by) == ("system", mia.id, "system")
    assert (review.reason, review.note) == (verdict.reason.value, verdict.note)
    undo(session, mia, review)
    session.refresh(link)
    assert (stands(session, row), link.opt_in_state) == (before, "accepted")
    actions = session.scalars(select(ConsentEvent.action).order_by(ConsentEvent.id)).all()
    assert actions == ["given", action, "restored"]
    assert [one.decision for one in session.scalars(select(ConsentReview).order_by(ConsentReview.id))] == [
        verdict.decision.value, "undone",
    ]  # fmt: skip


@pytest.mark.parametrize(("decision", "state"), list(itertools.product(Decision, State)))
def test_no_decision_makes_an_opt_in_of_what_was_none(session, shop, ada, mia, marie, decision, state):
    paths = {
        State.NOT_ASKED: (Action.REQUESTED, Action.EXPIRED),
        State.PENDING: (Action.REQUESTED,),
        State.ACCEPTED: (Action.GIVEN,),
        State.REFUSED: (Action.REFUSED,),
        State.WITHDRAWN: (Action.GIVEN, Action.WITHDRAWN),
        State.RECONFIRM: (Action.GIVEN, Action.CONTACT_CHANGED),
    }
    for step, action in enumerate(paths[state]):
        at = clock.utcnow() - timedelta(minutes=9 - step)
        row = say(session, ada, marie, shop, action, Method.SIGNATURE, at=at)
    assert row.state == state.value
    verdict = Verdict(decision=decision, reason=Reason.OLD)
    try:
        review = decide(session, mia, row, verdict)
    except Conflict:
        session.expire_all()
        assert row.state == state.value
        return
    session.expire_all()
    if state is not State.ACCEPTED or decision is not Decision.SUFFICIENT:
        assert row.state != "accepted"
    undo(session, mia, review)
    session.expire_all()
    assert row.state == state.value


def test_a_reason_is_needed_to_refuse_the_evidence(session, shop, ada, mia, marie):
    row = say(session, ada, marie, shop)
    for verdict in (
        Verdict(decision=Decision.REJECT),
        Verdict(decision=Decision.ASK_AGAIN),
        Verdict(decision=Decision.REJECT, reason=Reason.OTHER),
        Verdict(decision=Decision.SUFFICIENT, note="x" * 301),
        Verdict(decision=Decision.SUFFICIENT, note="a\x00b"),
    ):
        with pytest.raises(Invalid):
            decide(session, mia, row, verdict)
    assert session.scalars(select(ConsentReview)).all() == []


def test_nobody_reviews_what_they_captured(session, shop, mia, marie):
    row = say(session, mia, marie, shop)
    for verdict in (GOOD, AGAIN, REJECT):
        with pytest.raises(Forbidden):
            decide(session, mia, row, verdict)
    review = decide(session, mia, row, GOOD, four_eyes=False)
    with pytest.raises(Forbidden):
        undo(session, mia, review)
    assert queries.get(session, mia, row.event_id, now=clock.utcnow(), four_eyes=True).decisions == ()


def test_who_may_not_review(session, shop, ada, marie):
    row = say(session, ada, marie, shop)
    other = factories.make_store(session)
    auditor = factories.make_actor(factories.make_associate(session, stores=(shop,), role="auditor"), shop)
    manager = factories.make_actor(factories.make_associate(session, stores=(other,), role="manager"), other)
    for actor, error in ((ada, Forbidden), (auditor, Forbidden), (manager, NotFound)):
        with pytest.raises(error):
            decide(session, actor, row, GOOD)
    with pytest.raises(NotFound):
        queries.get(session, manager, row.event_id, now=clock.utcnow(), four_eyes=True)
    with pytest.raises(Forbidden):
        queries.counts(session, ada, None, clock.utcnow())


def test_the_second_of_two_reviewers_is_told(session, shop, ada, mia, marie):
    ben = factories.make_actor(factories.make_associate(session, stores=(shop,), role="manager"), shop)
    row = say(session, ada, marie, shop)
    first = decide(session, mia, row, GOOD)
    with pytest.raises(Conflict):
        decide(session, ben, row, REJECT)
    assert stands(session, row)[0] == "accepted"
    # Having seen the first decision, the second may be another.
    decide(session, ben, row, REJECT, review_id=first.id)
    assert stands(session, row)[0] == "withdrawn"
    with pytest.raises(Conflict):
        undo(session, mia, first)


def test_a_newer_answer_of_the_customer_is_not_decided_on_by_an_old_page(session, shop, ada, mia, marie):
    row = say(session, ada, marie, shop)
    old = row.event_id
    say(session, ada, marie, shop, Action.WITHDRAWN, Method.SIGNATURE)
    with pytest.raises(Conflict), transaction(session):
        consent_reviews.decide(session, mia, Seen(event_id=old), GOOD)


@pytest.mark.parametrize("news", ["no elsewhere", "no on another channel", "new e-mail", "a day", "a yes"])
def test_undo_gives_no_consent_that_does_not_stand_any_more(
    session, shop, ada, mia, marie, monkeypatch, news
):
    other = factories.make_store(session)
    both = factories.make_actor(factories.make_associate(session, stores=(shop, other)), shop, other)
    factories.make_link(session, marie, other)
    row = say(session, ada, marie, shop)
    review = decide(session, mia, row, REJECT)
    if news == "no elsewhere":
        say(session, both, marie, other, Action.REFUSED, Method.SIGNATURE)
    elif news == "no on another channel":
        say(session, ada, marie, shop, Action.WITHDRAWN, Method.SPOKEN, channel=Channel.SMS)
    elif news == "new e-mail":
        with transaction(session):
            session.refresh(marie)
            customers.update(
                session, ada, marie.id, CustomerChanges(email="other@mail.example"), revision=marie.revision
            )
    elif news == "a day":
        later = clock.utcnow() + timedelta(hours=25)
        monkeypatch.setattr(clock, "utcnow", lambda: later)
    else:
        say(session, ada, marie, shop, Action.GIVEN, Method.SIGNATURE, at=clock.utcnow())
    state = stands(session, row)[0]
    with pytest.raises(Conflict):
        undo(session, mia, review)
    assert stands(session, row)[0] == state
    assert (state == "accepted") is (news == "a yes")


def test_a_decision_is_undone_once(session, shop, ada, mia, marie):
    row = say(session, ada, marie, shop)
    review = decide(session, mia, row, REJECT)
    undone = undo(session, mia, review)
    for one in (review, undone):
        with pytest.raises((Conflict, NotFound)):
            undo(session, mia, one)
    # Rejecting again and undoing again still leads to the customer's own yes.
    again = decide(session, mia, row, REJECT, review_id=undone.id)
    undo(session, mia, again)
    assert stands(session, row)[0] == "accepted"


def many(session, ada, shop, count, method=Method.SPOKEN):
    people = [factories.make_customer(session, stores=(shop,)) for _ in range(count)]
    return [say(session, ada, person, shop, method=method) for person in people]


def decide_many(session, actor, rows, verdict):
    with transaction(session):
        return consent_reviews.decide_many(
            session, actor, [Seen(event_id=row.event_id) for row in rows], verdict
        )


def test_several_at_once_and_back(session, shop, ada, mia):
    rows = many(session, ada, shop, 3)
    before = [stands(session, row) for row in rows]
    bulk_id = decide_many(session, mia, rows, AGAIN)
    assert [stands(session, row)[0] for row in rows] == ["reconfirm"] * 3
    with transaction(session):
        consent_reviews.undo_many(session, mia, bulk_id)
    assert [stands(session, row) for row in rows] == before
    with pytest.raises(Conflict), transaction(session):
        consent_reviews.undo_many(session, mia, bulk_id)


def test_one_wrong_row_refuses_all(session, shop, ada, mia):
    rows = many(session, ada, shop, 2)
    other = factories.make_store(session)
    cleo = factories.make_actor(factories.make_associate(session, stores=(other,)), other)
    foreign = many(session, cleo, other, 1)
    own = many(session, mia, shop, 1)
    imported = many(session, ada, shop, 1, Method.IMPORT)
    changed = many(session, ada, shop, 1)
    decide(session, mia, changed[0], GOOD)
    for extra, error in (
        (foreign, NotFound), (own, Forbidden), (imported, Invalid), (changed, Conflict), (rows[:1], Invalid),
    ):  # fmt: skip
        with pytest.raises(error):
            decide_many(session, mia, [*rows, *extra], REJECT)
        assert [stands(session, row)[0] for row in rows] == ["accepted"] * 2
    for count in (0, 101):
        with pytest.raises(Invalid):
            decide_many(session, mia, rows[:1] * count, GOOD)


def test_the_queue_by_group(session, shop, ada, mia, marie):
    other = factories.make_store(session)
    cleo = factories.make_actor(factories.make_associate(session, stores=(other,)), other)
    now = clock.utcnow()
    spoken = many(session, ada, shop, 2)
    imported = many(session, ada, shop, 1, Method.IMPORT)
    paper = many(session, ada, shop, 1, Method.WEB)
    say(session, ada, marie, shop, Action.REQUESTED)
    many(session, cleo, other, 1)
    old = factories.make_customer(session, stores=(shop,))
    aged = say(session, ada, old, shop, at=now - timedelta(days=800))
    decide(session, mia, aged, GOOD)
    twice = factories.make_customer(session, stores=(shop, other))
    conflict = say(session, ada, twice, shop)
    say(session, cleo, twice, other, Action.REFUSED, Method.SIGNATURE)
    counts = queries.counts(session, mia, shop.id, now)
    assert counts == {
        Group.WITHDRAWALS: 0,
        Group.CONFLICT: 1,
        Group.WEAK: 3,
        Group.OLD: 1,
        Group.PENDING: 1,
        Group.NEW: 1,
    }
    assert list(counts) == list(Group)
    assert sum(queries.counts(session, mia, None, now).values()) == 7
    assert queries.waiting(session, mia) == 5

    def ids(group):
        page = queries.list_page(
            session, mia, group, shop.id, PageRequest(), total=counts[group], now=clock.utcnow()
        )
        return [row.event_id for row in page.items]

    assert ids(Group.WEAK) == [*(row.event_id for row in imported), *(row.event_id for row in spoken)]
    assert ids(Group.NEW) == [paper[0].event_id]
    assert ids(Group.OLD) == [aged.event_id]
    assert ids(Group.CONFLICT) == [conflict.event_id]
    case = queries.get(session, mia, conflict.event_id, now=now, four_eyes=True)
    # That the customer said no elsewhere is shown; who took it there is not.
    assert [(row.label, row.who, row.store_name) for row in case.history] == [
        ("Refused", "", other.name), ("Given", ada.name, "North"),
    ]  # fmt: skip


def test_a_withdrawal_that_a_receiver_does_not_acknowledge(session, shop, ada, mia, marie):
    hook = factories._save(
        session,
        Webhook(
            name="Mail sender", url="https://mail.example/hook", kinds=["consent.changed"], sealed_secret="",
            created_at=factories.NOON, updated_at=factories.NOON,
        ),
    )  # fmt: skip
    say(session, ada, marie, shop)
    row = say(session, ada, marie, shop, Action.WITHDRAWN, Method.SIGNATURE)
    now = clock.utcnow()
    assert queries.counts(session, mia, shop.id, now)[Group.WITHDRAWALS] == 0
    later = now + timedelta(hours=25)
    # On hold or not: a receiver that still writes to the customer is to be rung.
    with transaction(session):
        asked = RequestInput(customer_id=marie.id, kind=Kind.RESTRICTION.value)
        data_requests.record(session, mia, asked)
    assert queries.counts(session, mia, shop.id, later)[Group.WITHDRAWALS] == 1
    page = queries.list_page(session, mia, Group.WITHDRAWALS, None, PageRequest(), total=1, now=later)
    assert [found.event_id for found in page.items] == [row.event_id]
    case = queries.get(session, mia, row.event_id, now=later, four_eyes=True)
    assert ([one.name for one in case.silent], case.decisions) == ([hook.name], ())
    scope, _stores = dashboards.scope(session, mia, shop.id, weeks=4, now=now)
    found = dashboards.withdrawals(session, scope)
    assert (found.pending, found.acknowledged, found.median) == (1, 0, None)
    for delivery in session.scalars(select(Delivery)):
        event = session.get(Event, delivery.event_number)
        delivery.state, delivery.acknowledged_at = "delivered", event.at + timedelta(minutes=3)
    session.commit()
    assert queries.counts(session, mia, shop.id, later)[Group.WITHDRAWALS] == 0
    found = dashboards.withdrawals(session, scope)
    assert (found.pending, found.acknowledged, found.median) == (0, 1, timedelta(minutes=3))


def test_of_a_customer_on_hold_nothing_waits_for_a_decision(session, shop, ada, mia, marie):
    zoe = factories.make_customer(session, stores=(shop,), email="zoe@mail.example")
    for customer in (marie, zoe):
        say(session, ada, customer, shop)
    now = clock.utcnow()

    def queue():
        page = queries.list_page(session, mia, Group.WEAK, None, PageRequest(), total=0, now=now)
        count = queries.counts(session, mia, None, now)[Group.WEAK]
        return {row.customer_id for row in page.items}, count, queries.waiting(session, mia)

    assert queue() == ({marie.id, zoe.id}, 2, 2)
    with transaction(session):
        asked = RequestInput(customer_id=marie.id, kind=Kind.RESTRICTION.value)
        row = data_requests.record(session, mia, asked)
    assert queue() == ({zoe.id}, 1, 1)
    with transaction(session):
        data_requests.close(session, mia, row.id, outcome="Told by phone", revision=1)
    assert queue() == ({marie.id, zoe.id}, 2, 2)
