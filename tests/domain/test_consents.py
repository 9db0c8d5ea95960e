import itertools

import pytest

from app.domain.consents import (
    NO_STATES,
    REMOTE,
    TOWARDS_YES,
    Action,
    Channel,
    Method,
    State,
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
