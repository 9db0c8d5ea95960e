"""Which customers stood on a page of a list."""

import pytest
from sqlalchemy import select

from app.domain.audit import AccessAction
from app.models import AccessEntry
from app.services import audit, list_log
from app.services.list_log import ListLog
from tests import factories
from tests.cast import make_cast


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def log(engine):
    log = ListLog(engine)
    yield log
    log.close()


def written(session):
    session.rollback()
    entries = session.scalars(select(AccessEntry).order_by(AccessEntry.id)).all()
    return [
        (entry.action, entry.detail, list(entry.customer_ids or ()), entry.search_hash) for entry in entries
    ]


def test_each_page_is_one_entry_with_its_customers_in_order(session, cast, log):
    ada = factories.make_actor(cast.ada, cast.north, device="d1")
    both = [cast.stranger.id, cast.marie.id]
    log.note(ada, AccessAction.LISTED, both, detail="store")
    log.note(ada, AccessAction.LISTED, [cast.marie.id], detail="store")
    log.note(ada, AccessAction.LISTED, [], detail="store")
    log.flush()
    assert written(session) == [
        ("listed", "store", both, ""),
        ("listed", "store", [cast.marie.id], ""),
    ]


def test_what_came_up_while_somebody_typed_is_one_entry_with_everybody(session, cast, log):
    ada = factories.make_actor(cast.ada, cast.north, device="d1")
    ben = factories.make_actor(cast.ben, cast.north, device="d2")
    one, two, three = (factories.make_customer(session, stores=(cast.north,)).id for _ in range(3))
    for actor, text, found in (
        (ada, "m", [one, two]), (ben, "m", [one]), (ada, "ma", [two, three]), (ada, "mar", [two]),
    ):  # fmt: skip
        hashed = audit.hash_search("k" * 40, text)
        log.note(actor, AccessAction.LISTED, found, detail="store", search_hash=hashed, is_typing=True)
    log.note(ada, AccessAction.LISTED, [two], detail="mine", is_typing=True)
    log.flush()
    assert written(session) == [
        ("listed", "store", [one, two, three], audit.hash_search("k" * 40, "mar")),
        ("listed", "store", [one], audit.hash_search("k" * 40, "m")),
        ("listed", "mine", [two], ""),
    ]


def test_typing_that_ended_is_written_by_the_thread_and_begins_anew(session, cast, log, monkeypatch):
    monkeypatch.setattr(list_log, "QUIET", 0.05)
    monkeypatch.setattr(list_log, "PAUSE", 0.05)
    ada = factories.make_actor(cast.ada, cast.north)
    for _ in range(2):
        log.note(ada, AccessAction.LISTED, [cast.marie.id], is_typing=True)
        if thread := log._thread:
            thread.join(10)
    assert written(session) == [("listed", "", [cast.marie.id], "")] * 2


def test_a_search_is_known_again_and_cannot_be_read():
    assert audit.hash_search("k" * 40, " Zoë ") == audit.hash_search("k" * 40, "zoe")
    assert audit.hash_search("k" * 40, "zoe") != audit.hash_search("l" * 40, "zoe")
    assert audit.hash_search("k" * 40, "  ") == ""


def test_notes_are_kept_while_the_database_is_away(session, cast, log, engine):
    ada = factories.make_actor(cast.ada, cast.north)
    log.note(ada, AccessAction.LISTED, [cast.marie.id])
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE access_entry RENAME TO away")
        connection.commit()
        log.flush()
        connection.exec_driver_sql("ALTER TABLE away RENAME TO access_entry")
        connection.commit()
    log.flush()
    assert written(session) == [("listed", "", [cast.marie.id], "")]
