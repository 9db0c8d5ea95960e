"""The commands as they are typed: what they change, what they print, and how they refuse."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from app import config, ledger, schema
from app.cli import main, serve
from app.db import make_engine, transaction
from app.domain import digests
from app.domain.erasures import LedgerKey, LedgerLine
from app.errors import Forbidden
from app.jobs import runner
from app.models import ApiClient, Associate, AuditEntry, DataRequest, Erasure, Mail
from app.services import erasures
from app.services import tokens as token_services
from tests import factories
from tests.database import free_port
from tests.factories import make_associate, make_store

PASSWORD = "four plain warm words"
BAD_MANIFESTS = ('"text"', "{}", "[]", '{"sha256": 1}', "\x00")
KEY = "a random key of tests, 0123456789".replace(",", "")


@pytest.fixture
def environment(database_url, tmp_path):
    return {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "data"), "SECRET_KEY": "", "HOST": ""}


@pytest.fixture
def command(environment):
    def run(*arguments, typed="", **more):
        return CliRunner().invoke(main, list(arguments), input=typed, env=environment | more)

    return run


def test_help_names_every_command(command):
    result = command("--help")
    assert result.exit_code == 0
    for name in ("client", "demo", "doctor", "import", "init", "run", "user"):
        assert f"  {name} " in result.output


def test_a_command_that_is_stopped_says_so_by_its_code(command, monkeypatch):
    def stop(_module):
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli._load", stop)
    result = command("import", "customers", __file__)
    assert (result.exit_code, result.output) == (130, "Stopped.\n")


def test_this_machine_is_a_trusted_host_beside_those_that_are_named(tmp_path):
    settings = config.load({"DATA_DIR": str(tmp_path), "TRUSTED_HOSTS": "shop.example", "HOST": "10.0.0.5"})
    assert settings.trusted_hosts == ("shop.example", "127.0.0.1", "localhost", "::1", "10.0.0.5")


def test_init_makes_a_database_at_the_newest_schema(command, tmp_path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    for _ in range(2):
        assert command("init", DATABASE_URL=url).exit_code == 0
    engine = make_engine(url)
    assert schema.is_current(engine)
    engine.dispose()


def test_user_create_makes_an_account_and_names_the_command_in_the_audit_log(command, session):
    store = make_store(session, name="Rue Neuve")
    result = command(
        *("user", "create", "zoe@shop.example", "--first-name", "Zoë", "--last-name", "Li"),
        *("--role", "manager", "--store", "Rue Neuve", "--password-stdin"),
        typed=PASSWORD + "\n",
    )
    assert result.output == "Created zoe@shop.example (Manager).\n"
    associate = session.scalars(select(Associate)).one()
    assert associate.role == "manager"
    assert associate.password_hash.startswith("$argon2id$")
    entry = session.scalars(select(AuditEntry)).one()
    assert entry.channel == "cli"
    assert entry.changes["stores"] == [None, [str(store.id)]]


def test_user_create_asks_for_the_password_twice(command, session):
    arguments = ("user", "create", "root@shop.example", "--first-name", "R", "--last-name", "T")
    result = command(*arguments, "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--store", "Nowhere"), "There is no store named Nowhere. There are: Rue Neuve."),
        ((), "store_ids: Choose at least one store"),
        (("--role", "admin", "--first-name", "x" * 101), "first_name: This is too long"),
    ],
)
def test_user_create_refuses_in_one_line(command, session, arguments, words):
    make_store(session, name="Rue Neuve")
    names = ("--first-name", "Zoë", "--last-name", "Li")
    result = command(
        "user", "create", "zoe@shop.example", *names, *arguments, "--password-stdin", typed=PASSWORD
    )
    assert result.exit_code == 1
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert session.scalars(select(Associate)).all() == []


def test_user_password_replaces_the_password(command, session):
    associate = make_associate(session, email="Ada@shop.example", role="admin")
    result = command("user", "password", "ada@SHOP.example", "--password-stdin", typed=PASSWORD + "\n")
    assert result.exit_code == 0
    session.expire_all()
    session.refresh(associate)
    assert associate.password_hash.startswith("$argon2id$")
    assert associate.revision == 2
    assert "no account" in command("user", "password", "x@shop.example", "--password-stdin").output
    weak = command("user", "password", "ada@shop.example", "--password-stdin", typed="password\n")
    assert weak.exit_code == 1
    assert "password: This password is too easy to guess." in weak.output


def test_doctor_says_what_is_wrong(command, tmp_path):
    assert "ok     The schema is the newest" in command("doctor").output
    result = command("doctor", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert result.exit_code == 1
    assert "WRONG  The schema is the newest (else run: clienteling init)" in result.output


def test_doctor_names_the_folder_that_is_missing(command):
    result = command("doctor", DATABASE_URL="sqlite:////nowhere/x.db")
    assert (result.exit_code, "there is no folder /nowhere. Make it" in result.output) == (1, True)


def test_doctor_hides_the_password_of_the_database(command):
    result = command("doctor", DATABASE_URL="postgresql://ada:hidden-word@127.0.0.1:1/none")
    assert "hidden-word" not in result.output
    assert "WRONG  The database answers" in result.output


def test_an_unsafe_setting_is_one_line(command):
    result = command("doctor", SECRET_KEY="short")
    assert result.exit_code == 1
    assert result.output.startswith("Error: SECRET_KEY must be random")
    nowhere = command("init", DATA_DIR="/proc/nowhere")
    assert (nowhere.exit_code, nowhere.output.startswith("Error: DATA_DIR /proc/nowhere cannot be")) == (
        1,
        True,
    )
    away = command("init", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert away.exit_code == 1
    assert away.output.startswith("Error: The database does not answer")
    assert len(away.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "foo"),
        ("SECRET_KEY_FALLBACKS", "x,y"),
        ("MAIL_FROM", "@"),
        ("MAIL_FROM", "a@b@c <"),
        ("MAIL_URL", "smtp://a b:25"),
        ("MAIL_URL", "smtp://mail:99999"),
        ("PUBLIC_URL", "https://shop:x"),
        ("TRUSTED_HOSTS", "shop.example,*"),
        ("TRUSTED_HOSTS", "://"),
        ("TRUSTED_HOSTS", "https://shop.example"),
        ("TRUSTED_HOSTS", "a..b"),
        ("HOST", "bad host"),
    ],
)
def test_an_impossible_setting_is_named_and_stops_the_start(tmp_path, name, value):
    with pytest.raises(config.BadSetting, match=name):
        config.load({"DATA_DIR": str(tmp_path), name: value})


def test_possible_settings_are_taken(tmp_path):
    config.load(
        {
            "DATA_DIR": str(tmp_path), "LOG_LEVEL": "warning", "SECRET_KEY_FALLBACKS": f"{KEY}, {KEY[::-1]}",
            "MAIL_FROM": "Rue Neuve, 2 <no-reply@shop.example>", "MAIL_URL": "smtp://ada:p%40ss@mail_1:587",
            "TRUSTED_HOSTS": ".shop.example, shop.example:8000, ::1, [::1]:8000, bücher.example",
            "HOST": "::", "PUBLIC_URL": "https://shop.example:8443/",
        }
    )  # fmt: skip
    assert config.load({"DATA_DIR": str(tmp_path), "MAIL_FROM": "a@b"}).mail_from == "a@b"


@pytest.mark.parametrize("name", ["secret-key", "erasure-key"])
def test_an_empty_key_file_is_refused(command, tmp_path, name):
    assert command("doctor").exit_code == 0
    path = tmp_path / "data" / name
    path.write_text("")
    result = command("doctor")
    assert (result.exit_code, result.output.startswith(f"Error: {path} holds no key")) == (1, True)
    path.unlink()
    assert command("doctor").exit_code == 0
    assert sorted(path.name for path in path.parent.iterdir()) == ["erasure-key", "secret-key"]


@pytest.mark.parametrize(
    ("arguments", "url", "words"),
    [
        (("init",), "postgresql://ada:hidden-word@host:bad/x", "DATABASE_URL cannot be read"),
        (("init",), "sqlite:///", "DATABASE_URL must name a file"),
        (("init",), "sqlite:///:memory:", "DATABASE_URL must name a file"),
        (("init",), "sqlite:////proc/x.db", "The database does not answer: /proc/x.db cannot be opened"),
        (
            ("init",),
            "sqlite:////nowhere/x.db",
            "there is no folder /nowhere. Make it, or correct DATABASE_URL",
        ),
        (("backup", "/etc/passwd/x.db"), "", "/etc/passwd is no folder."),
        (("backup", "/proc/x.db"), "", "/proc/x.db cannot be written: "),
        (("restore", "--yes", "/proc/self/mem"), "", "Error: Input/output error."),
        (("erasures", "replay", "--ledger", sys.executable), "", f"{sys.executable} is no ledger"),
        *(
            (("restore", "--yes", "bad.db"), manifest, "bad.db.json cannot be read")
            for manifest in BAD_MANIFESTS
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(command, tmp_path, monkeypatch, arguments, url, words):
    monkeypatch.chdir(tmp_path)
    if url in BAD_MANIFESTS:
        (tmp_path / "bad.db").write_bytes(b"")
        (tmp_path / "bad.db.json").write_text(url)
        url = ""
    url = url or f"sqlite:///{tmp_path / 'it.db'}"
    if arguments[0] != "init":
        assert command("init", DATABASE_URL=url).exit_code == 0
    result = command(*arguments, DATABASE_URL=url)
    assert (result.exit_code, len(result.output.strip().splitlines())) == (1, 1), result.output
    assert words in result.output
    assert "hidden-word" not in result.output


def test_another_key_of_the_ledger_is_told_by_doctor_and_stops_the_start(
    command, session, tmp_path, monkeypatch
):
    monkeypatch.setattr(serve.Server, "run", lambda _server: pytest.fail("it starts"))
    monkeypatch.setattr(runner, "run", lambda _settings: pytest.fail("it starts"))
    assert "ok     The ledger of erasures" in command("doctor").output
    line = LedgerLine(
        key_id="0" * 16,
        customer_hash="1" * 64,
        email_hash="2" * 64,
        phone_hash=None,
        erased_at=factories.NOON,
    )
    with transaction(session):
        erasures.take_in(session, [line])
    for _where in ("database", "file"):
        found = command("doctor")
        assert (found.exit_code, "WRONG  The ledger of erasures" in found.output) == (1, True)
        for arguments in (("run",), ("jobs",)):
            stopped = command(*arguments, PORT=str(free_port()))
            assert stopped.exit_code == 1
            assert stopped.output.startswith("Error: The ledger of erasures was written under another key.")
        ledger.append(tmp_path / "data" / ledger.NAME, [line])
        with transaction(session):
            session.execute(delete(Erasure))


def test_a_ledger_that_was_not_replayed_is_told_by_doctor(command, tmp_path):
    assert "ok     The database knows the ledger's file" in command("doctor").output
    data = tmp_path / "data"
    line = LedgerLine(
        key_id=LedgerKey((data / "erasure-key").read_text()).id, customer_hash="1" * 64, email_hash="2" * 64,
        phone_hash=None, erased_at=factories.NOON,
    )  # fmt: skip
    ledger.append(data / ledger.NAME, [line])
    found = command("doctor")
    assert (found.exit_code, "WRONG  The database knows the ledger's file" in found.output) == (1, True)
    assert command("erasures", "replay").exit_code == 0
    assert command("doctor").exit_code == 0
    (data / ledger.NAME).write_text("garbage\n")
    assert command("doctor").exit_code == 1


def test_a_lost_key_of_the_ledger_is_not_made_anew(command, tmp_path):
    assert command("doctor").exit_code == 0
    key = tmp_path / "data" / "erasure-key"
    (tmp_path / "data" / "erasures.jsonl").write_text("{}\n")
    key.unlink()
    result = command("doctor")
    assert (result.exit_code, result.output.startswith(f"Error: {key} is missing")) == (1, True)
    assert not key.exists()


def test_a_taken_port_is_one_line(command):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = command("run", PORT=str(port))
    assert result.exit_code == 1
    assert result.output == (
        f"Error: Cannot listen on 127.0.0.1 port {port}: another program uses it; "
        "choose another one with PORT=8001.\n"
    )


def test_run_serves_prints_the_sign_ins_and_stops_cleanly(environment, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    password = "long-random-word-" * 3
    (data / "demo-sign-ins.json").write_text(
        f'[{{"role": "manager", "store": "Rue [b]Neuve[/b]", "email": "mia@shop.example", '
        f'"password": "{password}"}}]'
    )
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", "run"],
        env=os.environ | environment | {"PORT": str(port), "ALLOW_HTTP": "yes", "WEB_WORKERS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert b'"ok"' in answer(f"http://127.0.0.1:{port}/readyz")
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)
    assert server.returncode == 0, output
    assert f"http://127.0.0.1:{port}" in output
    assert password in output
    assert "Rue [b]Neuve[/b]" in output


def answer(url):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_client_create_list_and_revoke(command, session):
    made = command("client", "create", "Web shop", "--scope", "orders:write", "--all-stores")
    assert made.exit_code == 0, made.output
    client = session.scalars(select(ApiClient)).one()
    secret = re.search(r"client_secret  (clks_\S+)", made.output)[1]
    assert client.secret_hash == digests.sha256(secret)
    listed = command("client", "list").output
    assert listed == f"{client.client_id}  active       orders:write  [all stores]  never used  Web shop\n"
    assert secret not in listed
    token = factories.make_token(session, client)
    assert "Revoked 1 tokens" in command("client", "revoke", client.client_id, "--tokens-only").output
    assert "Deactivated Web shop" in command("client", "revoke", client.client_id).output
    session.rollback()
    with pytest.raises(Forbidden):
        token_services.authenticate(session, token)
    assert command("client", "revoke", "cl_nobody").exit_code == 1
    assert command("client", "create", "Other", "--scope", "orders:write").exit_code == 2


def test_the_time_limit_is_previewed_and_asked_for(session, command):
    store = make_store(session)
    long_ago = {"created_at": factories.NOON.replace(year=2020), "updated_at": factories.NOON}
    old = factories.make_customer(session, stores=(store,), **long_ago)
    factories.make_customer(session, stores=(store,))
    mia = factories.make_associate(session, stores=(store,), role="manager").email
    session.rollback()
    shown = command("retention", "preview")
    line = f"{old.display_id}  last purchase never  last contact never\n"
    assert (shown.exit_code, shown.output) == (0, f"{line}1 customers beyond 36 months.\n")
    assert command("retention", "request", typed="n\n").exit_code == 1
    assert command("retention", "request", "--yes").output == "Asked for 1 deletions.\n"
    row = session.scalars(select(DataRequest)).one()
    assert (row.customer_id, row.origin, row.state) == (old.id, "retention", "waiting")
    assert [(mail.to_address, mail.kind) for mail in session.scalars(select(Mail))] == [(mia, "retention")]
    assert command("retention", "preview", RETENTION_MONTHS="soon").exit_code == 1
