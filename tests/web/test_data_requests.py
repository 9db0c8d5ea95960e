"""Recording a customer's request, its page, the copy, and the password in between."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, select

from app.db import transaction
from app.domain import clock, personal_data
from app.domain.actor import Actor
from app.domain.erasure_words import STAYS
from app.domain.erasures import LedgerKey
from app.models import AccessEntry, AuditEntry, ConsentEvidence, CustomerStore, DataRequest
from app.queries import erasure_preview
from app.services import erasures
from tests import factories, people
from tests.cast import PASSWORD


def only_request(session):
    session.rollback()
    return session.scalars(select(DataRequest).execution_options(populate_existing=True)).one()


def ask(browser, customer, kind="deletion", **over):
    form = {"kind": kind, "identity": "in_person"} | over
    return browser.post(f"/customers/{customer.id}/data-requests/new", data=form)


def test_a_deletion_is_asked_for_on_the_profile_and_called_off(cast, session, sign_in):
    mia = sign_in(cast.mia)
    assert f"/customers/{cast.marie.id}/data-requests/new" in mia.get(f"/customers/{cast.marie.id}").text
    answer = ask(mia, cast.marie)
    row = only_request(session)
    assert (answer.status_code, answer.location) == (303, f"/data-requests/{row.id}")
    assert "Deletion requested" in mia.get(f"/customers/{cast.marie.id}").text
    assert "Marie Lefèvre" in mia.get("/data-requests").text
    url = f"/data-requests/{row.id}/call-off"
    refused = mia.post(url, data={"revision": 1, "reason": ""})
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    assert mia.post(url, data={"revision": 1, "reason": "Stays"}).status_code == 303
    assert only_request(session).state == "called_off"
    assert "Deletion requested" not in mia.get(f"/customers/{cast.marie.id}").text
    assert "Marie Lefèvre" in mia.get("/data-requests?show=closed").text


def test_what_goes_and_what_stays_is_told_before(cast, session, sign_in):
    marie = people.with_everything(session, cast)
    mia = sign_in(cast.mia)
    ask(mia, marie)
    session.rollback()
    row = session.scalars(select(DataRequest).where(DataRequest.kind == "deletion")).one()
    found = erasure_preview.of_request(session, factories.make_actor(cast.mia, cast.north), row.id)
    goes, stays = dict(found.goes), dict(found.stays)
    assert (goes["Addresses"], goes["Name, e-mail address and phone number"]) == (1, 1)
    assert (goes["The person in orders"], stays[STAYS["customer_order"]]) == (1, 1)
    page = mia.get(f"/data-requests/{row.id}").text
    assert [words in page for words in ("What will be erased", *stays)] == [True] * (1 + len(stays))


def test_on_hold_only_the_whole_contact_finds_and_nothing_can_be_used(cast, session, sign_in):
    ada = sign_in(cast.ada)
    ask(sign_in(cast.mia), cast.marie, "restriction")
    for text, is_there in (("marie", False), ("marie@mail.example", True), ("06 12 34 56 78", True)):
        found = ada.post("/customers/search", data={"list": "store", "text": text})
        assert ("On hold" in found.text, "0 customers" in found.text) == (is_there, not is_there)
        assert ("Create “" in found.text) == ("@" not in text)
    page = ada.get(f"/customers/{cast.marie.id}").text
    assert "restricted the use" in page
    assert ("contact-way-open" in page, f"/customers/{cast.marie.id}/consents/new" in page) == (False, False)
    for form in ("edit", "attributes/edit", "addresses/new"):
        path = f"/customers/{cast.marie.id}/{form}"
        refused = ada.get(path)
        assert (path in page, refused.status_code, "nothing of it can be changed" in refused.text) == (
            False, 409, True,
        )  # fmt: skip
    saved = ada.post(f"/customers/{cast.marie.id}/edit", data={"email": "new@mail.example", "revision": 1})
    assert (saved.status_code, "nothing of it can be changed" in saved.text) == (409, True)
    factories.make_wording(session)
    asked = ada.post(
        f"/customers/{cast.marie.id}/consents/new",
        data={"language": "fr", "choices": "clienteling.sms", "way": "phone"},
    )
    assert (asked.status_code, "on hold" in asked.text) == (422, True)
    row = only_request(session)
    answer = sign_in(cast.mia).post(
        f"/data-requests/{row.id}/close", data={"revision": 1, "outcome": "Told", "result": "done"}
    )
    assert (answer.status_code, only_request(session).state) == (303, "done")


def test_the_banner_shows_associates_no_way_to_the_request(cast, session, sign_in):
    ask(sign_in(cast.mia), cast.marie)
    page = sign_in(cast.ada).get(f"/customers/{cast.marie.id}").text
    assert ("Deletion requested" in page, "/data-requests" in page) == (True, False)


def test_sending_the_form_twice_records_once(cast, session, sign_in):
    mia = sign_in(cast.mia)
    first = ask(mia, cast.marie, "export", idempotency_key="k")
    assert ask(mia, cast.marie, "export", idempotency_key="k").location == first.location
    only_request(session)


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "party"},
        {"kind": "export", "identity": "guess"},
        {"kind": "export", "identity": "phone", "note": "x" * 501},
        {"kind": "export", "identity": "phone", "note": "a\0b"},
        {"kind": "export", "identity": "phone", "note": "paid with 4111 1111 1111 1111"},
        {"kind": "export", "identity": "phone", "identity_note": "\u202eabc"},
    ],
)
def test_bad_input_comes_back_with_what_is_wrong(cast, session, sign_in, form):
    answer = sign_in(cast.mia).post(f"/customers/{cast.marie.id}/data-requests/new", data=form)
    assert answer.status_code in {400, 422}
    assert session.scalars(select(DataRequest)).all() == []


@pytest.mark.parametrize("revision", ["", "x", "99999999999999999999", "-1", "0"])
def test_a_bad_or_old_revision_changes_nothing(cast, session, sign_in, revision):
    mia = sign_in(cast.mia)
    ask(mia, cast.marie)
    row = only_request(session)
    answer = mia.post(
        f"/data-requests/{row.id}/call-off",
        data={"revision": revision, "reason": "Stays"},
    )
    assert answer.status_code in {409, 422}
    assert only_request(session).state == "waiting"


def test_an_old_confirmation_asks_for_the_password_first(cast, session, sign_in):
    mia = sign_in(cast.mia)
    url = f"/customers/{cast.marie.id}/data-requests/new"
    with time_machine.travel(clock.utcnow() + timedelta(minutes=11)):
        answer = mia.get(url)
        assert (answer.status_code, answer.location) == (303, f"/confirm-password?next={url}")
        assert ask(mia, cast.marie).status_code == 303
        assert session.scalars(select(DataRequest)).all() == []
        wrong = mia.post("/confirm-password", data={"next": url, "password": "not this one"})
        assert (wrong.status_code, mia.get(url).status_code) == (422, 303)
        right = mia.post("/confirm-password", data={"next": url, "password": PASSWORD})
        assert (right.status_code, right.location) == (303, url)
        assert mia.get(url).status_code == 200


def test_guessing_the_password_is_stopped(cast, session, sign_in):
    mia = sign_in(cast.mia)
    found = [mia.post("/confirm-password", data={"password": f"guess {n}"}).status_code for n in range(6)]
    assert found == [422] * 5 + [429]
    mia.post("/preferences/language", data={"locale": "de"})
    refused = mia.post("/confirm-password", data={"password": PASSWORD})
    assert refused.status_code == 429
    assert "Zu viele Anmeldeversuche." in refused.text


def test_confirming_leads_to_no_other_site(cast, sign_in):
    mia = sign_in(cast.mia)
    for target in ("//evil.example", "https://evil.example", "/\\evil.example"):
        answer = mia.post("/confirm-password", data={"next": target, "password": PASSWORD})
        assert answer.location == "/customers"


def test_the_copy_holds_every_part_of_the_registry(cast, session, sign_in):
    customer = people.with_everything(session, cast)
    session.query(DataRequest).delete()
    session.commit()
    mia = sign_in(cast.mia)
    ask(mia, customer, "export")
    row = only_request(session)
    session.rollback()
    file, page = f"/data-requests/{row.id}/export.json", f"/data-requests/{row.id}/export"
    assert (mia.get(file).status_code, mia.get(page).status_code) == (404, 404)
    assert mia.post(f"/data-requests/{row.id}/prepare").status_code == 303
    answer = mia.get(file)
    found = json.loads(answer.data)
    parts = {table.export for table in personal_data.TABLES if table.export}
    assert set(found) == parts | {"format", "version", "made_at", "made_by", "wordings"}
    assert (found["made_by"], found["customer"]["email"]) == ("Mia Cast", people.WORDS[2])
    assert found["addresses"][0]["address_1"] == people.WORDS[3]
    assert found["orders"][0]["document"]["billing_address"]["last_name"] == people.WORDS[1]
    assert found["changes"][1]["changes"] == {"first_name": ["Wyxette", people.WORDS[0]]}
    assert [entry["action"] for entry in found["accesses"]] == ["revealed", "exported"]
    # Nobody of the staff by more than the name, and no key or hash but what proves the evidence.
    assert str(cast.mia.id) not in answer.text
    proofs = set(session.scalars(select(ConsentEvidence.sha256)))
    assert set(re.findall(r"[0-9a-f]{64}", answer.text)) == proofs
    printed = mia.get(page).text
    assert all(word in printed for word in people.WORDS if word not in {"33612987654", "0612987654"})
    assert printed.count("Made by Mia Cast on") == 2
    assert "cust" in answer.headers["Content-Disposition"]
    session.rollback()
    logged = session.scalars(select(AccessEntry.action).where(AccessEntry.action == "exported")).all()
    audited = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("%exported"))).all()
    assert (len(logged), len(audited)) == (2, 2)


def test_the_copy_ends_after_a_day(cast, session, sign_in):
    mia = sign_in(cast.mia)
    ask(mia, cast.marie, "export")
    row = only_request(session)
    mia.post(f"/data-requests/{row.id}/prepare")
    assert mia.get(f"/data-requests/{row.id}/export.json").status_code == 200
    row = only_request(session)
    row.export_until = clock.utcnow() - timedelta(seconds=1)
    session.commit()
    assert mia.get(f"/data-requests/{row.id}/export.json").status_code == 404


def test_of_who_was_erased_meanwhile_no_copy_is_offered(cast, session, sign_in):
    mia = sign_in(cast.mia)
    ask(mia, cast.marie, "export", identity="in_person")
    url = f"/data-requests/{only_request(session).id}"
    assert f"{url}/prepare" in mia.get(url).text
    with transaction(session):
        row = erasures.request_again(session, Actor.system("test"), cast.marie.id)
        row.state = "erasing"
        session.flush()
        erasures.run_step(session, row.id, erasures.CUSTOMER, LedgerKey("k" * 40))
    assert f"{url}/prepare" not in mia.get(url).text
    assert mia.post(f"{url}/prepare").status_code == 404
    closed = {"revision": "1", "result": "refused", "outcome": "Erased as asked"}
    assert mia.post(f"{url}/close", data=closed).status_code == 303


def test_a_customer_who_is_only_elsewhere_is_not_called_erased(cast, session, sign_in):
    mia = sign_in(cast.mia)
    ask(mia, cast.marie, "export", identity="in_person")
    url = f"/data-requests/{only_request(session).id}"
    assert cast.marie.display_id in mia.get(url).text
    session.execute(delete(CustomerStore).where(CustomerStore.customer_id == cast.marie.id))
    session.commit()
    page = mia.get(url).text
    assert "whom your stores do not know" in page
    assert "Erased customer" not in page


def test_there_is_no_copy_before_somebody_knows_who_asks(cast, session, sign_in):
    mia = sign_in(cast.mia)
    ask(mia, cast.marie, "export", identity="unchecked")
    row = only_request(session)
    assert mia.post(f"/data-requests/{row.id}/prepare").status_code == 409
    # What nobody chose is not noted.
    page = mia.get(f"/data-requests/{row.id}").text
    assert '<option selected value="unchecked">' in page
    slip = mia.post(f"/data-requests/{row.id}/identity", data={"revision": 1, "identity": "unchecked"})
    assert (slip.status_code, "how you made sure" in slip.text) == (422, True)
    mia.post(f"/data-requests/{row.id}/identity", data={"revision": 1, "identity": "email"})
    assert mia.post(f"/data-requests/{row.id}/prepare").status_code == 303


def test_another_stores_request_is_not_there(cast, session, sign_in):
    root = sign_in(cast.root)
    ask(root, cast.stranger, "export")
    row = only_request(session)
    assert row.store_id is not None
    if row.store_id != cast.north.id:
        assert sign_in(cast.mia).get(f"/data-requests/{row.id}").status_code == 404
