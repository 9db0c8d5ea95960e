"""Over every line of the access table: one entry for each act, bad input refused, reading changes nothing.

A new route is in these tests as soon as it has its line in access_table.py.
"""

import re
from urllib.parse import quote

import pytest
from sqlalchemy import func, select, text

from app.models import AuditEntry, Base
from tests.rules.access_table import AUDIT_ENTRIES, TABLE
from tests.rules.conftest import cast, things, world
from tests.rules.things import send

__all__ = ["cast", "things", "world"]

# The API has tests of its own for its bodies: tests/api.
POSTS = sorted(name for name in TABLE if name.startswith("POST") and " /v0/" not in name)
GETS = sorted(name for name in TABLE if name.startswith("GET") and "static" not in name)

# What reading writes, as docs/privacy.md says: who looked, when a session was last used.
SEEN = frozenset({"access_entry", "sign_in_session"})
# What a refused form may leave behind: that somebody tried.
TRIED = SEEN | {"sign_in_failure"}

LONG = "x" * 20_000
REFUSED = {
    "NUL": quote("a\x00b"),
    "half a character": "%ED%A0%80",
    "a broken byte": "%FF",
    "an escape": quote("\x1b[2J"),
    "a direction override": quote("\u202emarie"),
    "too long": LONG,
}
ODD = {
    "a huge number": "99999999999999999999",
    "a negative number": "-1",
    "other digits": quote("٣"),
    "a list": "%5B%5D",
    "nothing": "",
    "a formula, wildcards and markup": quote('=1+1%_\\"><b hx-get=/x>{{7*7}}'),
}
# Fields that the table sends for another line, and this line's form does not have.
PASSED_OVER = {
    ("POST /admin/associates/new", "password"),
    ("POST /admin/associates/<uuid:associate_id>/edit", "password"),
    # A tick: whatever is sent with it means yes.
    ("POST /admin/api-clients/new", "every_store"),
    ("POST /admin/api-clients/<uuid:api_client_id>/edit", "every_store"),
    ("POST /customers/<uuid:customer_id>/consents/new", "was_read_aloud"),
}
# What these hand out is noted as an act.
DOWNLOADS = (".csv", "/export", "/export.json")
_WORDS = re.compile(r"[A-Za-z]{3,}[^<]*[.?]")


def who_may(line_name, cast):
    """The person for whom the table says that it works, and whether there is one."""
    people = {
        "own": cast.ada,
        "manager": cast.mia,
        "admin": cast.root,
        "auditor": cast.otto,
        "other": cast.cleo,
    }
    line = TABLE[line_name]
    for name, status in line.expected().items():
        if line.acts in {"", name} and status < 400 and name in people:
            return people[name], True
    return cast.ada, False


def snapshot(session, but):
    session.rollback()
    rows = {}
    for table in Base.metadata.sorted_tables:
        if table.name not in but:
            rows[table.name] = sorted(map(repr, session.execute(select(table)).all()))
    for name in ("customer_search", "customer_search_entry", "customer_search_word"):
        rows[name] = sorted(map(repr, session.execute(text(f"SELECT * FROM {name}")).all()))
    return rows


def changed(before, after):
    return [name for name in before if before[name] != after[name]]


def encoded(form):
    pairs = [
        (name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])
    ]
    return [(quote(str(name)), quote(str(value))) for name, value in pairs]


def path_of(line_name, things):
    rule = line_name.split(" ", 1)[1]
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things.argument(found[1])), rule)


def post(browser, path, pairs):
    body = "&".join(f"{name}={value}" for name, value in pairs)
    return browser.post(path, data=body, content_type="application/x-www-form-urlencoded")


def helps(answer):
    """An answer that refuses says in words what is wrong."""
    return answer.mimetype == "text/html" and bool(_WORDS.search(re.sub(r"<[^>]*>", " ", answer.text)))


@pytest.mark.parametrize("line_name", POSTS)
def test_every_act_leaves_exactly_one_audit_entry(line_name, cast, things, session, sign_in):
    person, works = who_may(line_name, cast)
    if not works:
        assert AUDIT_ENTRIES[line_name] == 0
        return
    browser = sign_in(person)
    count = select(func.count()).select_from(AuditEntry)
    before = session.scalar(count)
    answer = send(browser, line_name, things)
    assert answer.status_code < 400
    session.rollback()
    assert session.scalar(count) - before == AUDIT_ENTRIES.get(line_name, 1)


@pytest.mark.once
@pytest.mark.parametrize("line_name", POSTS)
def test_bad_input_is_refused_with_words_and_changes_nothing(line_name, app, cast, things, session, sign_in):
    person, _ = who_may(line_name, cast)
    public = TABLE[line_name].expected()["anonymous"] != 303
    browser = app.test_client() if public else sign_in(person)
    browser.get("/sign-in" if public else "/password")
    path, good = path_of(line_name, things), encoded(TABLE[line_name].form(things))
    names = [name for name, _ in good] or ["text", "field", "username", "password", "next", "first"]
    before = snapshot(session, TRIED)
    # A field that the form does not have, or does not use, is passed over.
    strict = [name for name in names if good and (line_name, name) not in PASSED_OVER]
    for name in strict:
        for what, value in REFUSED.items():
            answer = post(browser, path, [*(pair for pair in good if pair[0] != name), (name, value)])
            assert 400 <= answer.status_code < 500, (name, what)
            assert helps(answer), (name, what)
    # Nothing of all that may have changed anything.
    assert changed(before, snapshot(session, TRIED)) == []
    for name in dict.fromkeys([*names, "idempotency_key"]):
        for what, value in REFUSED.items() if name not in strict else ():
            answer = post(browser, path, [*(pair for pair in good if pair[0] != name), (name, value)])
            assert answer.status_code < 500, (name, what)
            assert answer.status_code < 400 or helps(answer), (name, what)


@pytest.mark.parametrize("line_name", POSTS)
def test_odd_input_is_never_a_fault(line_name, app, cast, things, sign_in):
    person, _ = who_may(line_name, cast)
    public = TABLE[line_name].expected()["anonymous"] != 303
    browser = app.test_client() if public else sign_in(person)
    browser.get("/sign-in" if public else "/password")
    path, good = path_of(line_name, things), encoded(TABLE[line_name].form(things))
    names = [name for name, _ in good] or ["text", "field", "username", "password", "next", "first"]
    for name in names:
        for what, value in ODD.items():
            rest = [pair for pair in good if pair[0] != name]
            answer = post(browser, path, [*rest, (name, value)])
            assert answer.status_code < 500, (name, what)
            assert answer.status_code < 400 or helps(answer), (name, what)
            if answer.status_code == 303 and "sign-in" in answer.location:
                browser = sign_in(person)
    for pairs in ([], [*good, *good], [*good, ("unknown", "1"), ("id", "1"), ("role", "admin")]):
        assert post(browser, path, pairs).status_code < 500


CREATE = [name for name in POSTS if name.endswith("/new")]


@pytest.mark.parametrize("line_name", CREATE)
def test_a_form_that_creates_and_is_sent_twice_creates_once(line_name, cast, things, session, sign_in):
    person, _ = who_may(line_name.replace("POST", "GET"), cast)
    browser = sign_in(person)
    path, form = path_of(line_name, things), TABLE[line_name].form(things)
    key = re.search(r'name="idempotency_key"[^>]*value="(\w+)"', browser.get(path).text)
    assert key, "the form has no key"
    sent = encoded(form | {"idempotency_key": key[1]})
    before = snapshot(session, SEEN)
    if not who_may(line_name, cast)[1]:
        return  # the table's form is refused, so there is nothing to send twice
    assert post(browser, path, sent).status_code < 400
    once = snapshot(session, SEEN)
    assert changed(before, once)
    assert post(browser, path, sent).status_code < 400
    assert changed(once, snapshot(session, SEEN)) == []


@pytest.mark.parametrize("line_name", POSTS)
def test_a_revision_that_is_not_the_newest_or_none_changes_nothing(line_name, cast, things, session, sign_in):
    path, good = path_of(line_name, things), TABLE[line_name].form(things)
    if "revision" not in good or path.endswith("/new"):
        return
    person, _ = who_may(line_name, cast)
    browser = sign_in(person)
    before = snapshot(session, TRIED)
    for revision in ("", "-1", "x", "999999", "99999999999999999999", "1.0", "0x1"):
        answer = post(browser, path, encoded(good | {"revision": revision}))
        assert 400 <= answer.status_code < 500, revision
        assert helps(answer), revision
    assert changed(before, snapshot(session, TRIED)) == []


@pytest.mark.once
@pytest.mark.parametrize("line_name", GETS)
def test_reading_changes_nothing_but_who_looked(line_name, app, cast, things, session, sign_in):
    browsers = [sign_in(person) for person in (cast.ada, cast.mia, cast.root, cast.otto)]
    # A download is noted as an act.
    seen = SEEN | {"audit_entry"} if line_name.endswith(DOWNLOADS) else SEEN
    before = snapshot(session, seen)
    for browser in [app.test_client(), *browsers]:
        send(browser, line_name, things).close()
    app.extensions["list_log"].flush()
    assert changed(before, snapshot(session, seen)) == []
