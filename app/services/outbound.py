"""Calling an address of somebody else: only on the public internet, bounded in size and time."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain import networks
from app.domain.networks import Target
from app.domain.texts import N_

# Seconds to connect and between two packets, and in all.
STEP_SECONDS = 5.0
WHOLE_SECONDS = 12.0
MAX_ANSWER = 64 * 1024
_TOO_SLOW = N_("It did not answer in time.")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an address answered; `retry_after` is the header as it came, "" for none."""

    status: int
    retry_after: str = ""


class Unreachable(Exception):
    """The address could not be called; the text says why, for the administrator."""


def resolve(target: Target, *, allow_private: bool) -> list[str]:
    """Return the IP addresses of a host. Raises Unreachable, also when one of them is not public."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(N_("The name of the host is not known.")) from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not allow_private and not all(map(networks.is_public, addresses)):
        raise Unreachable(N_("The host is in a private network, which is not allowed."))
    return addresses


def post(
    target: Target,
    headers: Mapping[str, str],
    content: bytes,
    *,
    allow_private: bool,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Post to the address and return what it answers; no redirect is followed.

    What is connected to is the very IP address that was checked, so a name that changes its
    address meanwhile gains nothing. Raises Unreachable.
    """
    addresses = resolve(target, allow_private=allow_private)
    is_cut = threading.Event()
    with _open(target, addresses[:3], tls, is_cut) as connection:
        try:
            connection.request("POST", target.path, body=content, headers=dict(headers))
            response = connection.getresponse()
            response.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_TOO_SLOW if is_cut.is_set() else _reason(error)) from None
        # Headers that were cut off look like their end.
        if is_cut.is_set():
            raise Unreachable(_TOO_SLOW)
        return Answer(status=response.status, retry_after=response.headers.get("Retry-After", ""))


@contextlib.contextmanager
def _open(
    target: Target, addresses: list[str], tls: ssl.SSLContext | None, is_cut: threading.Event
) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=STEP_SECONDS)
    # Receivers that compare the header Host with their name expect no port where it is the usual one.
    connection.default_port = 443 if target.scheme == "https" else 80
    connection.sock = _connect(addresses, target.port)
    # Whoever answers a byte at a time would never run into the time between two packets.
    timer = threading.Timer(WHOLE_SECONDS, _cut, [connection, is_cut])
    timer.daemon = True
    timer.start()
    try:
        if target.scheme == "https":
            context = tls or ssl.create_default_context()
            try:
                secure = context.wrap_socket(
                    connection.sock, server_hostname=target.host, do_handshake_on_connect=False
                )
                # In its place before the handshake, so that this too can be cut off.
                connection.sock = secure
                secure.do_handshake()
            except (OSError, ValueError) as error:
                raise Unreachable(_TOO_SLOW if is_cut.is_set() else _reason(error)) from None
        yield connection
    finally:
        timer.cancel()
        connection.close()


def _connect(addresses: list[str], port: int) -> socket.socket:
    error: OSError = OSError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=STEP_SECONDS)
        except OSError as failed:
            error = failed
    raise Unreachable(_reason(error))


def _cut(connection: http.client.HTTPConnection, is_cut: threading.Event) -> None:
    is_cut.set()
    with contextlib.suppress(OSError, AttributeError):
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return N_("Its certificate is not valid for this host.")
    if isinstance(error, ssl.SSLError):
        return N_("No secure connection could be made.")
    if isinstance(error, TimeoutError):
        return _TOO_SLOW
    if isinstance(error, ConnectionRefusedError):
        return N_("Nothing listens at this address.")
    return N_("The connection broke, or the answer was no HTTP.")
