"""Deliveries to a real server on this machine: signed, in order, again after failures, and refused."""

import base64
import contextlib
import hmac
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.config import Settings
from app.db import transaction
from app.domain import clock, events, networks
from app.domain.actor import Actor
from app.domain.customers import CustomerChanges
from app.jobs import webhooks as jobs
from app.jobs.runner import Runner
from app.models import AuditEntry, Delivery, Event, Webhook
from app.queries import webhooks as queries
from app.services import customers, outbound
from app.services import webhooks as service
from app.services.sealing import Sealer
from tests.database import free_port
from tests.factories import make_customer, make_store

SYSTEM = Actor.system("test")
KEY = "s" * 40
ROOT = Path(__file__).parent.parent.parent


class Receiver:
    """A real server that keeps what it is sent, and answers what `answer` says."""

    def __init__(self):
        self.seen = []
        self.answer = lambda _body: 204
        self.headers = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((dict(self.headers), body))
                status = outer.answer(json.loads(body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{outer.url}/elsewhere")
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def bodies(self):
        return [json.loads(body) for _headers, body in self.seen]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def runner(engine, tmp_path):
    settings = Settings(
        data_dir=tmp_path,
        database_url=str(engine.url),
        secret_key=KEY,
        erasure_key="e" * 40,
        webhook_allow_private=True,
    )
    return Runner(engine, settings)


def register(session, url, kinds=events.SUBSCRIBABLE):
    columns = service.WebhookInput(name="CRM", url=url, kinds=kinds).check(allow_private=True)
    with transaction(session):
        return service.create(session, SYSTEM, columns, Sealer((KEY,)))


def rename(session, customer, *names):
    for name in names:
        with transaction(session):
            row = session.get_one(type(customer), customer.id, populate_existing=True)
            customers.update(
                session, SYSTEM, customer.id, CustomerChanges(first_name=name), revision=row.revision
            )


def deliver_all(runner):
    count = 0
    while jobs.deliver_one(runner):
        count += 1
    return count


def make_due(session):
    with transaction(session):
        for row in session.scalars(select(Delivery)):
            row.due_at = clock.utcnow() - timedelta(seconds=1)


def states(session):
    session.expire_all()
    return Counter(session.scalars(select(Delivery.state)))


def test_a_delivery_is_signed_and_holds_no_personal_data(session, runner, receiver):
    _row, secret = register(session, receiver.url)
    customer = make_customer(session, stores=(make_store(session),), first_name="Marie")
    rename(session, customer, "Zoë")
    assert deliver_all(runner) == 1
    headers, body = receiver.seen[0]
    document = json.loads(body)
    assert document == {
        "id": headers["webhook-id"],
        "type": "customer.updated",
        "timestamp": document["timestamp"],
        "data": {
            "customer_id": str(customer.id),
            "profile_revision": 2,
            "store_id": None,
            "changed": ["first_name"],
        },
    }
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert (
        headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    )
    delivery = session.scalars(select(Delivery)).one()
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 204, 1)
    assert delivery.acknowledged_at is not None


def test_a_failing_event_holds_back_its_customer_and_nobody_else(session, runner, receiver):
    register(session, receiver.url)
    one, two = make_customer(session), make_customer(session)
    rename(session, one, "A", "B", "C")
    rename(session, two, "A", "B")
    receiver.answer = lambda body: 500 if body["data"]["customer_id"] == str(one.id) else 200
    deliver_all(runner)
    told = [(body["data"]["customer_id"], body["data"]["profile_revision"]) for body in receiver.bodies()]
    assert sorted(told) == sorted([(str(one.id), 2), (str(two.id), 2), (str(two.id), 3)])
    receiver.answer = lambda _body: 200
    receiver.seen.clear()
    make_due(session)
    deliver_all(runner)
    assert [body["data"]["profile_revision"] for body in receiver.bodies()] == [2, 3, 4]
    assert states(session) == {"delivered": 5}


def test_a_failing_address_holds_back_no_other(session, runner, receiver):
    register(session, receiver.url)
    register(session, f"http://127.0.0.1:{free_port()}/nobody")
    rename(session, make_customer(session), "A")
    deliver_all(runner)
    assert states(session) == {"delivered": 1, "queued": 1}
    errors = session.scalars(select(Delivery.error).where(Delivery.state == "queued")).all()
    assert errors == ["Nothing listens at this address."]
    failing = session.scalars(select(Webhook.url).where(Webhook.failing_since.is_not(None))).one()
    assert failing.endswith("/nobody")


def test_who_is_busy_is_asked_when_they_said(session, runner, receiver):
    register(session, receiver.url)
    rename(session, make_customer(session), "A")
    receiver.answer, receiver.headers = lambda _body: 429, {"Retry-After": "3600"}
    assert deliver_all(runner) == 1
    delivery = session.scalars(select(Delivery)).one()
    assert timedelta(minutes=59) < delivery.due_at - clock.utcnow() <= timedelta(minutes=60)
    assert (delivery.state, delivery.status) == ("queued", 429)


def test_who_is_gone_is_told_no_more_until_somebody_says_so(session, runner, receiver):
    row, _secret = register(session, receiver.url)
    rename(session, make_customer(session), "A")
    receiver.answer = lambda _body: 410
    assert deliver_all(runner) == 1
    session.expire_all()
    assert (row.is_active, row.failing_since, row.revision) == (False, None, 2)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "webhook.updated")).one()
    assert (entry.actor_name, entry.changes) == ("webhooks", {"is_active": [True, False]})
    with transaction(session):
        service.reactivate(session, SYSTEM, row.id, revision=2)
    receiver.answer = lambda _body: 200
    assert deliver_all(runner) == 1
    assert states(session) == {"delivered": 1}


def test_what_fails_is_tried_later_given_up_and_replayed(session, runner, receiver):
    row, _secret = register(session, receiver.url)
    customer = make_customer(session)
    rename(session, customer, "A", "B")
    receiver.answer = lambda body: 503 if body["data"]["profile_revision"] == 2 else 200
    waits = []
    for _ in range(events.MAX_ATTEMPTS):
        assert jobs.deliver_one(runner) is True
        session.expire_all()
        delivery = session.scalars(select(Delivery).order_by(Delivery.event_number)).first()
        waits.append((delivery.due_at - clock.utcnow()).total_seconds())
        assert states(session)["dead"] == (1 if delivery.attempts == events.MAX_ATTEMPTS else 0)
        make_due(session)
    assert waits[:-1] == sorted(waits[:-1])
    # What was given up holds back no longer.
    assert deliver_all(runner) == 1
    assert states(session) == {"dead": 1, "delivered": 1}
    receiver.answer = lambda _body: 200
    ids = {body["id"] for body in receiver.bodies()}
    with transaction(session):
        assert service.replay_dead(session, SYSTEM, row.id) == 1
    deliver_all(runner)
    assert states(session) == {"delivered": 2}
    assert {body["id"] for body in receiver.bodies()} == ids


def test_a_redirect_is_not_followed(session, runner, receiver):
    register(session, receiver.url)
    rename(session, make_customer(session), "A")
    receiver.answer = lambda _body: 302
    deliver_all(runner)
    assert len(receiver.seen) == 1
    assert session.scalars(select(Delivery.status)).one() == 302
    assert states(session) == {"queued": 1}


def test_a_worker_that_died_in_the_middle_is_followed_by_another(session, runner, receiver):
    register(session, receiver.url)
    rename(session, make_customer(session), "A")
    due = queries.first_due(session)
    with transaction(session):
        parcel = service.claim(session, Sealer((KEY,)), due)
    assert jobs.deliver_one(runner) is False
    with transaction(session):
        session.scalars(select(Delivery)).one().leased_until = clock.utcnow() - timedelta(seconds=1)
    assert deliver_all(runner) == 1
    with transaction(session):
        assert service.settle(session, SYSTEM, parcel, status=500) is None
    assert states(session) == {"delivered": 1}


def test_a_new_secret_signs_beside_the_old_one_for_a_day(session, runner, receiver):
    row, old = register(session, receiver.url)
    with transaction(session):
        _row, new = service.rotate(session, SYSTEM, row.id, Sealer((KEY,)))
    rename(session, make_customer(session), "A")
    deliver_all(runner)
    headers, body = receiver.seen[0]
    event_id = session.scalars(select(Event.id)).one()
    wanted = [
        events.sign(secret, event_id=event_id, timestamp=int(headers["webhook-timestamp"]), content=body)
        for secret in (new, old)
    ]
    assert headers["webhook-signature"].split(" ") == wanted


def test_without_the_key_of_the_program_nothing_is_sent(session, engine, tmp_path, receiver):
    register(session, receiver.url)
    rename(session, make_customer(session), "A")
    other = Settings(
        data_dir=tmp_path,
        database_url=str(engine.url),
        secret_key="t" * 40,
        erasure_key="e" * 40,
        webhook_allow_private=True,
    )
    deliver_all(Runner(engine, other))
    assert receiver.seen == []
    assert "Make a new secret." in session.scalars(select(Delivery.error)).one()


def test_an_address_that_became_private_is_refused_before_it_is_called(session, engine, tmp_path, receiver):
    register(session, receiver.url.replace("http://", "https://").replace("127.0.0.1", "localhost"))
    rename(session, make_customer(session), "A")
    strict = Settings(data_dir=tmp_path, database_url=str(engine.url), secret_key=KEY, erasure_key="e" * 40)
    deliver_all(Runner(engine, strict))
    assert receiver.seen == []
    assert session.scalars(select(Delivery.error)).one() == (
        "The host is in a private network, which is not allowed."
    )


def test_what_is_connected_to_is_the_address_that_was_checked(receiver, monkeypatch):
    # The name gives a public address when it is asked first and loopback when it is asked again.
    answers = iter(["93.184.216.34", "127.0.0.1"])
    asked = []

    def getaddrinfo(host, port, **_kwargs):
        asked.append(next(answers))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (asked[-1], port))]

    connected = []

    def create_connection(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    target = networks.parse("https://rebinding.example/", allow_private=False)
    with pytest.raises(outbound.Unreachable):
        outbound.post(target, {}, b"{}", allow_private=False)
    assert connected == [("93.184.216.34", 443)]


def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: both)
    target = networks.parse("https://mixed.example/", allow_private=False)
    with pytest.raises(outbound.Unreachable, match="private network"):
        outbound.resolve(target, allow_private=False)


@contextlib.contextmanager
def raw_server(behave):
    """A server that does with each connection what `behave` says."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                connection, _address = listener.accept()
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def post_to(port, scheme="http", **more):
    target = networks.parse(f"{scheme}://localhost:{port}/", allow_private=True)
    return outbound.post(target, {}, b"{}", allow_private=True, **more).status


def test_an_answer_that_trickles_is_cut_off(monkeypatch):
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 0.5)

    def trickle(connection):
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(100):
                connection.sendall(b"X-A: b\r\n")
                time.sleep(0.05)

    with raw_server(trickle) as port, pytest.raises(outbound.Unreachable):
        post_to(port)


def test_an_endless_answer_is_read_only_so_far(monkeypatch):
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 5)
    sent = []

    def flood(connection):
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while len(sent) < 10_000:
                sent.append(connection.send(b"x" * 65536))

    with raw_server(flood) as port:
        assert post_to(port) == 200
    assert len(sent) < 1000


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100])
def test_what_is_no_http_is_an_error_in_words(answer):
    def behave(connection):
        connection.recv(65536)
        connection.sendall(answer)

    with raw_server(behave) as port, pytest.raises(outbound.Unreachable, match="no HTTP"):
        post_to(port)


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate for a host, and return what a server and a client need for it."""

    def make(host):
        key, cert = tmp_path / f"{host}.key", tmp_path / f"{host}.cert"
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj"
        names = [f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", cert]
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        subprocess.run([*command.split(), *names], capture_output=True, check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context, ssl.create_default_context(cafile=cert)

    return make


def serving_tls(context, answer):
    def behave(connection):
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            # Closing with something unread would break the connection.
            while not (received := secure.recv(65536)).endswith(b"{}"):
                assert received
            answer(secure)

    return behave


def test_a_certificate_must_be_valid_for_the_host(certificate):
    context, trusting = certificate("other")
    behave = serving_tls(context, lambda secure: secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"))
    for tls in (None, trusting):
        with raw_server(behave) as port, pytest.raises(outbound.Unreachable, match="certificate"):
            post_to(port, scheme="https", tls=tls)
    context, trusting = certificate("localhost")
    behave = serving_tls(context, lambda secure: secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"))
    with raw_server(behave) as port:
        assert post_to(port, scheme="https", tls=trusting) == 204


def test_the_host_is_named_without_the_usual_port(certificate, monkeypatch):
    context, trusting = certificate("localhost")
    seen = []

    def behave(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            while not b"".join(seen).endswith(b"{}"):
                seen.append(secure.recv(65536))
            secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    connect = socket.create_connection
    with raw_server(behave) as port:
        # Port 443 is not ours to listen at.
        monkeypatch.setattr(
            socket, "create_connection", lambda _to, timeout: connect(("127.0.0.1", port), timeout)
        )
        assert post_to(443, scheme="https", tls=trusting) == 204
    assert b"\r\nHost: localhost\r\n" in b"".join(seen)


def test_a_secure_answer_that_trickles_is_cut_off_too(certificate, monkeypatch):
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 1)
    context, trusting = certificate("localhost")

    def trickle(secure):
        secure.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            secure.sendall(b"X-A: b\r\n")
            time.sleep(0.05)

    behave = serving_tls(context, trickle)
    with raw_server(behave) as port, pytest.raises(outbound.Unreachable, match="in time"):
        post_to(port, scheme="https", tls=trusting)


def test_a_handshake_that_never_ends_is_cut_off(monkeypatch):
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 0.5)

    def silent(connection):
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass

    with raw_server(silent) as port, pytest.raises(outbound.Unreachable, match="in time"):
        post_to(port, scheme="https")


def test_the_receiver_of_the_documentation_takes_what_is_signed_and_nothing_else(session, runner, tmp_path):
    text = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
    program = tmp_path / "receiver.py"
    program.write_text(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1])
    port = free_port()
    _row, secret = register(session, f"http://127.0.0.1:{port}/hook")
    process = subprocess.Popen(
        [sys.executable, program],
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_until_open(port)
        rename(session, make_customer(session), "A")
        assert deliver_all(runner) == 1
        assert states(session) == {"delivered": 1}
        assert process.stdout.readline() == "customer.updated\n"
        forged = urllib.request.Request(
            f"http://127.0.0.1:{port}/hook",
            data=b"{}",
            headers={"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(forged, timeout=10)
        assert refused.value.code == 400
        refused.value.close()
    finally:
        process.kill()
        process.communicate()


def wait_until_open(port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def test_events_that_are_old_go_unless_they_wait(session, runner, receiver):
    webhook, _secret = register(session, receiver.url)
    one, two = make_customer(session), make_customer(session)
    rename(session, one, "A")
    deliver_all(runner)
    rename(session, two, "A")
    rename(session, two, "B")
    with transaction(session):
        rows = session.scalars(select(Event).order_by(Event.number)).all()
        for row in rows[:2]:
            row.at = clock.utcnow() - timedelta(days=31)
        service.tidy(session)
    assert [row.customer_id for row in session.scalars(select(Event).order_by(Event.number))] == [
        two.id, two.id,
    ]  # fmt: skip
    assert states(session) == {"queued": 2}
    with transaction(session):
        service.deactivate(session, SYSTEM, webhook.id, revision=1)
        service.tidy(session)
    assert [row.at > clock.utcnow() - timedelta(days=30) for row in session.scalars(select(Event))] == [True]
    assert states(session) == {"queued": 1}
