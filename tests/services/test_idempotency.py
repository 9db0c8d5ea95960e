"""Forms that are sent twice."""

import pytest
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.actor import Actor
from app.errors import Conflict
from app.models.base import new_id
from app.services import idempotency
from tests.races import during

SYSTEM = Actor.system("test")


def test_a_form_that_is_sent_twice_at_once_is_done_once_and_answered_twice(engine, session):
    done = []

    def act():
        done.append(new_id())
        return done[-1]

    def send(session, value="a"):
        return idempotency.once(session, SYSTEM, "test", "key", {"value": value}, act)

    def again(value):
        with Session(engine) as other, transaction(other):
            return send(other, value)

    assert during(session, engine, lambda: send(session), lambda: again("a")) == done[0]
    assert len(done) == 1
    with pytest.raises(Conflict, match="with other values"):
        again("b")


def test_a_form_whose_act_was_undone_is_done_when_it_is_sent_again(engine, session):
    wanted = new_id()

    def fail():
        raise Conflict

    def again():
        with Session(engine) as other, transaction(other):
            return idempotency.once(other, SYSTEM, "test", "key", {}, lambda: wanted)

    with pytest.raises(Conflict), transaction(session):
        idempotency.once(session, SYSTEM, "test", "key", {}, fail)
    assert again() == wanted


def test_a_key_is_its_senders_own_and_of_one_act(session):
    senders = [(SYSTEM, "test"), (SYSTEM, "another act"), (Actor.system("somebody else"), "test")]
    with transaction(session):
        made = [idempotency.once(session, actor, act, "key", {}, new_id) for actor, act in senders]
    assert len(set(made)) == 3
