from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.domain import clock
from app.domain.consents import Action, Channel, Method, Purpose, State
from app.errors import Invalid, NotFound
from app.models import AuditEntry, ConsentEvent, CustomerStore
from app.queries import consents as consent_queries
from app.services import consents
from tests import factories


@pytest.fixture
def shop(session):
    return factories.make_store(session)


@pytest.fixture
def ada(session, shop):
    return factories.make_actor(factories.make_associate(session, stores=(shop,)), shop)


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(session, stores=(shop,), phone_number="+33 1 99 00 12 34")


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


def test_another_purpose_is_no_opt_in_of_the_store(session, shop, ada, marie):
    say(session, ada, marie, shop, Action.GIVEN, purpose=Purpose.MARKETING)
    assert link_of(session, shop, marie).opt_in_state == "not_asked"


def test_an_expired_question_does_not_let_an_import_undo_a_withdrawal(session, shop, ada, marie):
    for action in (Action.GIVEN, Action.WITHDRAWN, Action.REQUESTED, Action.EXPIRED):
        say(session, ada, marie, shop, action)
    with pytest.raises(Invalid):
        say(session, ada, marie, shop, Action.GIVEN, method=Method.IMPORT)
    assert link_of(session, shop, marie).opt_in_state == "not_asked"


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
