"""Imports: going on after a break."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.db import transaction
from app.domain.actor import Actor
from app.errors import Conflict
from app.services import imports
from tests import factories

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
