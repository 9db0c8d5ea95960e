"""The administrator's pages: stores, associates, attribute definitions."""

import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, update

from app.domain import clock
from app.models import Associate, AttributeDefinition, SignInSession, Store
from tests import factories

STORE = {"name": "Store West", "country_code": "GB", "currency": "GBP", "time_zone": "Europe/London"}
PERSON = {"first_name": "Zoë", "last_name": "Li", "email": "zoe@shop.example", "role": "associate"}
DEFINITION = {
    "label": "Shoe size",
    "key": "shoe_size",
    "type": "choice",
    "choices": "40\r\n41\r\n42",
    "group": "Sizes",
    "position": "3",
}


def fields(html):
    return dict(re.findall(r'name="(revision|idempotency_key)"[^>]*value="([^"]+)"', html))


@pytest.fixture
def root(sign_in, cast):
    return sign_in(cast.root)


def test_power_and_logs_are_given_out_only_with_the_password(root, cast, session):
    person = f"/admin/associates/{cast.ada.id}"
    pages = ["/admin/associates/new", *(f"{person}/{act}" for act in ("edit", "password", "reactivate"))]
    assert [root.get(page).status_code for page in pages] == [200] * 4
    session.execute(update(SignInSession).values(created_at=clock.utcnow() - timedelta(minutes=11)))
    session.commit()
    for page in pages:
        for answer in (root.get(page), root.post(page, data=PERSON | {"role": "admin"})):
            assert (answer.status_code, answer.location) == (303, f"/confirm-password?next={page}")
    assert session.scalar(select(func.count()).where(Associate.role == "admin")) == 1
    for log in ("audit", "access", "seen"):
        answer = root.post(f"/logs/{log}/file", data={"first": "2026-05-01", "endpoint": "x"})
        assert (answer.status_code, answer.mimetype) == (303, "text/html")
        shown = root.get(answer.location).text
        assert f'value="/logs/{log}?first=2026-05-01&amp;endpoint=x"' in shown


def test_the_lists_show_names_and_search_without_accents(root, cast):
    assert "Store North" in root.get("/admin/stores").text
    found = root.get("/admin/stores?q=N%C3%B6RTH").text
    assert f"/admin/stores/{cast.north.id}/edit" in found
    assert f"/admin/stores/{cast.south.id}/edit" not in found
    assert "cleo<wbr>@shop.example" in root.get("/admin/associates?q=cleo").text
    assert "Nothing found" in root.get("/admin/attributes").text


@pytest.mark.parametrize("path", ["/admin/stores", "/admin/associates", "/admin/attributes"])
@pytest.mark.parametrize("query", ["offset=-1", "offset=99999999999999999999", "offset=x", "q=" + "x" * 201])
def test_a_bad_search_is_refused_with_words(root, path, query):
    answer = root.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert "<h1" in answer.text


def test_a_broken_address_is_refused_with_a_page(root):
    answer = root.get("/admin/stores?q=%00")
    assert answer.status_code == 400
    assert "<h1" in answer.text


def test_a_store_is_created_once_however_often_its_form_is_sent(root, session):
    data = STORE | fields(root.get("/admin/stores/new").text)
    for _ in range(2):
        answer = root.post("/admin/stores/new", data=data)
        assert (answer.status_code, answer.location) == (303, "/admin/stores")
    count = session.scalar(select(func.count()).select_from(Store).where(Store.name == "Store West"))
    assert count == 1


def test_a_bad_store_keeps_what_was_typed(root):
    key = fields(root.get("/admin/stores/new").text)
    answer = root.post("/admin/stores/new", data=STORE | key | {"currency": "POUND"})
    assert answer.status_code == 422
    assert 'value="POUND"' in answer.text
    assert "three letters" in answer.text
    assert root.post("/admin/stores/new", data=STORE | key | {"name": "store north"}).status_code == 409


def test_a_stale_save_shows_both_and_the_next_keeps_mine(root, cast, session):
    url = f"/admin/stores/{cast.north.id}/edit"
    seen = fields(root.get(url).text)
    root.post(url, data=STORE | seen | {"name": "Theirs"})
    answer = root.post(url, data=STORE | seen | {"name": "Mine"})
    assert answer.status_code == 409
    assert 'value="Mine"' in answer.text
    assert "meanwhile: Theirs" in answer.text
    assert root.post(url, data=STORE | fields(answer.text) | {"name": "Mine"}).status_code == 303
    session.rollback()
    session.expire_all()
    assert session.get(Store, cast.north.id).name == "Mine"


def test_closing_asks_first(root, cast, session):
    url = f"/admin/stores/{cast.north.id}/deactivate"
    page = root.get(url)
    assert "Close this store?" in page.text
    assert root.post(url, data=fields(page.text)).status_code == 303
    session.rollback()
    session.expire_all()
    assert session.get(Store, cast.north.id).is_active is False
    url = f"/admin/stores/{cast.north.id}/reactivate"
    assert root.post(url, data=fields(root.get(url).text)).status_code == 303
    session.rollback()
    session.expire_all()
    assert session.get(Store, cast.north.id).is_active is True


def test_a_new_associate_signs_in_with_the_password_made_for_them(root, app, cast, session):
    key = fields(root.get("/admin/associates/new").text)
    data = PERSON | key | {"store_ids": [str(cast.north.id)]}
    made = root.post("/admin/associates/new", data=data)
    zoe = session.scalars(select(Associate).where(Associate.email == "zoe@shop.example")).one()
    url = f"/admin/associates/{zoe.id}/password"
    assert (made.status_code, made.location) == (303, url)
    answer = root.post(url, data=fields(root.get(url).text))
    assert answer.status_code == 200
    password = re.search(r'id="new-password">([^<]+)<', answer.text)[1]
    browser = app.test_client()
    browser.get("/sign-in")
    entered = browser.post("/sign-in", data={"username": zoe.email, "password": password})
    assert (entered.status_code, entered.location) == (303, "/customers")


def test_a_weak_password_is_refused_and_a_good_one_signs_out(root, sign_in, cast, session):
    sign_in(cast.ada)
    url = f"/admin/associates/{cast.ada.id}/password"
    seen = fields(root.get(url).text)
    refused = root.post(url, data=seen | {"password": "short"})
    assert refused.status_code == 422
    assert "at least 8 characters" in refused.text
    assert root.post(url, data=seen | {"password": "another good phrase"}).status_code == 303
    left = select(func.count()).select_from(SignInSession).where(SignInSession.associate_id == cast.ada.id)
    assert session.scalar(left) == 0


def test_an_unknown_or_broken_store_of_an_associate_is_refused(root):
    key = fields(root.get("/admin/associates/new").text)
    for store_id in (str(uuid.uuid4()), "none"):
        answer = root.post("/admin/associates/new", data=PERSON | key | {"store_ids": [store_id]})
        assert answer.status_code == 422


def test_nobody_demotes_or_deactivates_themselves(root, cast):
    url = f"/admin/associates/{cast.root.id}/edit"
    data = {"first_name": "Root", "last_name": "Cast", "email": "root@shop.example", "role": "associate"}
    seen = fields(root.get(url).text)
    answer = root.post(url, data=data | seen | {"store_ids": [str(cast.north.id)]})
    assert answer.status_code == 403
    url = f"/admin/associates/{cast.root.id}/deactivate"
    assert root.post(url, data=fields(root.get(url).text)).status_code == 403


def test_a_definition_is_created_edited_and_retired(root, session):
    key = fields(root.get("/admin/attributes/new").text)
    assert root.post("/admin/attributes/new", data=DEFINITION | key).status_code == 303
    row = session.scalars(select(AttributeDefinition)).one()
    assert (row.key, row.choices) == ("shoe_size", ["40", "41", "42"])
    url = f"/admin/attributes/{row.id}/edit"
    page = root.get(url)
    assert "40\r\n41\r\n42" in page.text
    assert root.post(url, data=DEFINITION | fields(page.text) | {"label": "Shoes"}).status_code == 303
    url = f"/admin/attributes/{row.id}/deactivate"
    assert root.post(url, data=fields(root.get(url).text)).status_code == 303
    session.rollback()
    session.expire_all()
    row = session.scalars(select(AttributeDefinition)).one()
    assert (row.label, row.is_active, row.revision) == ("Shoes", False, 3)
    assert "Retired" in root.get("/admin/attributes").text


def test_a_bad_definition_says_why(root):
    key = fields(root.get("/admin/attributes/new").text)
    answer = root.post("/admin/attributes/new", data=DEFINITION | key | {"choices": "a,b\r\nc"})
    assert answer.status_code == 422
    assert "cannot hold a comma" in answer.text


def test_the_number_of_statements_does_not_grow_with_the_list(root, app, cast, session):
    counts = []

    def count(*_):
        counts[-1] += 1

    event.listen(app.extensions["engine"], "before_cursor_execute", count)
    for _ in range(2):
        for path in ("/admin/stores", "/admin/associates"):
            counts.append(0)
            assert root.get(path).status_code == 200
        factories.make_associate(session, stores=(cast.north, cast.south))
        factories.make_associate(session, stores=(factories.make_store(session),))
    assert counts[:2] == counts[2:]
