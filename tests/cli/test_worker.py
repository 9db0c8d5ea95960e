"""What was sent to the server and cannot be read is answered with words, and stands nowhere."""

import json
import socket

import pytest
from gunicorn.config import Config
from gunicorn.http import errors
from structlog.testing import capture_logs

from app.cli.worker import ServerLog, Worker


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (errors.InvalidRequestLine("GET /w/SECRET"), b"400", b"first line"),
        (errors.InvalidHeaderName("jo@example.com"), b"400", b"headers"),
        (errors.LimitRequestHeaders("SECRET"), b"431", b"at most 100"),
        (RuntimeError("SECRET"), b"500", b"our side"),
    ],
)
def test_an_unreadable_request_is_answered_and_not_repeated(error, status, says):
    here, there = socket.socketpair()
    with here, there, capture_logs() as logs:
        Worker.handle_error(object.__new__(Worker), None, here, ("192.0.2.1", 1), error)
        answer = there.recv(4096)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert says in answer
    said = answer + json.dumps(logs).encode()
    assert [log["kind"] for log in logs] == [type(error).__name__]
    assert not any(word in said for word in (b"SECRET", b"jo@", b"192.0.2.1"))


def test_what_the_server_says_of_itself_is_a_line_of_the_log():
    log = ServerLog(Config())
    with capture_logs() as logs:
        log.warning("Worker %s of jo@example.com is gone", 7)
        log.info("Booting")
        try:
            int("jo@example.com")
        except ValueError:
            log.exception("Error handling request %s", "/w/SECRET")
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("warning", "Worker 7 of jo@example.com is gone"),
        ("error", "fault"),
    ]
    assert "SECRET" not in json.dumps(logs)
