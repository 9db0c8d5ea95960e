"""Nothing of an erased person is left in any file or table, nor comes back."""

import dataclasses
import errno
import os
import shutil
import time
import unicodedata
import uuid

import pytest
from sqlalchemy import String, select, text
from sqlalchemy import cast as sql_cast

from app import backups, ledger, schema
from app.config import Settings
from app.db import make_engine, set_ledger_key, transaction
from app.domain import folding, search_tokens
from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerInput
from app.domain.erasures import LedgerKey, LedgerLine
from app.errors import Conflict, Invalid
from app.jobs import queue, runner
from app.models import (
    ApiToken,
    Base,
    ConsentAsk,
    Customer,
    DataRequest,
    Erasure,
    Order,
    SignInSession,
    search,
)
from app.services import consents, customers, data_requests, orders
from tests import factories, people
from tests.cast import make_cast

SYSTEM = Actor.system("test")
KEY = "a ledger key of tests, long enough"


@pytest.fixture
def cast(session):
    return make_cast(session)


@pytest.fixture
def settings(database_url, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    if database_url.startswith("sqlite"):
        shutil.copyfile(database_url.removeprefix("sqlite:///"), folder / "clienteling.db")
        database_url = f"sqlite:///{folder / 'clienteling.db'}"
    return Settings(data_dir=folder, database_url=database_url, secret_key="s" * 40, erasure_key=KEY)


@pytest.fixture
def engine(settings):
    engine = make_engine(settings.database_url, bulk=True)
    set_ledger_key(engine, KEY)
    yield engine
    engine.dispose()


def do_all(session, engine, settings):
    """Do every job that is due, as `clienteling jobs` does."""
    session.rollback()
    runner.load_handlers()
    worker = runner.Runner(engine, settings)
    while worker.run_next():
        pass
    session.expire_all()


def erase(session, engine, settings, customer_id):
    with transaction(session):
        row = data_requests.request_deletion(session, SYSTEM, customer_id, call_off_days=0)
    do_all(session, engine, settings)
    assert session.get_one(DataRequest, row.id).state == "done"
    session.rollback()


def forms():
    """Each word as it is written, in capitals, in small letters, folded, decomposed and as JSON writes it."""
    found = set()
    for word in people.WORDS:
        found |= {word, word.upper(), word.lower(), folding.fold(word), unicodedata.normalize("NFD", word)}
        found |= {word.encode("unicode_escape").decode()}
        found |= set(folding.fold(word).split())
    # Parts of folded words that stand in other texts as well say nothing.
    return {form for form in found if len(form) >= 5 and form not in {"holding", "monogram", "paleozoic"}}


def index_traces(engine):
    """The ends of the name's tokens in the raw parts of the full-text index, where starts are shared."""
    tokens = search_tokens.of_haystack("qvarnstrom zzyx zofiewyx")
    ends = {f"{token & 0xFFFFFFFF:08x}"[3:].encode() for token in tokens}
    with engine.connect() as connection:
        held = b"".join(connection.scalars(text("SELECT block FROM customer_search_index_data")))
    return {end for end in ends if end in held}


def traces(folder, wanted):
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            found += [(path.name, word) for word in sorted(wanted) if word.encode() in held]
    return found


def text_traces(session, wanted):
    """The same by SQL: every column of every table, read as text."""
    session.rollback()
    tables = dict(Base.metadata.tables) | dict(search.metadata.tables)
    tables.pop("customer_search_index", None)
    found = []
    for name, table in tables.items():
        for column in table.columns:
            for value in session.scalars(select(sql_cast(column, String))):
                found += [(name, column.name, word) for word in sorted(wanted) if word in (value or "")]
    return found


def test_no_byte_is_left_in_any_file(session, cast, engine, settings, capfd):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are searched by SQL")
    huey = queue.make_huey(settings)
    queue.send(huey)
    huey.storage.close()
    customer_id = people.with_everything(session, cast).id
    tokens = set(session.scalars(select(ConsentAsk.token_hash)))
    do_all(session, engine, settings)
    # As it would be written by a worker that was killed before it could look again.
    (settings.data_dir / "mails" / f"{uuid.uuid4().hex}.eml").write_text(f"To: {people.WORDS[2]}")
    backups.backup(engine, settings.data_dir / "before.db")
    before = traces(settings.data_dir, forms() | tokens)
    held = {name for name, _word in before}
    assert "before.db" in held
    assert len([name for name in held if name.endswith(".eml")]) == 2
    assert len(tokens) == len(tokens & {word for _name, word in before}) == 2
    assert {"clienteling.db", "clienteling.db-wal"} & held
    found = {word for _name, word in before}
    assert found >= {word for word in people.WORDS if not word.startswith("33")}
    assert len(index_traces(engine)) > 5
    (settings.data_dir / "before.db").unlink()

    erase(session, engine, settings, customer_id)
    backups.backup(engine, settings.data_dir / "after.db")
    assert traces(settings.data_dir, forms() | tokens) == []
    assert index_traces(engine) == set()
    assert not any(word in capfd.readouterr().err for word in forms())


def test_no_text_is_left_in_any_table(session, cast, engine, settings):
    customer_id = people.with_everything(session, cast).id
    before = text_traces(session, forms())
    assert {name for name, _column, _word in before} >= {
        "address", "audit_entry", "consent_event", "consent_evidence", "customer", "customer_order",
        "customer_search", "customer_search_word", "data_request", "extended_attribute", "mail",
    }  # fmt: skip
    erase(session, engine, settings, customer_id)
    assert text_traces(session, forms()) == []


def test_a_restored_backup_erases_again_and_signs_everybody_out(session, cast, engine, settings):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    marie_id = cast.marie.id
    customer_id = people.with_everything(session, cast).id
    factories._save(
        session,
        SignInSession(
            token_hash="0" * 64, associate_id=cast.ada.id, created_at=factories.NOON,
            last_seen_at=factories.NOON,
        ),
    )  # fmt: skip
    factories.make_token(session, factories.make_api_client(session))
    old = backups.backup(engine, settings.data_dir / "old.db")
    erase(session, engine, settings, customer_id)
    session.close()
    other = make_engine(settings.database_url)
    held = other.connect()
    held.execute(text("SELECT count(*) FROM store"))
    with pytest.raises(Conflict, match="stop them first"):
        backups.restore(settings, old)
    held.close()
    other.dispose()
    engine.dispose()
    done = backups.restore(settings, old)
    assert (done.lines, done.erased) == (1, 1)
    session.expire_all()
    assert session.get(Customer, customer_id) is None
    assert session.get(Customer, marie_id) is not None
    assert session.scalars(select(SignInSession)).all() == []
    assert session.scalars(select(ApiToken.id).where(ApiToken.revoked_at.is_(None))).all() == []
    session.close()
    old.unlink()
    assert traces(settings.data_dir, forms()) == []
    engine.dispose()
    assert backups.replay(engine, settings, settings.data_dir / ledger.NAME).erased == 0


def test_a_damaged_backup_is_refused_and_the_database_stays(session, cast, engine, settings):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    made = backups.backup(engine, settings.data_dir / "one.db")
    assert made.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="there already"):
        backups.backup(engine, made)
    held = bytearray(made.read_bytes())
    held[5000:5100] = b"x" * 100
    made.write_bytes(held)
    session.close()
    engine.dispose()
    with pytest.raises(Conflict, match="damaged"):
        backups.restore(settings, made)
    assert session.get(Customer, cast.marie.id) is not None


def refused_restore(session, engine, settings, source, words):
    """A restore that is refused: the database and the folder are as they were."""
    session.close()
    engine.dispose()
    before = sorted(path.name for path in settings.data_dir.iterdir())
    with pytest.raises(Conflict, match=words):
        backups.restore(settings, source)
    engine.dispose()
    assert sorted(path.name for path in settings.data_dir.iterdir()) == before


def test_a_restore_under_another_key_is_refused_and_the_database_stays(session, cast, engine, settings):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    marie_id = cast.marie.id
    old = backups.backup(engine, settings.data_dir / "old.db")
    erase(session, engine, settings, marie_id)
    other = dataclasses.replace(settings, erasure_key="another key of tests, long enough")
    refused_restore(session, engine, other, old, "under another key")
    assert session.get(Customer, marie_id) is None
    assert len(session.scalars(select(Erasure)).all()) == 1


def test_a_backup_of_a_newer_version_is_refused_and_the_database_stays(session, cast, engine, settings):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    with transaction(session):
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = backups.backup(engine, settings.data_dir / "newer.db")
    with pytest.raises(Conflict, match="newer version"):
        schema.upgrade(engine)
    with transaction(session):
        session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": schema.newest()})
        session.get_one(Customer, cast.marie.id).first_name = "Later"
    refused_restore(session, engine, settings, newer, "newer version of this program")
    session.expire_all()
    assert session.get_one(Customer, cast.marie.id).first_name == "Later"


def test_no_copy_is_left_by_a_full_disk_nor_for_long_by_a_kill(session, cast, engine, settings, monkeypatch):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    folder = settings.data_dir / backups.FOLDER
    made = backups.backup(engine, folder / "clienteling-1.db")

    def is_full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backups, "_sync", is_full)
    session.close()
    engine.dispose()
    for act in (lambda: backups.backup(engine, folder / "clienteling-2.db"),
                lambda: backups.restore(settings, made)):  # fmt: skip
        with pytest.raises(OSError, match="No space"):
            act()
        engine.dispose()
        assert {path.name for path in folder.iterdir()} == {made.name, backups.manifest_of(made).name}
        assert {path.name for path in settings.data_dir.iterdir()} == {"backups", "clienteling.db"}
    killed = [folder / ".clienteling-3.db.part", settings.data_dir / ".clienteling.db.restore"]
    for hours, left in ((0, 2), (2, 0)):
        for path in killed:
            path.touch()
            os.utime(path, (time.time() - hours * 3600,) * 2)
        assert backups.tidy(settings) == 0
        assert len([path for path in killed if path.exists()]) == left


def test_a_ledger_that_cannot_be_written_stops_the_restore(session, cast, engine, settings, monkeypatch):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up with its own programs")
    marie_id = cast.marie.id
    old = backups.backup(engine, settings.data_dir / "old.db")
    erase(session, engine, settings, marie_id)
    (settings.data_dir / ledger.NAME).unlink()
    append, tries = ledger.append, iter((1,))

    def fail_once(path, lines):
        if next(tries, None):
            raise OSError(errno.EROFS, "Read-only file system")
        return append(path, lines)

    monkeypatch.setattr(ledger, "append", fail_once)
    refused_restore(session, engine, settings, old, "cannot be written: Read-only file system")
    assert session.get(Customer, marie_id) is None


def test_what_is_no_ledger_is_not_replayed_and_a_broken_line_is_told(engine, settings):
    path = settings.data_dir / ledger.NAME
    line = LedgerLine(
        key_id=LedgerKey(KEY).id, customer_hash="1" * 64, email_hash="2" * 64, phone_hash=None,
        erased_at=factories.NOON,
    ).dumps()  # fmt: skip
    for bad in ('{"a":1}', "garbage", "[" * 100_000, "\xff", line.replace("1" * 64, "1"), line + "x}"):
        path.write_bytes(f"{line}\n\n{bad}\n".encode("latin-1"))
        with pytest.raises(Conflict, match=r"1 lines are none of a ledger \(3\)"):
            backups.replay(engine, settings, path)
    path.write_text(f"{line[:40]}\n{line}\n{line[:5]}\0\0")
    done = backups.replay(engine, settings, path)
    assert (done.lines, done.broken_off) == (1, (1, 3))


def test_a_ledger_under_another_key_is_not_passed_over(session, cast, engine, settings):
    erase(session, engine, settings, cast.marie.id)
    with transaction(session):
        session.scalars(select(Erasure)).one().key_id = "another"
    with pytest.raises(Conflict, match="ERASURE_KEY"):
        backups.replay(engine, settings, settings.data_dir / ledger.NAME)


def test_a_replay_finds_who_came_back_on_either_database(session, cast, engine, settings):
    """As after pg_restore: the customer and no ledger in the database, the ledger in the file."""
    marie_id = cast.marie.id
    erase(session, engine, settings, marie_id)
    with transaction(session):
        session.delete(session.scalars(select(Erasure)).one())
        for table in ("data_request_step", "data_request"):
            session.execute(text(f"DELETE FROM {table}"))
    factories.make_customer(session, stores=(cast.north,), id=marie_id, email="marie@mail.example")
    done = backups.replay(engine, settings, settings.data_dir / ledger.NAME)
    assert (done.lines, done.erased) == (1, 1)
    session.expire_all()
    assert session.get(Customer, marie_id) is None


def say(session, actor, customer, store, method):
    with transaction(session):
        return consents.record(
            session, actor, customer.id, store_id=store.id, channel=Channel.EMAIL,
            purpose=Purpose.MARKETING, action=Action.GIVEN, method=method,
        )  # fmt: skip


def test_an_import_brings_no_opt_in_back_and_the_customer_may(session, cast, engine, settings):
    say(session, SYSTEM, cast.marie, cast.north, Method.IMPORT)
    marie_id = cast.marie.id
    erase(session, engine, settings, marie_id)
    with transaction(session):
        again = customers.create(
            session, SYSTEM, CustomerInput(email="MARIE@mail.example"), store_id=cast.north.id
        )
    assert again.id != marie_id
    with pytest.raises(Invalid, match="highlighted"):
        say(session, SYSTEM, again, cast.north, Method.IMPORT)
    assert say(session, SYSTEM, again, cast.north, Method.SIGNATURE).state == "accepted"


def test_a_source_that_sends_the_order_again_brings_nobody_back(session, cast, engine, settings):
    customer_id = people.with_everything(session, cast).id
    order = session.scalars(select(Order)).one()
    document = orders.orders.loads(order.document)
    erase(session, engine, settings, customer_id)
    document["status_label"] = "Returned"
    with transaction(session):
        row, created = orders.record(session, SYSTEM, document, store_id=cast.north.id)
    assert (created, row.customer_id) == (False, None)
    assert '"status_label":"Returned"' in row.document
    assert text_traces(session, forms()) == []
    assert session.scalars(select(Customer.email).where(Customer.email == people.WORDS[2])).all() == []
