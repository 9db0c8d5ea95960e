"""Mails leave by what MAIL_URL names, hold what they promise, and forget what they were made of."""

import email
import email.policy
import re
import socketserver
import threading
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from sqlalchemy import select, update

from app import db
from app.config import BadSetting, Settings, load
from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose
from app.jobs import mails as job
from app.jobs.registry import Work
from app.models import Mail
from app.services import consent_capture, consents, data_requests, jobs, mails
from app.services.mails import MailKind
from tests import factories

SYSTEM = Actor.system("test")


@pytest.fixture
def settings(tmp_path, database_url):
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        secret_key="s" * 40,
        erasure_key="e" * 40,
        public_url="https://shop.example",
        mail_from="Shop <shop@shop.example>",
    )


@pytest.fixture
def shop(session):
    return factories.make_store(session, name="Store North")


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(session, stores=(shop,), phone_number="0612345678")


@pytest.fixture
def mail(session, shop, marie):
    wording = factories.make_wording(session)
    with transaction(session):
        return mails.add(
            session, SYSTEM, MailKind.CONFIRM_CONSENT, customer=marie, store_id=shop.id, language="fr",
            payload={"token": "TOKEN", "wordings": [str(wording.id)]},
        )  # fmt: skip


def run(engine, session, settings, mail):
    """Run the job as a worker does that claimed it."""
    with transaction(session):
        claimed = jobs.claim(session, lease=timedelta(seconds=60))
    work = Work(
        id=claimed.id, kind=claimed.kind, token=claimed.lease_token, subject_id=claimed.subject_id,
        payload=claimed.payload, requested_by_id=None, store_id=None, done=0, total=0, engine=engine,
        settings=settings, actor=SYSTEM, lease=timedelta(seconds=60),
    )  # fmt: skip
    assert work.subject_uuid == mail.id
    try:
        job.run(work)
    finally:
        session.rollback()


def fresh(session, mail):
    return session.get_one(Mail, mail.id, populate_existing=True)


def read(settings):
    (path,) = (settings.data_dir / "mails").rglob("*.eml")
    assert path.stat().st_mode & 0o777 == 0o600
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def test_others_can_write_between_the_steps_of_a_job(
    engine, session, settings, mail, monkeypatch, database_kind
):
    paused = []

    def others_write(_seconds):
        with engine.connect().execution_options(writes=True, patience_ms=1) as other:
            paused.append(other.execute(update(Mail).values(kind=Mail.kind)).rowcount)

    monkeypatch.setattr(db, "TURN", 0)
    monkeypatch.setattr(db.time, "sleep", others_write)
    run(engine, session, settings, mail)
    assert set(paused) == ({1} if database_kind == "sqlite" else set())


def test_a_mail_into_a_file_has_its_links_and_headers(engine, session, settings, mail, marie, shop):
    run(engine, session, settings, mail)
    sent = read(settings)
    token = mails.withdrawal_token(settings.secret_key, marie.id, shop.id)
    assert sent["To"] == marie.email
    assert sent["From"] == "Shop <shop@shop.example>"
    assert sent["Subject"] == "À confirmer : messages de Store North"
    assert sent["List-Unsubscribe"] == f"<https://shop.example/w/{token}/one-click>"
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for part in ("plain", "html"):
        text = sent.get_body((part,)).get_content()
        assert "https://shop.example/confirm/TOKEN" in text
        assert f"https://shop.example/w/{token}" in text
        assert "accepte d" in text
    row = fresh(session, mail)
    assert (row.state, row.to_address, row.payload) == ("sent", "", {})
    assert mails.read_withdrawal_token((settings.secret_key,), token) == (marie.id, shop.id)
    assert mails.read_withdrawal_token(("t" * 40, settings.secret_key), token) == (marie.id, shop.id)
    assert mails.read_withdrawal_token(("t" * 40,), token) is None


def test_a_mail_is_not_sent_twice_nor_when_it_was_cancelled(engine, session, settings, mail, marie):
    with transaction(session):
        mails.cancel(session, marie.id)
    run(engine, session, settings, mail)
    assert not (settings.data_dir / "mails").exists()
    assert fresh(session, mail).state == "cancelled"


def test_off_sends_nothing(engine, session, settings, mail):
    run(engine, session, replace(settings, mail_url="off"), mail)
    assert fresh(session, mail).state == "cancelled"


def test_the_log_sender_logs_no_personal_data(engine, session, settings, mail, marie, capsys):
    run(engine, session, replace(settings, mail_url="log"), mail)
    said = capsys.readouterr()
    assert marie.email not in said.out + said.err
    assert "Lefèvre" not in said.out + said.err
    assert fresh(session, mail).state == "sent"


class Server(socketserver.StreamRequestHandler):
    """Just enough of SMTP to be handed a mail."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text)
                self.server.mails.append(b"".join(lines))
            if word == b"RCPT":
                self.server.to.append(line.strip())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 yes\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def smtp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        server.mails, server.to = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_smtp_is_handed_the_mail(engine, session, settings, mail, marie, shop, smtp):
    url = f"smtp://127.0.0.1:{smtp.server_address[1]}"
    run(engine, session, replace(settings, mail_url=url), mail)
    # Pythons write the command in different cases.
    assert [line.lower() for line in smtp.to] == [f"rcpt to:<{marie.email}>".encode()]
    (sent,) = smtp.mails
    assert email.message_from_bytes(sent)["To"] == marie.email
    # Byte for byte: who reads it looks for the address, and decodes nothing.
    token = mails.withdrawal_token(settings.secret_key, marie.id, shop.id)
    assert f"\r\nList-Unsubscribe: <https://shop.example/w/{token}/one-click>\r\n".encode() in sent
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in sent
    assert sent.startswith(b"Subject: =?utf-8?")
    assert max(map(len, sent.splitlines())) < 200
    assert fresh(session, mail).state == "sent"


def test_a_server_that_is_away_is_tried_again_and_given_up(engine, session, settings, mail):
    away = replace(settings, mail_url="smtp://127.0.0.1:9")
    with pytest.raises(job.MailNotTaken):
        run(engine, session, away, mail)
    row = fresh(session, mail)
    assert (row.state, row.attempts, row.last_error) == ("queued", 1, "ConnectionRefusedError")
    with transaction(session):
        for _ in range(mails.MAX_ATTEMPTS - 2):
            assert not mails.note_failed(fresh(session, mail), "OSError")
        assert mails.note_failed(fresh(session, mail), "OSError")
    row = fresh(session, mail)
    assert (row.state, row.to_address, row.payload) == ("failed", "", {})


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "nobody"])
def test_an_address_cannot_add_headers_or_people(settings, address):
    text = job.Text(subject="Hello", plain="x", html="x", withdraw_url="https://shop.example/w/x")
    with pytest.raises(ValueError, match=r"."):
        job.message(settings, address, text)
    with pytest.raises(ValueError, match=r"."):
        job.message(settings, "a@b.example", replace(text, subject="Hello\r\nBcc: c@d.example"))


def test_a_receipt_names_what_still_stands(engine, session, settings, shop, marie):
    wording = factories.make_wording(session)
    ada = factories.make_actor(factories.make_associate(session, stores=(shop,)), shop)
    with transaction(session):
        for channel in (Channel.SMS, Channel.PHONE):
            consents.record(
                session, ada, marie.id, store_id=shop.id, channel=channel, purpose=Purpose.CLIENTELING,
                action=Action.GIVEN, method=Method.SIGNATURE, wording_id=wording.id,
            )  # fmt: skip
        mail = mails.add(
            session, ada, MailKind.CONSENT_RECEIPT, customer=marie, store_id=shop.id, language="fr",
            payload={"choices": [["sms", "clienteling"], ["phone", "clienteling"]]},
        )  # fmt: skip
        consents.withdraw(
            session, ada, marie.id, store_id=shop.id, channel=Channel.PHONE, purpose=Purpose.CLIENTELING
        )
    # What is asked from now on is nothing that she agreed to.
    factories.make_wording(session, version=2, title="Autre chose", text="Tout autre chose.")
    run(engine, session, settings, mail)
    text = read(settings).get_body(("plain",)).get_content()
    assert ("J'accepte d'être contacté." in text, "Tout autre chose." in text) == (True, False)
    assert re.findall(r"^(.*) · Conseil personnel\r?$", text, re.MULTILINE) == ["SMS"]


def test_a_receipt_shows_the_words_the_customer_saw_whatever_came_after(
    engine, session, settings, shop, marie
):
    old = factories.make_wording(session, text="Comme je l'ai lu.")
    ada = factories.make_actor(factories.make_associate(session, stores=(shop,)), shop)
    choice = [(Channel.SMS, Purpose.CLIENTELING)]
    with transaction(session):
        asked, _token = consent_capture.send_link(session, ada, marie.id, language="fr", choices=choice)
        consent_capture.answer(session, asked, choice, double_opt_in=True)
    factories.make_wording(session, version=2, text="Ce qui vaut depuis.")
    old.retired_at = factories.NOON
    session.commit()
    run(engine, session, settings, session.scalars(select(Mail)).one())
    sent = read(settings)
    for part in ("plain", "html"):
        text = unescape(sent.get_body((part,)).get_content())
        assert ("Comme je l'ai lu." in text, "Ce qui vaut" in text) == (True, False)


@pytest.mark.parametrize(
    ("language", "subject"), [("en", "A data request is due on"), ("de", "Eine Datenanfrage ist am")]
)
def test_a_reminder_names_no_customer(engine, session, settings, shop, marie, language, subject):
    factories.make_associate(
        session, stores=(shop,), role="manager", email="mia@shop.example", locale=language
    )
    request = factories.make_data_request(session, marie, shop, due_at=clock.utcnow() + timedelta(days=9))
    with transaction(session):
        data_requests.remind(session, SYSTEM, limit=10)
    run(engine, session, settings, session.scalars(select(Mail)).one())
    sent = read(settings)
    assert (sent["To"], sent["List-Unsubscribe"]) == ("mia@shop.example", None)
    assert sent["Subject"].startswith(subject)
    for part in ("plain", "html"):
        text = sent.get_body((part,)).get_content()
        assert f"https://shop.example/data-requests/{request.id}" in text
        assert not any(word in text for word in ("Marie", "Lefèvre", marie.email, marie.display_id))


def test_a_reminder_of_what_was_answered_meanwhile_is_not_sent(engine, session, settings, shop, marie):
    factories.make_associate(session, stores=(shop,), role="manager")
    request = factories.make_data_request(session, marie, shop, due_at=clock.utcnow() + timedelta(days=9))
    with transaction(session):
        data_requests.remind(session, SYSTEM, limit=10)
        request.state = "done"
    mail = session.scalars(select(Mail)).one()
    run(engine, session, settings, mail)
    assert fresh(session, mail).state == "cancelled"
    # And after a while it is forgotten, with its file if it had one.
    with time_machine.travel(clock.utcnow() + timedelta(days=31)), transaction(session):
        mails.tidy(session)
    assert session.scalars(select(Mail)).all() == []


@pytest.mark.parametrize(
    "given", [{"MAIL_URL": "http://x"}, {"MAIL_URL": "smtp://"}, {"MAIL_URL": "smtp://h:99999"},
              {"MAIL_FROM": "a@b\nBcc: c@d"}, {"MAIL_FROM": "x"}, {"PUBLIC_URL": "shop"},
              {"CONSENT_MONTHS": "-1"}],
)  # fmt: skip
def test_a_bad_setting_stops_the_start(tmp_path, given):
    with pytest.raises(BadSetting):
        load({"DATA_DIR": str(tmp_path)} | given)
