"""Gunicorn's workers as this program wants them: what was sent to them stands in no log and in no answer."""

import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from app import logs

# What is wrong with a request that never became one, where the status does not say it all.
_ANSWERS: dict[type[BaseException], tuple[str, str]] = {
    errors.LimitRequestLine: ("414 URI Too Long", "The address is too long: at most 8,000 characters."),
    errors.LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "The headers are too many or too long: at most 100, of 8,000 characters each.",
    ),
    errors.UnsupportedTransferCoding: (
        "501 Not Implemented",
        "Send the body with a Content-Length, or chunked and in no other way.",
    ),
    errors.ExpectationFailed: ("417 Expectation Failed", "Only `Expect: 100-continue` is understood."),
}
_BAD = ("400 Bad Request", "This is no HTTP request that can be read: check its first line and its headers.")
_OWN = ("500 Internal Server Error", "Something went wrong on our side. Please try again.")
# Headers of an answer are this program's own doing.
_FAULTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Worker(ThreadWorker):
    """A worker that says of a request which cannot be read what is wrong with it, and nothing of it."""

    def handle_error(self, _request: Any, client: socket.socket, _address: Any, error: BaseException) -> None:
        """Note the kind of the error and answer it; neither repeats what was sent."""
        is_theirs = isinstance(error, errors.ParseException) and not isinstance(error, _FAULTS)
        log = structlog.get_logger()
        if is_theirs:
            log.warning("unreadable request", kind=type(error).__name__)
        else:
            logs.fault(error)
        status, text = _ANSWERS.get(type(error), _BAD) if is_theirs else _OWN
        body = f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            # Whoever sent it is gone.
            return


class ServerLog(Logger):
    """Gunicorn's log as lines of this program's: JSON, without personal data."""

    def setup(self, cfg: Any) -> None:
        """Take the place of handlers: the messages go where all others go, from warnings on."""
        self.cfg = cfg
        self._access_log_enabled = False

    def critical(self, msg: Any, *args: Any, **_: Any) -> None:
        """Log that the server cannot go on."""
        structlog.get_logger().critical(_text(msg, args))

    def error(self, msg: Any, *args: Any, **_: Any) -> None:
        """Log an error of the server."""
        structlog.get_logger().error(_text(msg, args))

    def warning(self, msg: Any, *args: Any, **_: Any) -> None:
        """Log what somebody should look at."""
        structlog.get_logger().warning(_text(msg, args))

    def info(self, _msg: Any, *_args: Any, **_: Any) -> None:
        """Leave out what a quiet server says of itself."""

    def debug(self, _msg: Any, *_args: Any, **_: Any) -> None:
        """Leave out what only who mends the server wants to read."""

    def exception(self, _msg: Any, *_args: Any, **_: Any) -> None:
        """Log where an error came from; its words, and the address in the message, may be personal."""
        error = sys.exc_info()[1]
        if error is not None:
            logs.fault(error)

    def reopen_files(self) -> None:
        """Do nothing: there are no files."""


class Readable:
    """A WSGI application for which a body that is cut or wrongly chunked is one that cannot be read.

    Gunicorn raises errors of its own for it; the application knows only those of reading a file.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as the application does."""
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        return self.application(environ, start_response)


class _Body:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, *size: int) -> bytes:
        return self._reading(self._stream.read, *size)

    def readline(self, *size: int) -> bytes:
        return self._reading(self._stream.readline, *size)

    def _reading(self, read: Callable[..., bytes], *size: int) -> bytes:
        try:
            return read(*size)
        except errors.ParseException as error:
            raise OSError("the body is not what HTTP says it is") from error


def _text(message: Any, values: tuple[Any, ...]) -> str:
    return str(message) % values if values else str(message)
