"""The rate limit: exact over all processes, cheap for reading, and it says when to come back."""

from dataclasses import replace

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.api.auth import guard
from app.api.limits import BLOCKS, Limiter
from app.domain.permissions import Scope
from app.errors import RateLimited
from app.models import ApiQuota
from tests import factories


class Clock:
    """A clock that stands until it is set; it begins ten seconds into a minute."""

    def __init__(self):
        self.now = 29_000_000 * 60 + 10.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client_id(session):
    return factories.make_api_client(session).id


def passed(limiter, session, client_id, limit, tries, kind="other"):
    """How many of the tries are let through."""
    count = 0
    for _ in range(tries):
        try:
            limiter.spend(session, client_id, kind, limit)
        except RateLimited:
            continue
        count += 1
    return count


def test_one_process_lets_exactly_the_limit_through_each_minute(session, client_id, clock):
    limiter = Limiter(clock=clock)
    assert passed(limiter, session, client_id, 100, 250) == 100
    with pytest.raises(RateLimited) as caught:
        limiter.spend(session, client_id, "other", 100)
    assert caught.value.retry_after == 50
    clock.now += 50
    assert passed(limiter, session, client_id, 100, 250) == 100


@pytest.mark.parametrize("limit", [1, 7, 100, 601])
def test_several_processes_never_let_more_through_and_hardly_less(session, client_id, clock, limit):
    processes = [Limiter(clock=clock) for _ in range(3)]
    count = 0
    for _ in range(limit):
        for limiter in processes:
            count += passed(limiter, session, client_id, limit, 1)
    assert limit - 2 * max(1, limit // BLOCKS) <= count <= limit


def test_kinds_and_clients_are_counted_apart(session, client_id, clock):
    limiter = Limiter(clock=clock)
    other_id = factories.make_api_client(session).id
    assert passed(limiter, session, client_id, 5, 9, "list") == 5
    assert passed(limiter, session, client_id, 5, 9, "other") == 5
    assert passed(limiter, session, other_id, 5, 9, "list") == 5


def test_reading_writes_once_in_a_block(engine, session, client_id, clock):
    writes = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: writes.append(statement) if "api_quota" in statement else None,
    )
    limiter = Limiter(clock=clock)
    assert passed(limiter, session, client_id, 600, 600) == 600
    assert len(writes) == BLOCKS
    assert passed(limiter, session, client_id, 600, 100) == 0
    assert len(writes) == BLOCKS + 1


def test_while_another_writes_one_block_goes_through_and_is_counted_later(
    engine, session, client_id, clock, database_kind
):
    if database_kind != "sqlite":
        pytest.skip("on PostgreSQL a writer keeps nobody else from writing")
    limiter = Limiter(clock=clock)
    with Session(engine) as writer:
        writer.connection(execution_options={"writes": True})
        assert passed(limiter, session, client_id, 100, 5) == 5
        writer.rollback()
    assert passed(limiter, session, client_id, 100, 200) == 95
    session.rollback()
    assert session.scalars(select(ApiQuota.used)).one() >= 100


def test_the_answer_says_so(app, api, settings, clock):
    app.extensions["settings"] = replace(settings, api_requests_per_minute=3, api_lists_per_minute=2)
    app.extensions["api_limiter"] = Limiter(clock=clock)
    program = api()
    answers = [program.get("/v0/limit-probe") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    wait = answers[-1].headers["Retry-After"]
    told = f"A client may send 3 requests beside lists a minute. Send the next one in {wait} seconds."
    assert answers[-1].get_json()["message"] == told
    body = answers[-1].get_json()
    assert (body["error_code"], set(body)) == ("too_many_requests", {"error_code", "message", "request_id"})
    assert answers[-1].headers["Retry-After"] == "50"
    assert program.get("/v0/limit-probe-list").status_code == 200
    assert api().get("/v0/limit-probe").status_code == 200


@pytest.fixture
def app(own_app):
    """The application with two more routes behind the same door."""
    for path, is_list in (("/v0/limit-probe", False), ("/v0/limit-probe-list", True)):
        view = guard(lambda: {"status": "ok"}, Scope.PROFILE_READ, is_list=is_list)
        own_app.add_url_rule(path, endpoint=path, view_func=view)
    return own_app
