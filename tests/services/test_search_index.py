import re
import uuid

import pytest
from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import Session

from app.domain.searches import CustomerQuery
from app.models import Customer
from app.models import search as tables
from app.queries import search
from app.services import search_index
from tests import factories as make


class Found:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.root = make.make_actor(make.make_associate(session, role="admin"))

    def __call__(self, text: str, **query: object) -> list[uuid.UUID]:
        asked = CustomerQuery(text=text, list="all", **query)
        return [row.id for row in search.list_page(self.session, self.root, asked).items]


@pytest.fixture
def found(session: Session) -> Found:
    return Found(session)


def words(session: Session) -> set[str]:
    return set(session.scalars(select(tables.words.c.word).distinct()))


def statements_of(session: Session, customer_id: uuid.UUID) -> list[str]:
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_: object) -> None:  # type: ignore[no-untyped-def]
        asked.append(statement)

    session.flush()
    event.listen(session.get_bind(), "before_cursor_execute", note)
    search_index.refresh(session, [customer_id])
    event.remove(session.get_bind(), "before_cursor_execute", note)
    return asked


def test_a_change_is_found_and_what_it_replaced_is_not(session: Session, found: Found) -> None:
    marie = make.make_customer(session, last_name="Lefèvre", email="old@mail.example")
    search_index.refresh(session, [marie.id])
    marie.last_name, marie.email = "Strauß", "new@mail.example"
    search_index.refresh(session, [marie.id])
    session.commit()
    assert [found(text) for text in ("strauss", "new@", "lefevre", "old@", "lefevra")] == [
        [marie.id],
        [marie.id],
        [],
        [],
        [],
    ]
    assert words(session) == {"marie", "strauss"}
    # Numbers are no names: nobody who mistypes one is asked which is meant.
    marie.last_name = "Strauß 20261"
    search_index.refresh(session, [marie.id])
    assert words(session) == {"marie", "strauss"}


def test_a_word_of_an_address_that_becomes_a_name_is_forgiven_a_typo(session: Session, found: Found) -> None:
    marie = make.make_customer(session, last_name="", email="quetzal@mail.example")
    search_index.refresh(session, [marie.id])
    assert "quetzal" not in words(session)
    marie.last_name = "Quetzal"
    search_index.refresh(session, [marie.id])
    session.commit()
    assert found("quetzel") == [marie.id]


def test_entries_that_stay_as_they_are_are_not_written(session: Session) -> None:
    here, there = make.make_store(session), make.make_store(session)
    marie = make.make_customer(session, stores=(here, there))
    search_index.refresh(session, [marie.id])
    session.commit()
    session.execute(delete(make.CustomerStore).where(make.CustomerStore.store_id == there.id))
    written = statements_of(session, marie.id)
    session.commit()
    entries = [text for text in written if "customer_search_entry" in text and not text.startswith("SELECT")]
    assert [text.split()[0] for text in entries] == ["DELETE"]
    assert session.scalar(select(func.count()).select_from(tables.entries)) == 2


def test_a_change_costs_a_statement_to_read_and_one_to_write_what_differs(session: Session) -> None:
    marie = make.make_customer(session, stores=(make.make_store(session),), phone_number="0171 23 45 67")
    search_index.refresh(session, [marie.id])
    # SQLite's full-text index keeps nothing to compare with.
    always = ["INSERT customer_search_index"] if session.get_bind().dialect.name == "sqlite" else []
    for changed, written in (
        ({}, []),
        ({"phone_number": "0171 11 11 11"}, ["UPDATE customer_search"]),
        ({"last_order_at": make.NOON}, ["INSERT customer_search_entry", "UPDATE customer_search"]),
    ):
        for name, value in changed.items():
            setattr(marie, name, value)
        read, *others = statements_of(session, marie.id)
        assert read.startswith("SELECT")
        found = [
            re.sub(r"^(\w+) (?:OR REPLACE )?(?:INTO )?(\w+).*", r"\1 \2", text, flags=re.DOTALL)
            for text in others
        ]
        assert sorted(found) == sorted(written + always)


def test_a_rare_name_is_forgotten_with_its_last_bearer(session: Session, found: Found) -> None:
    rare = [make.make_customer(session, first_name="Marie", last_name="Quetzalcoatl") for _ in range(2)]
    search_index.refresh(session, [customer.id for customer in rare])
    search_index.remove(session, [rare[0].id])
    assert words(session) == {"marie", "quetzalcoatl"}
    assert found("quetzalcoatl") == [rare[1].id]
    search_index.remove(session, [rare[1].id, uuid.uuid4()])
    session.commit()
    assert (found("quetzalcoatl"), words(session)) == ([], set())
    for table in (tables.documents, tables.entries):
        assert session.scalar(select(func.count()).select_from(table)) == 0


def test_a_customer_who_is_gone_leaves_the_index(session: Session, found: Found) -> None:
    marie = make.make_customer(session)
    search_index.refresh(session, [marie.id])
    session.delete(session.get_one(Customer, marie.id))
    search_index.refresh(session, [marie.id])
    session.commit()
    assert (found("marie"), words(session)) == ([], set())


def test_an_index_that_is_rolled_back_is_as_before(session: Session, found: Found) -> None:
    marie = make.make_customer(session)
    search_index.refresh(session, [marie.id])
    session.commit()
    marie.first_name = "Other"
    search_index.refresh(session, [marie.id])
    session.rollback()
    assert (found("marie"), found("other")) == ([marie.id], [])


def test_rebuilding_finds_all_again_in_the_order_of_their_ids(session: Session, found: Found) -> None:
    store = make.make_store(session)
    people = [make.make_customer(session, stores=(store,)) for _ in range(3)]
    search_index.refresh(session, [people[2].id])
    search_index.refresh(session, [people[0].id])
    seen: list[int] = []
    assert search_index.rebuild(session, seen.append) == 3
    session.commit()
    assert seen == [3]
    assert found("lefevre") == found("", store_id=store.id) == [person.id for person in people]
