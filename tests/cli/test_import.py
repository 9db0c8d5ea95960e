import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from app import db
from app.cli import imports as import_cli
from app.cli.imports import import_group
from app.domain import csv_rows
from app.errors import Conflict, Unavailable
from app.models import (
    Address,
    AuditEntry,
    Consent,
    ConsentEvent,
    Customer,
    CustomerStore,
    ExtendedAttribute,
    ImportJob,
    Order,
    Store,
)
from app.services import import_reading, imports
from app.services.import_files import Row
from tests import factories


@pytest.fixture
def run(session, database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    factories.make_store(session, name="Paris")
    folder = tmp_path / "files"
    folder.mkdir()

    def run(kind, content, *options, name="file.csv"):
        session.rollback()
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = CliRunner().invoke(import_group, [kind, str(path), "--store", "Paris", *map(str, options)])
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return run


def count(session, model):
    session.rollback()
    counted = session.scalar(select(func.count()).select_from(model))
    # An open transaction would be ended by the server while an import runs.
    session.rollback()
    return counted


def test_customers_are_created_then_updated_and_nothing_is_blanked(session, run):
    first = run(
        "customers",
        "email,first_name,last_name,phone_number,billing_address.address_1,extended_attributes.shirt_fit\n"
        "zoe@mail.example,Zoë,Li,01 99 00 12 34,1 rue de la Paix,slim\n",
    )
    assert "1 created" in first.output, first.output
    second = run("customers", "email,last_name,phone_number\nZOE@mail.example,Li-Meyer,\n")
    assert (second.exit_code, "1 updated" in second.output) == (0, True)
    customer = session.scalars(select(Customer)).one()
    assert (customer.first_name, customer.last_name) == ("Zoë", "Li-Meyer")
    assert customer.phone_e164 == "+33199001234"
    assert count(session, Address) == 1
    assert session.scalars(select(ExtendedAttribute.value)).all() == ["slim"]
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.at, AuditEntry.id)).all()
    assert actions == ["customer.created", "import.finished", "customer.updated", "import.finished"]


def test_a_bad_row_is_told_with_line_and_column_and_the_others_are_taken(session, run, tmp_path):
    report = tmp_path / "report.csv"
    result = run(
        "customers",
        'email,first_name,country_code\na@mail.example,"two\nlines",FR\n=cmd,Eve,FR\nc@mail.example,Cy,Mars\n'
        "d@mail.example,Di,DE\nd@mail.example,Dia,DE\ne@mail.example,x\n",
        "--report",
        report,
    )
    assert result.exit_code == 1
    assert "1 created, 1 updated, 0 unchanged, 4 refused." in result.output
    with report.open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["line", "column", "reason"]
    assert [(line, column) for line, column, _ in lines[1:]] == [
        ("2", "first_name"), ("4", "email"), ("5", "country_code"), ("8", ""),
    ]  # fmt: skip
    assert session.scalars(select(Customer.first_name)).all() == ["Dia"]


def test_a_dry_run_says_the_same_and_changes_nothing(session, run):
    content = "email,first_name\na@mail.example,Ada\nnobody,Bo\n"
    dry = run("customers", content, "--dry-run")
    assert (count(session, Customer), count(session, ImportJob), count(session, AuditEntry)) == (0, 0, 0)
    wet = run("customers", content)
    assert dry.output.splitlines()[-1] == f"Dry run, nothing was changed: {wet.output.splitlines()[-1]}"
    assert dry.exit_code == wet.exit_code == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"email\ncaf\xe9@mail.example\n", "line 2, byte 4"),
        ("a.csv", b"email\ncaf\xe9@mail.example\n", "iconv -f WINDOWS-1252 -t UTF-8"),
        ("a.csv", "email\na@mail.example\n".encode("utf-16"), "UTF-16"),
        ("a.xlsx", b"PK\x03\x04\x14\0\6\0", 'is a workbook. Save the sheet as "CSV UTF-8".'),
        ("a.csv", b"email,first_name,\na@mail.example,A,\n", "column 3 has none"),
        ("a.csv", b'email,last_name\na,A\n"b,B\nc,C\n', 'line 3: a quotation mark (") is opened'),
        (
            "a.csv",
            b'email,last_name\na,A\n"b,B\n' + b"c,C\n" * 30_000,
            'line 3: a quotation mark (") is opened',
        ),
        ("a.csv", b'email,last_name\na,A\nb,"B" C\n', 'line 3: a quotation mark (") stands within a cell'),
        ("a.jsonl", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "line 1: this is nested too deep"),
        ("a.csv", b"email\na\0@mail.example\n", "line 2: this holds a NUL"),
        ("a.csv", b"email\n" + b"x" * 200_000, "line 2: field larger"),
        ("a.csv", b"", "no first line"),
        ("a.csv", b"email,email\n", "name of its own"),
        ("a.csv", b"email," + b"x," * 100_000 + b"\n", "at most 1000 columns"),
        ("a.csv", b"email,shoe\n", "nobody knows these columns: shoe"),
        ("a.csv", b"first_name\nAda\n", "no column gives email"),
        ("a.csv", b'email\n"a@mail.example\n', "line 2"),
        ("a.json", b"{", "line 1, column 2"),
        ("a.json", b'{"email": "a@mail.example"}', "is no list"),
        ("a.jsonl", b'{"email": "a@mail.example"}\nnope\n', "line 2: this is no JSON"),
    ],
)
def test_a_bad_file_is_refused_as_a_whole(session, run, name, content, told):
    result = run("customers", content, name=name)
    assert result.exit_code == 2
    assert told in result.output
    assert (count(session, Customer), count(session, ImportJob)) == (0, 0)


def test_customers_of_the_api_come_back_as_they_were_listed(session, run):
    listed = {
        "items": [
            {
                "id": "ignored", "email": "a@mail.example", "first_name": "Ada", "last_name": None,
                "revision": 7, "display_id": "ignored",
                "addresses": [{"type": "shipping", "address_line_1": "Torstraße 1", "country_code": "DE"}],
                "extended_attributes": [{"name": "shoe_size", "value": "39"}],
            },
            "no customer",
        ]
    }  # fmt: skip
    result = run("customers", json.dumps(listed), name="list.json")
    assert "1 created, 0 updated, 0 unchanged, 1 refused" in result.output
    assert session.scalars(select(Address.address_1)).all() == ["Torstraße 1"]


def test_addresses_attributes_and_opt_ins_find_their_customer(session, run):
    run("customers", "email\na@mail.example\n")
    addresses = (
        "email,type,address_1,city\na@mail.example,billing,Torstraße 1,Berlin\nb@mail.example,billing,x,y\n"
    )
    opt_ins = (
        "email,channel,action,at\na@mail.example,email,given,2024-01-01T10:00:00Z\n"
        "a@mail.example,email,withdrawn,2024-02-01T10:00:00Z\n"
        "a@mail.example,email,given,2025-01-01T10:00:00Z\n"
    )
    for kind, content, first, again in (
        ("addresses", addresses, "1 created, 0 updated, 0 unchanged, 1 refused", "1 unchanged, 1 refused"),
        ("attributes", "email,name,value\na@mail.example,hat,M\n", "1 created", "1 unchanged"),
        # An import never turns a withdrawal into consent, however late its date.
        ("opt-ins", opt_ins, "2 created, 0 updated, 0 unchanged, 1 refused", "2 unchanged, 1 refused"),
    ):
        assert first in run(kind, content).output
        assert again in run(kind, content).output
    session.rollback()
    assert session.scalars(select(CustomerStore.opt_in_state)).all() == ["withdrawn"]
    assert count(session, Address) == 1


@pytest.mark.parametrize("batch", [500, 1])
@pytest.mark.parametrize("no", ["refused", "withdrawn"])
def test_imported_history_ends_with_the_no_in_any_order_of_rows(session, run, monkeypatch, no, batch):
    monkeypatch.setattr(import_reading, "BATCH", batch)
    said = [("given", "2024-01-01"), (no, "2024-02-01"), ("given", "2024-03-01")]
    orders = list(itertools.permutations(said))
    names = [f"c{number}@mail.example" for number in range(len(orders))]
    run("customers", "email\n" + "\n".join(names) + "\n")
    rows = [
        f"{name},email,{action},{day}T10:00:00Z"
        for name, order in zip(names, orders, strict=True)
        for action, day in order
    ]
    content = "email,channel,action,at\n" + "\n".join(rows) + "\n"
    run("opt-ins", content)

    def stand():
        session.rollback()
        return session.execute(select(Consent.customer_id, Consent.state, Consent.since)).all()

    first = stand()
    assert {row.state for row in first} == {no}
    events = count(session, ConsentEvent)
    assert "0 created, 0 updated" in run("opt-ins", content).output
    assert (stand(), count(session, ConsentEvent)) == (first, events)


@pytest.mark.parametrize("action", ["contact_changed", "asked_again", "rejected", "restored", "maybe"])
def test_what_follows_from_acts_here_is_no_declaration_to_import(session, run, action):
    run("customers", "email\na@mail.example\n")
    content = f"email,channel,action,at\na@mail.example,email,{action},2026-01-01T10:00:00Z\n"
    told = "Write one of: requested, given, confirmed, refused, withdrawn, expired."
    assert told in run("opt-ins", content).output
    assert count(session, ConsentEvent) == 0


def test_an_order_of_impossible_size_is_a_refused_row(session, run):
    orders = [
        {"external_order_id": name, "billing_address": {"email": "zoe@mail.example"}, **over}
        for name, over in (
            ("A", {"ordered_products": [{"quantity": 2**53 - 1}]}),
            ("B", {"totals": {"grand_total": 2**53 - 1, "currency": "KWD"}}),
            ("C", {"ordered_products": [{"quantity": 2}]}),
        )
    ]
    told = run("orders", "\n".join(map(json.dumps, orders)), name="orders.jsonl")
    assert "1 created" in told.output, told.output
    assert "2 refused" in told.output
    assert "ordered_products.0.quantity" in told.output
    assert session.scalars(select(Order.external_order_id)).all() == ["C"]


def test_an_import_killed_in_the_middle_goes_on_and_leaves_each_row_once(
    session, run, database_url, tmp_path
):
    total = 3_000
    lines = [
        json.dumps(
            {
                "external_order_id": f"K-{number}",
                "billing_address": {"email": f"c{number % 900}@mail.example", "last_name": "Li"},
                "totals": {"grand_total": 5, "currency": "EUR"},
            }
        )
        for number in range(total)
    ]
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(lines))
    command = [
        sys.executable,
        "-c",
        "from app.cli.imports import import_group as run; run()",
        "orders",
        str(path),
    ]
    command += ["--store", "Paris"]
    root = Path(__file__).parents[2]
    started = subprocess.Popen(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 60
    while count(session, Order) < 500 and started.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    assert started.wait(10) == -signal.SIGKILL
    done = count(session, Order)
    assert 0 < done < total
    again = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Going on after row {done}." in again.stderr
    assert f"This run: {total - done} created, 0 updated" in again.stdout
    assert again.stdout.splitlines()[-1] == f"{total} created, 0 updated, 0 unchanged, 0 refused."
    session.rollback()
    assert set(session.scalars(select(Order.external_order_id))) == {f"K-{n}" for n in range(total)}
    assert (count(session, Customer), count(session, ImportJob)) == (900, 1)
    job = session.scalars(select(ImportJob)).one()
    assert (job.rows_done, job.created_count, job.state) == (total, total, "finished")
    assert session.scalar(select(func.sum(Customer.order_count))) == total


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\ufeff=1",
        " \ufeff @x",
        "＝1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_no_cell_of_ours_is_a_formula(cell):
    assert csv_rows.formula_safe(cell) == f"'{cell}"


def test_a_cell_that_is_no_formula_stays_readable():
    assert csv_rows.formula_safe("plain = text") == "plain = text"
    assert csv_rows.formula_safe("\0=1") == "'\\x00=1"
    assert csv_rows.formula_safe("a\x1b[2J\ud800") == "a\\x1b[2J\\ud800"


def test_a_broken_character_is_told_and_not_stumbled_over(session, run, tmp_path):
    report = tmp_path / "report.csv"
    row = {"email": "a@mail.example", "extended_attributes": [{"name": "\ud800", "value": "x"}]}
    result = run("customers", json.dumps(row), "--report", report, name="rows.jsonl")
    assert (result.exit_code, count(session, Customer)) == (1, 0)
    told = "This holds a broken character. Type it again."
    assert f"Line 1, extended_attributes.0.name: {told}" in result.output
    with report.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == [["1", "extended_attributes.0.name", told]]


@pytest.mark.parametrize(
    ("name", "mapping", "told"),
    [
        (
            "m.toml",
            "[values.country_code]\nGermany = 49\n",
            "values.country_code.Germany: write this as text",
        ),
        (
            "m.toml",
            '[lookups.created_by]\nfile = 5\nkey = "k"\nvalue = "v"\n',
            "lookups.created_by.file: write",
        ),
        (
            "m.toml",
            '[lookups.created_by]\nfile = "f"\nkey = 5\nvalue = "v"\n',
            "lookups.created_by.key: write",
        ),
        ("m.toml", '[lookups.created_by]\nfile = "f"\nkey = "k"\n', "lookups.created_by: value is missing"),
        ("m.toml", "[columns]\nMail = [5]\n", "columns.Mail: write this as text"),
        ("m.toml", "[constants]\nfirst_name = 1\n", "constants.first_name: write this as text"),
        ("m.toml", "joins = 5\n", "joins: write this as a list"),
        ("m.toml", "ignore = 5\n", "ignore: write this as a list"),
        ("m.toml", "[values]\ncountry_code = 5\n", "values.country_code: write this as a table"),
        ("m.toml", "[values.nofield]\na = 'b'\n", "values: nofield is no field of customers"),
        ("m.toml", "[prefixes]\nfrist_name = 'b'\n", "prefixes: frist_name is no field of customers"),
        ("m.json", "[" * 100_000, "nested too deep"),
    ],
)
def test_a_mapping_is_checked_before_the_first_row(session, run, tmp_path, name, mapping, told):
    (tmp_path / name).write_text(mapping)
    result = run("customers", "email,country_code\na@mail.example,Germany\n", "--mapping", tmp_path / name)
    assert (result.exit_code, told in " ".join(result.output.split())) == (2, True), result.output
    assert (count(session, Customer), count(session, ImportJob)) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("customers", {"extended_attributes": "slim"}, "extended_attributes"),
        ("customers", {"extended_attributes": [{"name": "n", "value": 0}]}, "extended_attributes.0.value"),
        (
            "customers",
            {"extended_attributes": [{"name": "n", "value": False}]},
            "extended_attributes.0.value",
        ),
        ("customers", {"addresses": "x"}, "addresses"),
        ("customers", {"addresses": ["x"]}, "addresses.0"),
        ("customers", {"billing_address": "y"}, "billing_address"),
        ("customers", {"billing_address": {"city": 5}}, "billing_address.city"),
        ("addresses", {"type": "billing", "city": "x", "is_default": "perhaps"}, "is_default"),
        ("attributes", {"name": "n", "value": 0}, "value"),
        ("employees", {"first_name": ["a"]}, "first_name"),
    ],
)
def test_what_the_shape_does_not_allow_is_a_refused_row(session, run, kind, row, column):
    given = {"email": "a@mail.example", **row}
    result = run(kind, json.dumps(given), name="rows.jsonl")
    assert (result.exit_code, f"Line 1, {column}: " in result.output) == (1, True), result.output
    assert count(session, Customer) == 0


@pytest.mark.parametrize(
    ("content", "mapping", "told"),
    [
        ("email,A,B\na@mail.example,x,y\n", '[columns]\nA = "first_name"\nB = "first_name"\n', "first_name"),
        ("email,A,first_name\na@mail.example,x,y\n", '[columns]\nA = "first_name"\n', "first_name"),
        ("email\na@mail.example\n", '[prefixes]\nfirst_name = "x"\n', "no column gives first_name"),
    ],
)
def test_a_mapping_that_would_lose_a_column_is_refused(session, run, tmp_path, content, mapping, told):
    (tmp_path / "m.toml").write_text(mapping)
    result = run("customers", content, "--mapping", tmp_path / "m.toml")
    assert (result.exit_code, told in result.output) == (2, True), result.output
    assert count(session, Customer) == 0


def test_an_employees_attribute_hides_no_field_in_the_audit_entry(session, run):
    row = {"email": "a@mail.example", "extended_attributes": [{"name": "email", "value": "old"}]}
    assert run("employees", json.dumps(row), name="rows.jsonl").exit_code == 0
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "associate.created")).one()
    kept = (entry.changes["email"], entry.changes["attribute.email"])
    assert kept == ([None, "a@mail.example"], [None, "old"])


def test_a_report_replaces_no_file_but_a_former_report(session, run, tmp_path):
    files = tmp_path / "files"
    rows, notes, report = files / "file.csv", tmp_path / "notes.csv", tmp_path / "report.csv"
    content = "email,created_by\na@mail.example,1\nnobody,2\n"
    mapping = '[lookups.created_by]\nfile = "staff.csv"\nkey = "id"\nvalue = "mail"\n'
    inputs = {"map.toml": mapping, "staff.csv": "id,mail\n1,\n2,\n"}
    for name, text in inputs.items():
        (files / name).write_text(text)
    notes.write_text("Dear diary\n")
    (tmp_path / "link.csv").symlink_to(rows)
    refused = [rows, tmp_path / "link.csv", files / "map.toml", files / "staff.csv", notes]
    for target in [*refused, tmp_path / "nowhere" / "r.csv"]:
        result = run("customers", content, "--mapping", files / "map.toml", "--report", target)
        assert (result.exit_code, "--report" in result.output) == (2, True), result.output
    assert (count(session, Customer), count(session, ImportJob)) == (0, 0)
    assert [rows.read_text(), notes.read_text()] == [content, "Dear diary\n"]
    assert {name: (files / name).read_text() for name in inputs} == inputs
    for _ in range(2):
        assert run("customers", content, "--mapping", files / "map.toml", "--report", report).exit_code == 1
        assert len(report.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "content",
    [
        "email;first_name\na@mail.example;Ada, Countess\n",
        "email\tfirst_name\na@mail.example\tAda, Countess\n",
        '"email";"first_name"\r\n"a@mail.example";"Ada, Countess"\r\n',
    ],
)
def test_semicolons_and_tabs_part_cells_where_the_first_line_has_them(session, run, content):
    result = run("customers", content)
    assert result.exit_code == 0, result.output
    assert session.scalars(select(Customer.first_name)).all() == ["Ada, Countess"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Conflict(message="Another process works on the same import."), "Another process"),
        (Unavailable(), "database cannot be reached"),
        (OperationalError("SELECT", {}, Exception("database or disk is full")), "Not saved"),
        (OSError(28, "No space left on device", "report.csv"), "No space left on device: report.csv"),
    ],
)
def test_what_stands_in_the_way_has_a_code_of_its_own(run, monkeypatch, error, told):
    def apply(*_given):
        raise error

    monkeypatch.setattr(imports, "apply", apply)
    result = run("customers", "email\na@mail.example\n")
    assert (result.exit_code, told in result.output) == (3, True), result.output


def test_others_can_save_while_an_import_runs(session, engine, run, monkeypatch, database_kind):
    saved = []

    def others_save(_seconds):
        with engine.connect().execution_options(writes=True, patience_ms=1) as other:
            other.execute(update(Store).values(name=f"Paris {len(saved)}"))
            other.commit()
        saved.append(count(session, Customer))

    monkeypatch.setattr(import_reading, "BATCH", 1)
    monkeypatch.setattr(db, "TURN", 0)
    monkeypatch.setattr(db.time, "sleep", others_save)
    run("customers", "email\na@mail.example\nb@mail.example\n")
    # On PostgreSQL nobody waits for another's rows, so there is no pause.
    assert saved == ([1, 2] if database_kind == "sqlite" else [])


def test_what_excel_adds_is_passed_over(session, run):
    content = "\ufeffsep=;\r\nemail;first_name\r\na@mail.example;Ada\r\n;\r\nnobody;Bo\r\n ;\r\n;\r\n"
    result = run("customers", content)
    assert "Line 5, email: " in result.output
    assert "1 created, 0 updated, 0 unchanged, 1 refused." in result.output
    assert session.scalars(select(Customer.first_name)).all() == ["Ada"]


@pytest.mark.parametrize(
    ("kind", "took", "sizes"),
    [
        ("customers", 0, [100, 200, 200, 500]),
        ("customers", 2, [100, 50, 25, 25]),
        ("opt-ins", 2, [500, 500]),
    ],
)
def test_a_transaction_takes_as_many_rows_as_are_done_in_a_moment(monkeypatch, kind, took, sizes):
    now = itertools.count(0, took)
    monkeypatch.setattr(import_cli.time, "monotonic", lambda: next(now))
    rows = [Row(line=number, data={}) for number in range(1000)]
    pace = import_cli._Pace(kind)
    parts = list(pace.parts([rows[:500], rows[500:]]))
    assert [len(part) for part in parts][: len(sizes)] == sizes
    assert list(itertools.chain(*parts)) == rows


def test_a_store_that_there_is_not_is_wrong_use(run):
    result = run("customers", "email\na@mail.example\n", "--store", "Nowhere")
    assert result.exit_code == 2
    assert "There is no store named Nowhere. There are: Paris." in result.output


def test_a_setting_that_is_wrong_is_wrong_use(run, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://db")
    assert run("customers", "email\na@mail.example\n").exit_code == 2


def test_a_file_that_was_imported_before_says_so(session, run):
    told = "This file was imported before; it is gone through again."
    content = "email\na@mail.example\n"
    assert told not in run("customers", content).output
    again = run("customers", content)
    assert told in again.output
    assert "0 created, 0 updated, 1 unchanged, 0 refused." in again.output


GOOD = "email,phone_number\nzoe@mail.example,01 99 00 12 34\nnobody\nnot-an-address,\n"
ORDERS = '{"external_order_id": "A", "billing_address": {"email": "zoe@mail.example"}}\n[]\n{}\n'
BROKEN_OFF = 'email,first_name\nzoe@mail.example,Zoë\n"max@mail.example,Max'


@pytest.mark.parametrize(
    ("kind", "name", "content", "made"),
    [
        ("customers", "a.csv", GOOD, ["+33199001234"]),
        ("customers", "a.csv", BROKEN_OFF, []),
        ("orders", "a.jsonl", ORDERS, [None]),
    ],
)
def test_a_process_of_its_own_reads_a_long_file_as_this_one_does(
    session, run, monkeypatch, kind, name, content, made
):
    monkeypatch.setattr(import_reading, "BATCH", 1)
    here = run(kind, content, "--dry-run", name=name)
    monkeypatch.setattr(import_reading, "WORTH_A_PROCESS", 0)
    there = run(kind, content, "--dry-run", name=name)
    assert (there.exit_code, there.output) == (here.exit_code, here.output)
    assert "line 3" in there.output or "1 created" in there.output
    run(kind, content, name=name)
    assert [one.phone_e164 for one in session.scalars(select(Customer))] == made


def test_an_import_says_so_when_the_process_that_reads_is_gone(run, monkeypatch):
    def killed(*_):
        raise EOFError

    monkeypatch.setattr(import_reading, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(import_reading.Connection, "recv", killed)
    result = run("customers", GOOD)
    assert result.exit_code == 3
    assert "was ended" in result.output
