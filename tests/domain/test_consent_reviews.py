"""A review can end an opt-in or have it asked again; it can never give one."""

import itertools
import typing
from datetime import UTC, datetime, timedelta

import pytest

from app.domain import consents
from app.domain.consent_reviews import ACTIONS, DECISIONS, Decision, Group, assess
from app.domain.consents import Action, Method, ReviewAction, Standing, State
from app.errors import Invalid

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(("decision", "state"), list(itertools.product(Decision, State)))
def test_no_decision_from_any_state_gives_consent(decision, state):
    action = ACTIONS[decision]
    if action is None:
        return
    standing = Standing(state=state)
    if decision in DECISIONS.get(state, ()):
        after = standing.reviewed(action, NOON).state
        assert after is not State.ACCEPTED
        assert after in {State.RECONFIRM, State.WITHDRAWN}
    else:
        with pytest.raises(Invalid):
            standing.reviewed(action, NOON)


def test_the_actions_of_a_review_are_those_of_the_type_and_none_is_a_yes():
    assert {action for action in ACTIONS.values() if action} == set(typing.get_args(ReviewAction))
    assert not consents.REVIEW_ACTIONS & (consents.TOWARDS_YES | consents.ANSWERS)
    found = {state for moves in consents.REVIEW_MOVES.values() for state in moves.values()}
    assert found == {State.RECONFIRM, State.WITHDRAWN}


def test_only_an_opt_in_has_evidence_that_can_be_sufficient():
    assert [state for state, decisions in DECISIONS.items() if Decision.SUFFICIENT in decisions] == [
        State.ACCEPTED
    ]


@pytest.mark.parametrize(
    ("action", "state", "method"),
    list(itertools.product(sorted(consents.REVIEW_ACTIONS), State, Method)),
)
def test_nobody_can_declare_what_only_a_review_decides(action, state, method):
    with pytest.raises(Invalid):
        consents.move(state, Action(action), method)


@pytest.mark.parametrize("action", [Action.ASKED_AGAIN, Action.REJECTED])
def test_an_import_cannot_bring_back_what_a_review_ended(action):
    standing = Standing().after(Action.GIVEN, Method.SPOKEN, NOON)
    standing = standing.reviewed(action, NOON + timedelta(hours=1))
    with pytest.raises(Invalid):
        standing.after(Action.GIVEN, Method.IMPORT, NOON + timedelta(hours=2))
    again = standing.after(Action.GIVEN, Method.SIGNATURE, NOON + timedelta(hours=2))
    assert again.state is State.ACCEPTED


def test_a_history_without_the_review_leads_to_the_customers_own_answer():
    own = [(Action.REQUESTED, Method.SIGNATURE, NOON), (Action.CONFIRMED, Method.OWN_PHONE, NOON)]
    assert consents.replay(own).state is State.ACCEPTED
    assert consents.replay([*own, (Action.REJECTED, Method.SYSTEM, NOON)]).state is State.WITHDRAWN
    assert consents.replay([*own, (Action.ASKED_AGAIN, Method.SYSTEM, NOON)]).state is State.RECONFIRM
    with pytest.raises(Invalid):
        consents.replay([*own, (Action.RESTORED, Method.SYSTEM, NOON)])


def test_the_weaker_the_evidence_the_higher_the_risk():
    kinds = [
        (Method.IMPORT, False, False),
        (Method.IMPORT, True, False),
        (Method.SPOKEN, True, False),
        (Method.SIGNATURE, False, True),
        (Method.SIGNATURE, True, False),
        (Method.PAPER, True, True),
        (Method.OWN_PHONE, True, True),
    ]
    found = [assess(method, has_wording=words, has_evidence=proof) for method, words, proof in kinds]
    risks = [one.risk for one in found]
    assert risks == sorted(risks, reverse=True)
    assert [one.group for one in found] == [*[Group.WEAK] * 5, Group.NEW, Group.NEW]
    assert [one.is_weak for one in found] == [*[True] * 5, False, False]
