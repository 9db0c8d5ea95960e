import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.consents import (
    NO_ACTIONS,
    NO_STATES,
    REMOTE,
    TOWARDS_YES,
    YES_ACTIONS,
    Action,
    Channel,
    Method,
    Standing,
    State,
    contact_ways,
    is_weak,
    move,
    refuse_without_contact,
    summary,
)
from app.errors import Invalid


@pytest.mark.parametrize("state", State)
def test_a_withdrawal_is_possible_from_everywhere(state):
    assert move(state, Action.WITHDRAWN, Method.SPOKEN) is State.WITHDRAWN


def test_a_question_is_answered_by_yes():
    asked = move(State.NOT_ASKED, Action.REQUESTED, Method.OWN_PHONE)
    assert asked is State.PENDING
    assert move(asked, Action.CONFIRMED, Method.OWN_PHONE) is State.ACCEPTED


def test_an_import_never_turns_a_no_into_a_yes():
    for state, action, method in itertools.product(NO_STATES, TOWARDS_YES, REMOTE):
        with pytest.raises(Invalid):
            move(state, action, method)
    with pytest.raises(Invalid):
        move(State.PENDING, Action.GIVEN, Method.IMPORT, last_said_no=True)


def test_the_customer_can_come_back():
    assert move(State.WITHDRAWN, Action.GIVEN, Method.SIGNATURE, last_said_no=True) is State.ACCEPTED


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.NOT_ASKED, Action.CONFIRMED),
        (State.ACCEPTED, Action.REFUSED),
        (State.ACCEPTED, Action.REQUESTED),
        (State.NOT_ASKED, Action.EXPIRED),
        (State.WITHDRAWN, Action.EXPIRED),
    ],
)
def test_impossible_moves_say_why(state, action):
    with pytest.raises(Invalid) as refused:
        move(state, action, Method.WEB)
    assert refused.value.fields["action"][0].endswith(".")


def test_one_accepted_channel_makes_the_opt_in():
    assert summary([State.WITHDRAWN, State.ACCEPTED, State.REFUSED]) is State.ACCEPTED
    assert summary([State.REFUSED, State.PENDING]) is State.PENDING
    assert summary([]) is State.NOT_ASKED


def test_a_channel_needs_a_contact_only_towards_yes():
    with pytest.raises(Invalid):
        refuse_without_contact(Channel.SMS, Action.GIVEN, has_phone=False, has_address=True)
    refuse_without_contact(Channel.SMS, Action.WITHDRAWN, has_phone=False, has_address=False)


DAY = datetime(2026, 5, 4, tzinfo=UTC)
DECLARATIONS = st.lists(
    st.tuples(st.sampled_from(Action), st.sampled_from(Method), st.integers(0, 6)), max_size=8
)


def stand(declarations):
    """What the state is after hearing of declarations in this order, and what was taken."""
    standing, taken = Standing(), []
    for action, method, day in declarations:
        try:
            standing = standing.after(action, method, DAY + timedelta(days=day))
        except Invalid:
            continue
        taken.append((action, method, day))
    return standing, taken


@given(DECLARATIONS)
def test_consent_stands_only_on_a_yes_that_no_newer_no_undid(declarations):
    standing, taken = stand(declarations)
    if standing.state is State.ACCEPTED:
        last_no = max((day for action, _, day in taken if action in NO_ACTIONS), default=-1)
        yes = [(method, day) for action, method, day in taken if action in YES_ACTIONS]
        assert yes
        # An import never stands against a no, whatever the dates; an own yes only when it is newer.
        assert last_no == -1 or any(method not in REMOTE and day > last_no for method, day in yes)


@given(DECLARATIONS, st.sampled_from(sorted(REMOTE)), st.sampled_from(sorted(TOWARDS_YES)), st.integers(0, 9))
def test_nothing_remote_makes_consent_of_a_no(declarations, method, action, day):
    before, _ = stand([*declarations, (Action.WITHDRAWN, Method.SPOKEN, 7)])
    after, _ = stand([*declarations, (Action.WITHDRAWN, Method.SPOKEN, 7), (action, method, day)])
    assert (before.state, after.state) == (State.WITHDRAWN, State.WITHDRAWN)


def test_at_the_same_time_no_goes_before_yes():
    for order in ([Action.GIVEN, Action.WITHDRAWN], [Action.WITHDRAWN, Action.GIVEN]):
        assert stand([(action, Method.WEB, 1) for action in order])[0].state is State.WITHDRAWN


def test_what_makes_a_yes_weak():
    assert not is_weak(Method.SIGNATURE, has_wording=True, has_evidence=True)
    assert is_weak(Method.SIGNATURE, has_wording=False, has_evidence=True)
    assert is_weak(Method.SIGNATURE, has_wording=True, has_evidence=False)
    assert is_weak(Method.SPOKEN, has_wording=True, has_evidence=True)
    assert is_weak(Method.IMPORT, has_wording=True, has_evidence=False)


def test_only_a_yes_that_stands_lets_anybody_be_reached():
    def allowed(*, is_on_hold=False):
        states = dict(
            zip(Channel, (State.ACCEPTED, State.PENDING, State.RECONFIRM, State.WITHDRAWN), strict=False)
        )
        ways = contact_ways(states, is_on_hold=is_on_hold)
        assert [way.channel for way in ways] == list(Channel)
        return [way.channel for way in ways if way.is_allowed]

    assert allowed() == [Channel.EMAIL]
    assert allowed(is_on_hold=True) == []


def test_a_late_no_counts_unless_a_newer_yes_of_the_customers_own_stands_against_it():
    said = [(Action.GIVEN, Method.SPOKEN, 1), (Action.GIVEN, Method.IMPORT, 5)]
    assert stand([*said, (Action.WITHDRAWN, Method.WEB, 3)])[0].state is State.WITHDRAWN
    said.append((Action.GIVEN, Method.WEB, 4))
    assert stand([*said, (Action.WITHDRAWN, Method.WEB, 3)])[0].state is State.ACCEPTED
