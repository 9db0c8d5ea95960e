"""The audit log, the access log and who saw whom: who reads what, filters, paging, files."""

import csv
import io
import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain import clock
from app.domain.audit import AccessAction, AuditAction
from app.domain.customers import CustomerChanges
from app.models import AccessEntry, AssociateStore, AuditEntry
from app.services import audit, customers
from tests import factories

_WHO = re.compile(r'data-label="Who">.*?<bdi>(.*?)</bdi>', re.DOTALL)
_CUSTOMER = re.compile(r'class="mono" href="/customers/[0-9a-f-]+">(\w+)</a>')


def note(session, actor, action, *, detail="", **whom):
    entry = AccessEntry(**audit.access_values(actor, action, detail=detail), **whom)
    session.add(entry)
    return entry


def who(answer):
    assert answer.status_code == 200
    return sorted(set(_WHO.findall(answer.text)))


@pytest.fixture
def acts(cast, session):
    """Ada and Mia change Marie; Cleo and Root change the stranger, each in their store."""
    ada = factories.make_actor(cast.ada, cast.north, device="ada-tablet")
    cleo = factories.make_actor(cast.cleo, cast.south, device="cleo-tablet")
    mia = factories.make_actor(cast.mia, cast.north)
    root = factories.make_actor(cast.root, cast.south)
    with transaction(session):
        customers.update(session, ada, cast.marie.id, CustomerChanges(first_name="Zoë"), revision=1)
        customers.update(session, mia, cast.marie.id, CustomerChanges(email="new@mail.example"), revision=2)
        customers.update(session, cleo, cast.stranger.id, CustomerChanges(last_name="Canary"), revision=1)
        customers.update(session, root, cast.stranger.id, CustomerChanges(first_name="C"), revision=2)
        audit.record_access(session, ada, AccessAction.VIEWED, cast.marie.id)
        audit.record_access(session, ada, AccessAction.REVEALED, cast.marie.id, detail="phone")
        audit.record_access(session, cleo, AccessAction.VIEWED, cast.stranger.id)
        note(session, mia, AccessAction.LISTED, customer_ids=(cast.marie.id,), detail="store")
        note(session, root, AccessAction.EXPORTED, customer_ids=(cast.marie.id, cast.stranger.id))


EVERYBODY = ["Ada Cast", "Cleo Cast", "Mia Cast", "Root Cast"]


@pytest.mark.parametrize(
    ("person", "expected"),
    [("ada", ["Ada Cast"]), ("mia", ["Ada Cast", "Mia Cast"]), ("root", EVERYBODY), ("otto", EVERYBODY)],
)
@pytest.mark.parametrize("log", ["audit", "access"])
def test_each_reads_their_part(cast, acts, sign_in, log, person, expected):
    act = "customer.updated" if log == "audit" else ""
    assert who(sign_in(getattr(cast, person)).get(f"/logs/{log}?act={act}")) == expected


def test_a_manager_of_two_stores_reads_both_in_one_order(cast, acts, sign_in, session):
    session.add(AssociateStore(associate_id=cast.mia.id, store_id=cast.south.id))
    session.commit()
    browser = sign_in(cast.mia)
    assert who(browser.get("/logs/audit?act=customer.updated")) == EVERYBODY
    times = re.findall(r'<time datetime="(.*?)"', browser.get("/logs/audit").text)
    assert times == sorted(times, reverse=True)
    assert len(times) >= 4
    assert who(browser.get(f"/logs/audit?act=customer.updated&store={cast.south.id}")) == [
        "Cleo Cast",
        "Root Cast",
    ]


def test_what_is_not_their_part_cannot_be_asked_for(cast, acts, sign_in):
    browser = sign_in(cast.mia)
    for filters in (f"who={cast.cleo.id}", f"store={cast.south.id}", "device=cleo-tablet"):
        for log in ("audit", "access", "seen"):
            answer = browser.get(f"/logs/{log}?first=&{filters}")
            assert who(answer) == []
            assert "Canary" not in answer.text


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("who={ada}", ["Ada Cast"]),
        ("customer={marie}", ["Ada Cast", "Mia Cast"]),
        ("store={south}", ["Cleo Cast", "Root Cast"]),
        ("device=cleo-tablet", ["Cleo Cast"]),
        ("channel=api", []),
        ("first=2001-01-01&last=2001-12-31", []),
        ("act=customer.updated&who={root}", ["Root Cast"]),
    ],
)
def test_filters_of_the_audit_log(cast, acts, sign_in, filters, expected):
    names = {
        "ada": cast.ada.id, "root": cast.root.id, "south": cast.south.id, "marie": cast.marie.display_id,
    }  # fmt: skip
    asked = filters.format(**names)
    if "act=" not in asked:
        asked += "&act=customer.updated"
    assert who(sign_in(cast.otto).get(f"/logs/audit?{asked}")) == expected


def test_the_access_log_finds_a_customer_in_lists_and_exports(cast, acts, sign_in):
    answer = sign_in(cast.root).get(f"/logs/access?customer={cast.marie.display_id}")
    assert who(answer) == ["Ada Cast", "Mia Cast", "Root Cast"]
    assert set(_CUSTOMER.findall(answer.text)) == {cast.marie.display_id, cast.stranger.display_id}
    own = sign_in(cast.root).get(f"/logs/access?customer={cast.marie.id}&act=viewed")
    assert who(own) == ["Ada Cast"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("who=x", "Choose one of the list."),
        ("store=1", "Choose one of the list."),
        ("act=nothing", "Choose one of the list."),
        ("channel=mail", "Choose one of the list."),
        ("customer=C99999", "No customer of your stores has this ID."),
        ("customer=" + "x" * 41, "This is too long"),
        ("last=2026-02-30", "Give a day like 2026-05-31."),
        ("first=9999-12-31", "Give a day like 2026-05-31."),
        ("first=0001-01-01", "Give a day like 2026-05-31."),
        ("first=2026-05-02&last=2026-05-01", "Let the last day be the first day or a later one."),
        ("after=1", "Go back to the first page."),
        ("after=99999999999999999999." + "0" * 32, "Go back to the first page."),
        ("after=9999999999999999." + "0" * 32, ""),
        ("after=%D9%A3." + "0" * 32, "Go back to the first page."),
    ],
)
@pytest.mark.parametrize("log", ["audit", "access"])
def test_filters_that_are_none_are_answered_with_words(cast, sign_in, log, asked, reason):
    answer = sign_in(cast.otto).get(f"/logs/{log}?{asked}")
    assert (answer.status_code, reason in answer.text) == (422 if reason else 200, True)


def test_a_customer_of_another_store_is_told_apart_from_none_by_nobody(cast, acts, sign_in):
    browser = sign_in(cast.mia)
    other, none = (
        browser.get(f"/logs/seen?customer={code}") for code in (cast.stranger.display_id, "C9ZZZZ")
    )
    assert other.status_code == none.status_code == 422
    assert "No customer of your stores has this ID." in other.text


def test_changes_are_shown_before_and_after_with_contact_data_masked(cast, acts, sign_in):
    text = sign_in(cast.otto).get(f"/logs/audit?who={cast.mia.id}").text
    assert "Contact changed" in text
    assert "m•••@ma•••" in text
    assert "n•••@ma•••" in text
    assert "new@mail.example" not in text


def test_values_of_customers_the_reader_may_not_see_stay_out(cast, acts, sign_in, session):
    # Cleo's act in Store North, on a customer whom its manager does not see.
    with transaction(session):
        audit.record(
            session, factories.make_actor(cast.cleo, cast.north), AuditAction.CUSTOMER_UPDATED,
            subject=("customer", cast.stranger.id), customer_id=cast.stranger.id,
            changes={"first_name": ("Canary", "Canary2")},
        )  # fmt: skip
    text = sign_in(cast.mia).get(f"/logs/audit?who={cast.cleo.id}").text
    assert "First name · values not shown" in text
    assert "Canary" not in text
    assert cast.stranger.display_id not in text


def test_after_an_erasure_the_act_stays_and_the_values_are_gone(cast, acts, sign_in, session):
    for entry in session.scalars(select(AuditEntry)):
        entry.changes = None
    session.commit()
    text = sign_in(cast.otto).get(f"/logs/audit?who={cast.ada.id}").text
    assert "First name · values not shown" in text
    assert "Zoë" not in text


def test_sensitive_attributes_are_not_read_in_passing(cast, sign_in, session):
    factories.make_definition(session, key="allergy", label="Allergy", is_sensitive=True)
    with transaction(session):
        audit.record(
            session, factories.make_actor(cast.ada, cast.north), AuditAction.ATTRIBUTES_UPDATED,
            subject=("attributes", cast.marie.id), customer_id=cast.marie.id,
            changes={"allergy": ("", "nuts"), "shirt_fit": ("", "slim")},
        )  # fmt: skip
    browser = sign_in(cast.mia)
    for path in ("/logs/audit", f"/customers/{cast.marie.id}/history"):
        text = browser.get(path).text
        assert "nuts" not in text
        assert "Allergy" in text
        assert "slim" in text


@pytest.mark.parametrize("log", ["audit", "access"])
def test_pages_follow_each_other_without_gap_or_repetition(cast, sign_in, session, log):
    now = clock.utcnow()
    actor = factories.make_actor(cast.ada, cast.north)
    expected = []
    for number in range(120):
        # Many at the same moment: the id decides.
        at = now - timedelta(seconds=number // 50)
        if log == "audit":
            entry = audit.record(session, actor, AuditAction.SIGNED_OUT, subject=("associate", actor.id))
        else:
            entry = note(session, actor, AccessAction.VIEWED, customer_id=cast.marie.id)
        entry.at, entry.request_id = at, f"r{number}"
        session.flush()
        expected.append((at, entry.id, entry.request_id))
    session.commit()
    browser = sign_in(cast.mia)
    url, times = f"/logs/{log}?who={cast.ada.id}", []
    while url:
        text = browser.get(url).text
        times += re.findall(r'<time datetime="(.*?)"', text)
        following = re.search(r'rel="next" href="(.*?)"', text)
        url = following[1].replace("&amp;", "&") if following else ""
    assert times == [at.isoformat() for at, _, _ in sorted(expected, reverse=True)]


def rows_of(answer):
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))


def test_a_file_holds_what_the_page_finds_and_is_itself_logged(cast, acts, sign_in, session):
    browser = sign_in(cast.mia)
    header, *rows = rows_of(browser.post("/logs/audit/file", data={"act": "customer.updated", "first": ""}))
    assert header[:5] == ["Time (UTC)", "Who", "Role", "Channel", "Action"]
    assert [row[1] for row in rows] == ["Mia Cast", "Ada Cast"]
    assert rows[1][7] == "First name: Marie → Zoë"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "log.exported")).one()
    assert (entry.actor_id, entry.subject_id) == (cast.mia.id, "audit")
    assert entry.changes == {"act": [None, "customer.updated"], "entries": [None, 2]}


def test_a_file_cannot_be_run_by_a_spreadsheet(cast, sign_in, session):
    evil = factories.make_associate(session, stores=(cast.north,), first_name="=1+1", last_name="x")
    with transaction(session):
        audit.record_access(
            session, factories.make_actor(evil, cast.north), AccessAction.VIEWED, cast.marie.id
        )
    _header, row = rows_of(sign_in(cast.mia).post("/logs/access/file", data={"first": ""}))
    assert row[1] == "'=1+1 x"
    assert row[5] == cast.marie.display_id


def test_too_many_entries_for_a_file_are_refused_with_words(cast, acts, sign_in, monkeypatch):
    monkeypatch.setattr("app.queries.logs.MAX_EXPORT", 1)
    answer = sign_in(cast.root).post("/logs/audit/file", data={"first": ""})
    assert (answer.status_code, answer.mimetype) == (422, "text/html")


def test_whom_somebody_saw(cast, acts, sign_in):
    browser = sign_in(cast.root)
    by_ada = rows_of(browser.post("/logs/seen/file", data={"who": str(cast.ada.id)}))
    kinds = by_ada[0][3:]
    assert kinds == ["Exported", "In a list", "Masked card", "Revealed", "Opened"]
    assert [(row[0], *row[3:]) for row in by_ada[1:]] == [
        (cast.marie.display_id, "0", "0", "0", "1", "1"),
    ]
    by_device = rows_of(browser.post("/logs/seen/file", data={"device": "cleo-tablet"}))
    assert [row[0] for row in by_device[1:]] == [cast.stranger.display_id]
    exported = rows_of(browser.post("/logs/seen/file", data={"act": "exported"}))
    assert {row[0] for row in exported[1:]} == {cast.marie.display_id, cast.stranger.display_id}
    nobody = rows_of(browser.post("/logs/seen/file", data={"first": "2001-01-01", "last": "2001-01-02"}))
    assert nobody[1:] == []


def test_who_saw_a_customer(cast, acts, sign_in):
    browser = sign_in(cast.otto)
    rows = rows_of(browser.post("/logs/seen/file", data={"customer": cast.marie.display_id.lower()}))
    assert sorted((row[0], *row[3:]) for row in rows[1:]) == [
        ("Ada Cast", "0", "0", "0", "1", "1"),
        ("Mia Cast", "0", "1", "0", "0", "0"),
        ("Root Cast", "1", "0", "0", "0", "0"),
    ]
    page = browser.get(f"/logs/seen?customer={cast.marie.display_id}")
    assert who(page) == ["Ada Cast", "Mia Cast", "Root Cast"]


def test_an_hour_with_unusually_many_profiles_is_shown(cast, app, sign_in, session):
    hour = clock.utcnow().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    limit = app.extensions["settings"].profiles_per_hour
    for associate, opened in ((cast.ada, limit + 1), (cast.ben, limit), (cast.cleo, limit + 5)):
        store = cast.south if associate is cast.cleo else cast.north
        actor = factories.make_actor(associate, store)
        for number in range(opened):
            entry = note(session, actor, AccessAction.VIEWED, customer_id=uuid.UUID(int=number + 1))
            entry.at = hour + timedelta(seconds=number)
    session.commit()
    found = re.findall(r"<li><bdi>(.*?)</bdi>: (\d+) profiles", sign_in(cast.mia).get("/logs/access").text)
    assert found == [("Ada Cast", str(limit + 1))]
    everywhere = re.findall(r"<li><bdi>(.*?)</bdi>", sign_in(cast.otto).get("/logs/access").text)
    assert sorted(everywhere) == ["Ada Cast", "Cleo Cast"]


def test_an_auditor_and_an_administrator_without_a_store_read_the_logs(cast, sign_in, session):
    lone = factories.make_associate(
        session, role="auditor", email="lone@shop.example", password_hash=cast.otto.password_hash
    )
    assert sign_in(lone).get("/logs/audit").status_code == 200
    assert session.scalars(select(AccessEntry)).all() == []
