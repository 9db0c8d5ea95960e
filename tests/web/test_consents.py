import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.data_requests import Kind, RequestInput
from app.domain.erasures import LedgerKey
from app.models import (
    AuditEntry,
    Consent,
    ConsentAsk,
    ConsentEvent,
    ConsentEvidence,
    Customer,
    CustomerStore,
    Job,
    Mail,
    SignInSession,
)
from app.services import consent_expiry, data_requests, erasures, mails
from app.web import consents as consents_pages
from tests import factories
from tests.cast import PASSWORD

SIGNATURE = "M10 10" + "".join(f"L{10 + step * 9} {20 + step * 3}" for step in range(12))


@pytest.fixture
def wording(session, cast):
    factories.make_wording(session, purpose="marketing", title="Nouveautés", text="Texte des nouveautés.")
    return factories.make_wording(session)


@pytest.fixture
def ada(cast, sign_in, wording):
    return sign_in(cast.ada)


def base(cast):
    return f"/customers/{cast.marie.id}/consents"


def ask(browser, cast, way, *choices, **over):
    values = {"language": "fr", "choices": list(choices) or ["clienteling.sms"], "way": way}
    return browser.post(f"{base(cast)}/new", data=values | over)


def states(session):
    session.rollback()
    return {f"{row.purpose}.{row.channel}": row.state for row in session.scalars(select(Consent))}


def link_of(response):
    return re.search(r"/c/[\w-]+", response.text)[0]


def test_the_page_shows_the_exact_words_and_ticks_nothing(ada, cast):
    page = ada.get(f"{base(cast)}/new").text
    assert "J&#39;accepte d&#39;être contacté." in page
    assert "checked" not in page
    # Marie has no address, so post cannot be asked for.
    post = re.search(r'<input[^>]*value="clienteling.post"[^>]*>', page)[0]
    assert "disabled" in post


def test_the_tablet_is_locked_to_the_question_until_the_password(ada, cast, session):
    assert ask(ada, cast, "tablet").headers["Location"] == "/hand-over"
    pages = ("/customers", f"/customers/{cast.marie.id}", "/", "/password", "/admin/stores")
    for path in (*pages, "/nowhere", "/sign-out", "/customers/1"):
        response = ada.get(path)
        assert (response.status_code, response.headers["Location"]) == (303, "/hand-over")
    assert ada.post("/sign-out").headers["Location"] == "/hand-over"
    assert ada.get("/customers", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/hand-over"
    page = ada.get("/hand-over").text
    assert "Pouvons-nous rester en contact" in page
    for secret in ("Lefèvre", "marie@", "12 34", "rail-nav", "checked"):
        assert secret not in page
    answered = ada.post(
        "/hand-over", data={"choices": "clienteling.sms", "signature": SIGNATURE, "answer": "yes"}
    )
    assert answered.status_code == 303
    assert "Merci" in ada.get("/hand-over").text
    assert ada.get("/customers").headers["Location"] == "/hand-over"
    assert ada.post("/hand-over/back", data={"password": "wrong"}).status_code == 422
    assert ada.get("/customers").headers["Location"] == "/hand-over"
    back = ada.post("/hand-over/back", data={"password": PASSWORD})
    assert back.headers["Location"] == f"/customers/{cast.marie.id}"
    assert ada.get("/customers").status_code == 200
    assert states(session) == {"clienteling.sms": "accepted"}
    evidence = session.scalars(select(ConsentEvidence)).one()
    event = session.scalars(select(ConsentEvent)).one()
    assert (evidence.kind, evidence.content, event.evidence_id) == ("signature", SIGNATURE, evidence.id)
    assert (event.wording, event.language, event.associate_id) == ("clienteling-1", "fr", cast.ada.id)
    assert (event.declared_by, event.time_zone) == ("customer", "Europe/Paris")


def test_a_form_of_another_store_is_asked_about_before_it_counts(cast, session, sign_in, wording):
    root = sign_in(cast.root)

    def stand(store):
        return root.post("/preferences/store", data={"store_id": str(store.id)})

    stand(cast.north)
    pages = {name: root.get(name).text for name in (f"{base(cast)}/new", "/customers/new")}
    seen = {name: re.search(r'name="standing_in" value="([^"]+)"', page)[1] for name, page in pages.items()}
    assert set(seen.values()) == {str(cast.north.id)}
    stand(cast.south)
    spoken = {"standing_in": str(cast.north.id), "was_read_aloud": "yes"}
    refused = ask(root, cast, "spoken", "clienteling.sms", **spoken)
    assert (refused.status_code, "You stand in Store South by now" in refused.text) == (422, True)
    made = {"email": "zoe@mail.example", "standing_in": str(cast.north.id)}
    assert root.post("/customers/new", data=made).status_code == 422
    assert (states(session), session.scalar(select(func.count()).select_from(Customer))) == ({}, 2)
    now = re.search(r'name="standing_in" value="([^"]+)"', refused.text)[1]
    assert now == str(cast.south.id)
    assert ask(root, cast, "spoken", "clienteling.sms", **spoken | {"standing_in": now}).status_code == 303
    session.rollback()
    assert session.scalars(select(Consent.store_id)).all() == [cast.south.id]


def test_a_handed_over_tablet_signs_out_after_too_many_wrong_passwords(ada, cast, session):
    ask(ada, cast, "tablet")
    for _ in range(5):
        ada.post("/hand-over/back", data={"password": "wrong"})
    answer = ada.post("/hand-over/back", data={"password": PASSWORD})
    assert answer.headers["Location"] == "/sign-in"
    assert session.scalars(select(ConsentAsk.state)).all() == ["superseded"]
    written = session.scalars(select(AuditEntry.action)).all()
    assert {AuditAction.CONSENT_HAND_OVER_ENDED, AuditAction.SIGNED_OUT} <= set(written)
    # Nobody is stuck: a colleague signs in as on any device.
    page = ada.get("/sign-in")
    assert (page.status_code, "Too many tries" in page.text) == (200, True)
    assert ada.get("/customers").headers["Location"].startswith("/sign-in")


CARD = {"signed_name": "4111 1111 1111 1111"}


def test_a_typed_name_signs_and_a_yes_needs_one(ada, cast, session):
    ask(ada, cast, "tablet")
    for sent in ({}, {"signature": "M1 1L2 2"}, {"signature": "M0 0<script>"}, {"signed_name": "x"}, CARD):
        response = ada.post("/hand-over", data={"choices": "clienteling.sms", "answer": "yes"} | sent)
        assert response.status_code == 422
        told = "numéro de carte bancaire" if sent is CARD else "Signez dans le cadre"
        assert told in response.text
    assert ada.post("/hand-over", data={"answer": "yes"}).status_code == 422
    assert states(session) == {}
    ada.post("/hand-over", data={"choices": "clienteling.sms", "answer": "yes", "signed_name": "Zoë Li"})
    session.rollback()
    assert session.scalars(select(ConsentEvidence.kind)).all() == ["typed_name"]


def test_what_the_customer_leaves_out_is_refused_and_what_was_not_offered_is_not_taken(ada, cast, session):
    ask(ada, cast, "tablet", "clienteling.sms", "marketing.sms")
    sneaky = {"choices": "profiling.sms", "answer": "yes", "signed_name": "Marie"}
    assert ada.post("/hand-over", data=sneaky).status_code == 422
    ada.post("/hand-over", data={"choices": "marketing.sms", "answer": "yes", "signed_name": "Marie"})
    assert states(session) == {"marketing.sms": "accepted", "clienteling.sms": "refused"}


def test_no_thank_you_needs_no_signature(ada, cast, session):
    ask(ada, cast, "tablet")
    ada.post("/hand-over", data={"answer": "no"})
    assert states(session) == {"clienteling.sms": "refused"}


def test_the_own_phone_answers_once(app, ada, cast, session):
    asked = ask(ada, cast, "phone")
    assert asked.status_code == 200
    link, state_url = link_of(asked), re.search(r'hx-get="([^"]+/asks/[^"]+)"', asked.text)[1]
    assert "Waiting" in ada.get(state_url, headers={"HX-Request": "true"}).text
    assert session.scalars(select(ConsentAsk.token_hash)).one() not in asked.text
    phone = app.test_client()
    page = phone.get(link).text
    for secret in ("Lefèvre", "marie@", "12 34"):
        assert secret not in page
    assert states(session) == {}
    done = phone.post(link, data={"choices": "clienteling.sms", "answer": "yes"})
    assert (done.status_code, "Merci" in done.text) == (200, True)
    assert states(session) == {"clienteling.sms": "accepted"}
    assert (phone.get(link).status_code, phone.post(link, data={"answer": "no"}).status_code) == (404, 404)
    assert "has answered" in ada.get(state_url, headers={"HX-Request": "true"}).text
    event = session.scalars(select(ConsentEvent)).one()
    assert (event.method, event.declared_by) == ("own_phone", "customer")


def test_a_link_ends_by_time_and_by_a_newer_one(app, ada, cast, session):
    phone = app.test_client()
    first, second = link_of(ask(ada, cast, "phone")), link_of(ask(ada, cast, "phone"))
    assert (phone.get(first).status_code, phone.get(second).status_code) == (404, 200)
    session.execute(update(ConsentAsk).values(expires_at=clock.utcnow()))
    session.commit()
    assert phone.get(second).status_code == 404
    assert phone.get("/c/%C3%A9").status_code == 404


def test_asking_for_the_answer_does_not_keep_the_session_alive(ada, cast, session):
    state_url = re.search(r'hx-get="([^"]+/asks/[^"]+)"', ask(ada, cast, "phone").text)[1]
    seen = clock.utcnow() - timedelta(minutes=10)
    session.execute(update(SignInSession).values(last_seen_at=seen))
    session.commit()
    ada.get(state_url, headers={"HX-Request": "true"})
    session.rollback()
    assert session.scalars(select(SignInSession.last_seen_at)).all() == [seen]
    ada.get("/customers")
    session.rollback()
    assert session.scalars(select(SignInSession.last_seen_at)).all() != [seen]


def test_a_spoken_yes_needs_the_reading_and_is_weak(ada, cast, session):
    assert ask(ada, cast, "spoken").status_code == 422
    assert states(session) == {}
    assert ask(ada, cast, "spoken", was_read_aloud="yes").status_code == 303
    assert states(session) == {"clienteling.sms": "accepted"}
    assert "Spoken" not in ada.get(base(cast)).text
    assert "Spoken" in ada.get(f"{base(cast)}/history").text
    event = session.scalars(select(ConsentEvent)).one()
    assert (event.method, event.declared_by) == ("spoken", "staff")


@pytest.mark.parametrize(
    "over",
    [
        {"way": "pigeon"},
        {"language": "xx"},
        {"language": "\u202e"},
        {"choices": "clienteling.fax"},
        {"choices": "clienteling.post"},
        {"choices": "profiling.sms"},
        {"choices": ""},
    ],
)
def test_bad_input_is_told(ada, cast, session, over):
    response = ask(ada, cast, **{"way": "phone"} | over)
    assert (response.status_code, "There is a problem" in response.text) == (422, True)
    assert session.scalars(select(ConsentAsk)).all() == []


def email_yes(ada, cast):
    ask(ada, cast, "tablet", "clienteling.email", "clienteling.sms")
    ada.post(
        "/hand-over",
        data={"choices": ["clienteling.email", "clienteling.sms"], "answer": "yes", "signed_name": "Marie"},
    )
    ada.post("/hand-over/back", data={"password": PASSWORD})


def confirmation(session):
    session.rollback()
    mail = session.scalars(
        select(Mail).where(Mail.kind == "confirm_consent").order_by(Mail.created_at.desc())
    ).first()
    return f"/confirm/{mail.payload['token']}"


def test_email_waits_for_the_link_in_the_mail(app, ada, cast, session):
    email_yes(ada, cast)
    assert states(session) == {"clienteling.email": "pending", "clienteling.sms": "accepted"}
    assert session.scalars(select(Mail.to_address).order_by(Mail.kind)).all() == ["marie@mail.example"] * 2
    assert session.scalars(select(Job.kind)).all() == ["mail.send"] * 2
    phone, link = app.test_client(), confirmation(session)
    # A scanner that follows the link confirms nothing.
    assert phone.get(link).status_code == 200
    assert phone.head(link).status_code == 200
    assert states(session)["clienteling.email"] == "pending"
    assert phone.post(link).status_code == 200
    assert states(session)["clienteling.email"] == "accepted"
    assert phone.post(link).status_code == 404
    event = session.scalars(select(ConsentEvent).where(ConsentEvent.action == "confirmed")).one()
    assert (event.method, event.declared_by, event.wording) == ("mail_link", "customer", "clienteling-1")


def test_a_newer_mail_and_a_changed_address_end_the_link(app, ada, cast, session):
    email_yes(ada, cast)
    phone, first = app.test_client(), confirmation(session)
    assert ada.post(f"{base(cast)}/resend").status_code == 303
    second = confirmation(session)
    assert (phone.get(first).status_code, phone.get(second).status_code) == (404, 200)
    page = ada.get(f"/customers/{cast.marie.id}/edit").text
    revision = re.search(r'name="revision"[^>]*value="(\d+)"', page)[1]
    ada.post(
        f"/customers/{cast.marie.id}/edit",
        data={"email": "new@mail.example", "phone_number": "06 12 34 56 78", "country_code": "FR",
              "first_name": "Marie", "last_name": "Lefèvre", "revision": revision},
    )  # fmt: skip
    assert states(session) == {"clienteling.email": "not_asked", "clienteling.sms": "accepted"}
    assert phone.post(second).status_code == 404
    assert states(session)["clienteling.email"] == "not_asked"


def test_withdrawing_is_one_tap_and_effective_at_once(ada, cast, session):
    ask(ada, cast, "spoken", was_read_aloud="yes")
    assert ">Marie" in ada.get("/customers?list=opted_in").text
    sent = {"channel": "sms", "purpose": "clienteling", "store_id": cast.north.id}
    answer = ada.post(f"{base(cast)}/withdraw", data=sent, headers={"HX-Request": "true"})
    assert (answer.status_code, "Withdrawn" in answer.text) == (200, True)
    assert states(session) == {"clienteling.sms": "withdrawn"}
    assert ">Marie" not in ada.get("/customers?list=opted_in").text
    assert session.get(CustomerStore, (cast.north.id, cast.marie.id)).opt_in_state == "withdrawn"
    assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(1)).one() == (
        "consent.recorded"
    )
    for bad in ({}, sent | {"channel": "fax"}, sent | {"store_id": cast.south.id}, sent | {"store_id": "x"}):
        assert ada.post(f"{base(cast)}/withdraw", data=bad).status_code == 404


def test_stop_everything_reaches_every_store_and_every_open_question(app, ada, cast, session):
    email_yes(ada, cast)
    session.add(
        Consent(
            customer_id=cast.marie.id, store_id=cast.south.id, purpose="marketing", channel="sms",
            state="accepted", since=factories.NOON,
        )
    )  # fmt: skip
    session.commit()
    link = confirmation(session)
    assert ada.post(f"{base(cast)}/stop").status_code == 303
    assert set(states(session).values()) == {"withdrawn"}
    assert app.test_client().post(link).status_code == 404
    assert set(states(session).values()) == {"withdrawn"}


def test_the_link_in_a_mail_withdraws_without_signing_in(app, settings, ada, cast, session):
    ask(ada, cast, "spoken", "clienteling.sms", "clienteling.phone", was_read_aloud="yes")
    token = mails.withdrawal_token(settings.secret_key, cast.marie.id, cast.north.id)
    phone = app.test_client()
    page = phone.get(f"/w/{token}").text
    assert "Arrêter" in page
    for secret in ("Lefèvre", "marie@", "12 34"):
        assert secret not in page
    assert states(session) == {"clienteling.sms": "accepted", "clienteling.phone": "accepted"}
    assert phone.post(f"/w/{token}", data={"channel": "sms"}).status_code == 303
    assert states(session) == {"clienteling.sms": "withdrawn", "clienteling.phone": "accepted"}
    phone.post(f"/w/{token}")
    assert states(session)["clienteling.phone"] == "withdrawn"
    for bad in (token[:-2] + "AA", "x", "é", "A" * 64):
        assert phone.get(f"/w/{bad}").status_code == 404


def test_the_readers_own_button_withdraws_mail_only(app, settings, ada, cast, session):
    ask(ada, cast, "spoken", was_read_aloud="yes")
    email_yes(ada, cast)
    assert app.test_client().post(confirmation(session)).status_code == 200
    assert states(session) == {"clienteling.sms": "accepted", "clienteling.email": "accepted"}
    token = mails.withdrawal_token(settings.secret_key, cast.marie.id, cast.north.id)
    # No cookie and no form token, as a mail provider sends it.
    sent = app.test_client().post(f"/w/{token}/one-click", data={"List-Unsubscribe": "One-Click"})
    assert sent.status_code == 200
    assert states(session) == {"clienteling.sms": "accepted", "clienteling.email": "withdrawn"}


def test_a_receipt_says_what_was_agreed_and_how_to_withdraw(ada, cast):
    assert "no receipt" in ada.get(f"{base(cast)}/receipt").text
    ask(ada, cast, "spoken", was_read_aloud="yes")
    page = ada.get(f"{base(cast)}/receipt").text
    assert "J&#39;accepte d&#39;être contacté." in page
    assert re.search(r"http://localhost/w/[\w-]{64}", page)


def test_a_receipt_is_in_the_language_of_the_newest_answer(ada, cast, session):
    factories.make_wording(session, language="en", title="Personal advice", text="I agree.")
    session.commit()
    ask(ada, cast, "spoken", "clienteling.phone", was_read_aloud="yes")
    assert "Votre accord" in ada.get(f"{base(cast)}/receipt").text
    ask(ada, cast, "spoken", "clienteling.sms", was_read_aloud="yes", language="en")
    assert "Your consent to" in ada.get(f"{base(cast)}/receipt").text


@pytest.mark.parametrize("kind", [Kind.DELETION, Kind.RESTRICTION])
def test_a_hold_ends_what_is_asked_and_withdrawing_goes_on(app, settings, ada, cast, session, kind):
    email_yes(ada, cast)
    confirm, link = confirmation(session), link_of(ask(ada, cast, "phone", "marketing.sms"))
    ask(ada, cast, "tablet", "marketing.sms")
    with transaction(session):
        given = RequestInput(customer_id=cast.marie.id, kind=kind.value)
        data_requests.record(session, Actor.system("test"), given)
    phone, yes = app.test_client(), {"choices": "marketing.sms", "answer": "yes", "signed_name": "Marie"}
    for path in (link, confirm):
        gone = phone.post(path, data=yes)
        assert (gone.status_code, "not work any more" in gone.text) == (404, True)
    assert ada.post("/hand-over", data=yes).status_code == 303
    page = ada.get("/hand-over").text
    assert ("Cette question n&#39;est plus ouverte" in page, "Merci" in page) == (True, False)
    assert states(session) == {"clienteling.email": "pending", "clienteling.sms": "accepted"}
    assert set(session.scalars(select(Mail.state).where(Mail.kind == "confirm_consent"))) == {"cancelled"}
    token = mails.withdrawal_token(settings.secret_key, cast.marie.id, cast.north.id)
    assert phone.post(f"/w/{token}", data={"channel": "sms"}).status_code == 303
    assert states(session)["clienteling.sms"] == "withdrawn"
    # What waited for the mail is taken back with the question.
    with transaction(session):
        consent_expiry.end_asks(session, Actor.system("test"), limit=10)
    assert states(session)["clienteling.email"] == "not_asked"


def test_no_question_that_is_still_open_is_answered_on_hold(app, ada, cast, session):
    email_yes(ada, cast)
    confirm, link = confirmation(session), link_of(ask(ada, cast, "phone", "marketing.sms"))
    session.rollback()
    factories.make_data_request(session, cast.marie, cast.north, kind="restriction", state="restricted")
    phone = app.test_client()
    for path in (link, confirm):
        assert phone.post(path, data={"choices": "marketing.sms", "answer": "yes"}).status_code == 404
    assert states(session) == {"clienteling.email": "pending", "clienteling.sms": "accepted"}


@pytest.mark.parametrize("way", ["phone", "spoken"])
def test_a_question_that_is_sent_twice_is_asked_once(ada, cast, session, way):
    def send(*choices, key="k"):
        return ask(ada, cast, way, *choices, was_read_aloud="yes", idempotency_key=key)

    def counts():
        session.rollback()
        return [len(session.scalars(select(kind)).all()) for kind in (ConsentAsk, ConsentEvent, Mail)]

    first = send("clienteling.email")
    once = counts()
    again = send("clienteling.email")
    assert (again.status_code, counts()) == (first.status_code, once)
    if way == "phone":
        # The one link is shown twice, and opens.
        assert link_of(again) == link_of(first)
        assert ada.get(link_of(again)).status_code == 200
        assert link_of(send("clienteling.email", key="other")) != link_of(first)
    # Whoever goes back and asks for something else means it.
    send("clienteling.sms")
    assert counts() != once


@pytest.mark.parametrize(
    ("way", "moment", "status"),
    [("phone", "before", 404), ("spoken", "before", 404), ("phone", "after", 404), ("spoken", "after", 303)],
)
def test_who_is_erased_while_the_question_is_sent_is_no_fault(
    ada, cast, session, monkeypatch, way, moment, status
):
    def erase():
        with transaction(session):
            row = erasures.request_again(session, Actor.system("test"), cast.marie.id)
            row.state = "erasing"
            session.flush()
            erasures.run_step(session, row.id, erasures.CUSTOMER, LedgerKey("k" * 40))

    @contextmanager
    def meanwhile(of_request):
        if moment == "before":
            of_request.rollback()
            erase()
        with transaction(of_request):
            yield
        if moment == "after":
            erase()

    monkeypatch.setattr(consents_pages, "transaction", meanwhile)
    assert ask(ada, cast, way, was_read_aloud="yes").status_code == status
