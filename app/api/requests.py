"""Reading the bodies of requests: one JSON reader with limits."""

import json
import re
from decimal import Decimal
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import Invalid

MAX_BODY = 1024 * 1024
MAX_DEPTH = 32
# Whole numbers that both databases and every client can hold exactly.
MAX_INTEGER = 2**53 - 1
MAX_NUMBER_LENGTH = 40

_BROKEN = re.compile("[\x00\ud800-\udfff]")


class _Refused(ValueError):
    """The JSON holds something that is not taken; the text says what."""


def load_json() -> dict[str, Any]:
    """Return the request's body, which must be a JSON object, whatever its Content-Type says.

    Real clients send `application/json` without a body, with a charset or on GET; only the bytes
    count. Raises Invalid for a body that is compressed, no UTF-8, no JSON, no object, deeper than
    32 levels, or holds a key twice, NaN, Infinity, a number that is too large, NUL or half a
    surrogate pair; RequestEntityTooLarge for more than 1 MiB.
    """
    return parse(read_body())


def read_body() -> bytes:
    """Return the body's bytes. Raises Invalid when it is compressed, RequestEntityTooLarge over 1 MiB."""
    if request.headers.get("Content-Encoding", "identity").strip().casefold() not in {"", "identity"}:
        raise Invalid({}, "Send the body as it is, without Content-Encoding.")
    # One byte more, so that a body of unknown length that was cut off does not look like a whole one.
    request.max_content_length = MAX_BODY + 1
    data = request.get_data()
    if len(data) > MAX_BODY:
        raise RequestEntityTooLarge
    return data


def parse(data: bytes) -> dict[str, Any]:
    """Return the object in the bytes; raises Invalid as `load_json`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid({}, "The body must be JSON in UTF-8.") from None
    if not text.strip():
        raise Invalid({}, "The body is empty: send a JSON object.")
    _refuse_depth(text)
    try:
        loaded = _decode(text)
    except _Refused as error:
        raise Invalid({}, str(error)) from None
    except (ValueError, ArithmeticError, RecursionError):
        raise Invalid({}, "The body is not valid JSON.") from None
    if not isinstance(loaded, dict):
        raise Invalid({}, "The body must be a JSON object, in curly brackets.")
    return loaded


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def _refuse_depth(text: str) -> None:
    # Counted before the parser runs: it would go as deep as the text does.
    depth = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid({}, f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Refused("The body holds the same key twice in one object.")
        _refuse_broken(name)
        found[name] = value
        _refuse_broken_in(value)
    return found


def _refuse_broken_in(value: Any) -> None:
    # Objects inside were checked when they were made; only texts and lists of texts are left.
    if isinstance(value, str):
        _refuse_broken(value)
    elif isinstance(value, list):
        for item in value:
            _refuse_broken_in(item)


def _refuse_broken(text: str) -> None:
    if _BROKEN.search(text):
        raise _Refused("The body holds a character that is no text (NUL or half a surrogate pair).")


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH or abs(int(text)) > MAX_INTEGER:
        raise _Refused("The body holds a number that is too large.")
    return int(text)


def _decimal(text: str) -> Decimal:
    # Amounts stay as they were written; a float would change them.
    number = Decimal(text) if len(text) <= MAX_NUMBER_LENGTH else Decimal("Infinity")
    if not number.is_finite() or abs(number) > MAX_INTEGER or number.adjusted() < -MAX_NUMBER_LENGTH:
        raise _Refused("The body holds a number that is too large or too small.")
    return number


def _constant(name: str) -> float:
    raise _Refused(f"{name} is no JSON.")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
).decode
