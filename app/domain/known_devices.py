"""Devices on which somebody signed in before: told by a cookie that names nobody.

Guessing is limited for each account, so who only knows an e-mail address could keep its owner out. On a
device that knows the account the tries are counted apart, as OWASP advises (device cookies).
"""

import re
import secrets

from app.domain import digests

# So many accounts one device knows: more than work on a shared tablet.
MOST = 20
MARK_LENGTH = 16
_COOKIE = re.compile(rf"[\w-]{{22}}(?:\.[0-9a-f]{{{MARK_LENGTH}}}){{0,{MOST}}}", re.ASCII)


def number(cookie: str, account: str, secret: str) -> str:
    """Return the device's number when its cookie says that it knows the account, else ""."""
    device, *marks = _read(cookie)
    return device if _mark(device, account, secret) in marks else ""


def learn(cookie: str, account: str, secret: str) -> str:
    """Return the cookie of a device that knows the account from now on; the oldest gives way."""
    device, *marks = _read(cookie)
    mark = _mark(device, account, secret)
    return ".".join([device, mark, *(one for one in marks if one != mark)][: MOST + 1])


def _read(cookie: str) -> list[str]:
    return cookie.split(".") if _COOKIE.fullmatch(cookie) else [secrets.token_urlsafe(16)]


def _mark(device: str, account: str, secret: str) -> str:
    return digests.keyed(secret, "known-device", f"{device} {account}")[:MARK_LENGTH]
