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
MAX_NUMBER_LENGTH = 40
# What stands for a number that is longer: it is in no field's range, and may stand in a field nobody knows.
TOO_LARGE = 10**MAX_NUMBER_LENGTH


class _NoJsonError(ValueError):
    """A word that Python takes for a number and JSON does not know; the text is the word."""


class _RepeatedKeyError(ValueError):
    """A key stands twice in an object; the text is the key."""


def load_json() -> dict[str, Any]:
    """Return the request's body, which must be a JSON object, whatever its Content-Type says.

    Real clients send `application/json` without a body, with a charset or on GET; only the bytes
    count. Raises Invalid for a body that is compressed, no UTF-8, no JSON, no object, deeper than
    32 levels, or holds a key twice, NaN or Infinity; RequestEntityTooLarge for more than 1 MiB.
    What a text or number may be is for the field it stands in: in one that nobody knows it is ignored.
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
    except _NoJsonError as error:
        raise Invalid({}, f"{error} is no JSON: write a number, or null for none.") from None
    except _RepeatedKeyError as error:
        name = str(error)
        reason = "This key stands twice in one object: write it once."
        raise Invalid({name: [reason]}, f"{name}: {reason}") from None
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
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise _RepeatedKeyError(twice[:100].encode(errors="replace").decode())
    return found


def _integer(text: str) -> int:
    return int(text) if len(text) <= MAX_NUMBER_LENGTH else TOO_LARGE


def _decimal(text: str) -> Decimal:
    # Amounts stay as they were written; a float would change them.
    try:
        return Decimal(text if len(text) <= MAX_NUMBER_LENGTH else TOO_LARGE)
    except ArithmeticError:  # an exponent beyond any number of ours
        return Decimal(TOO_LARGE)


def _constant(name: str) -> float:
    raise _NoJsonError(name)


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
).decode
