"""Imports: going on after a break."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.db import transaction
from app.domain.actor import Actor
from app.errors import Conflict
from app.services import import_rows, imports
from app.services.import_files import Row
from app.services.import_rows import Outcome
from tests import factories
from tests.cast import make_cast

SYSTEM = Actor.system("test")
FILE = SimpleNamespace(kind="customers", digest="0" * 64, path=Path("customers.csv"))


def test_of_two_processes_that_go_on_with_one_import_one_stops(session):
    store_id = factories.make_store(session).id
    with transaction(session):
        job = imports.start(session, SYSTEM, FILE, store_id=store_id)
        assert imports.start(session, SYSTEM, FILE, store_id=store_id).id == job.id
        job.rows_done = 500
    late = imports.prepare(session, store_id, rows_done=0)
    with pytest.raises(Conflict, match="Another process"), transaction(session):
        imports.apply(session, SYSTEM, job.id, late, [])
    due = imports.prepare(session, store_id, rows_done=500)
    with transaction(session):
        assert imports.apply(session, SYSTEM, job.id, due, []) == []


def test_who_is_said_to_have_created_a_customer_is_an_associate(session):
    cast = make_cast(session)
    mia = factories.make_actor(cast.mia, cast.north)
    rows = [
        {"email": "zoe@mail.example", "created_by": "nobody@shop.example"},
        {"email": "marie@mail.example", "first_name": "Zoë"},
    ]
    read = [import_rows.read("customers", Row(line=2, data=row), "FR") for row in rows]
    due = imports.prepare(session, cast.north.id, rows_done=0)
    with transaction(session):
        results = imports.preview(session, mia, "customers", due, read)
    assert [(one.outcome, [name for name, _reason in one.reasons]) for one in results] == [
        (Outcome.REFUSED, ["created_by"]),
        (Outcome.UPDATED, []),
    ]
