"""The fields of an imported row, read by the kinds that the API's bodies have: nothing is thrown away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain import clock, order_kinds, values
from app.domain.addresses import MAX_LENGTHS, AddressInput, AddressType
from app.domain.fields import Checker
from app.domain.shapes import Attributes, Email, Shape, Text
from app.errors import Invalid

_WORDS = {"": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}
_SPELLINGS = {"address_line_1": "address_1", "address_line_2": "address_2"}
_ANY = 10_000  # how long these may be is said where they are checked


@dataclass(frozen=True, kw_only=True)
class _YesNo:
    """True or false, in JSON or as a word in a cell."""

    def read(self, value: Any, path: str, checker: Checker) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        word = value.strip().casefold() if isinstance(value, str) else value
        if not isinstance(word, str) or word not in _WORDS:
            checker.refuse(path, "Write yes or no.")
            return False
        return _WORDS[word]

    def schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "null"]}


@dataclass(frozen=True, kw_only=True)
class _Addresses:
    """A list of addresses, each with its type."""

    def read(self, value: Any, path: str, checker: Checker) -> list[dict[str, Any]]:
        if value is None:
            return []
        if not isinstance(value, list):
            checker.refuse(path, "Write this as a list in [ ].")
            return []
        read = [_ADDRESS.read(one, f"{path}.{place}", checker) for place, one in enumerate(value)]
        return [one for one in read if one]

    def schema(self) -> dict[str, Any]:
        return {"type": ["array", "null"], "items": _ADDRESS.schema()}


_PLACE: dict[str, Any] = {
    **{name: Text(max_length=length) for name, length in MAX_LENGTHS.items()},
    "country_code": Text(max_length=_ANY),
    "is_default": _YesNo(),
}
_PART = Shape(name="address", fields=_PLACE, spellings=_SPELLINGS)
_ADDRESS = Shape(
    name="address of a list", fields={"type": Text(max_length=_ANY), **_PLACE}, spellings=_SPELLINGS
)
_EMAIL = Email(is_optional=True)
_NAMES = {"first_name": Text(max_length=values.MAX_NAME), "last_name": Text(max_length=values.MAX_NAME)}


def _texts(*names: str) -> dict[str, Any]:
    return {name: Text(max_length=_ANY) for name in names}


# What a row of each kind is; orders have a shape of their own.
SHAPES: Mapping[str, Shape] = {
    "customers": Shape(
        name="customer",
        fields={
            "email": _EMAIL,
            **_NAMES,
            "phone_number": Text(max_length=values.MAX_PHONE),
            **_texts("country_code", "created_by", "created_at"),
            "billing_address": _PART,
            "shipping_address": _PART,
            "addresses": _Addresses(),
            "extended_attributes": Attributes(),
        },
    ),
    "addresses": Shape(name="address", fields={"email": _EMAIL, **_ADDRESS.fields}, spellings=_SPELLINGS),
    "attributes": Shape(
        name="attribute",
        fields={"email": _EMAIL, **_texts("name", "value"), "extended_attributes": Attributes()},
    ),
    "opt-ins": Shape(
        name="opt-in",
        fields={
            "email": _EMAIL,
            **_texts("channel", "purpose", "action", "at", "source", "wording", "language"),
        },
    ),
    "employees": Shape(
        name="employee", fields={"email": _EMAIL, **_NAMES, "extended_attributes": Attributes()}
    ),
}


def addresses(row: Mapping[str, Any]) -> list[AddressInput]:
    """Return the addresses of a customer's row; one of blanks alone is none, as in the API."""
    given = [
        (row.get(f"{kind.value}_address"), kind.value) for kind in (AddressType.BILLING, AddressType.SHIPPING)
    ]
    given += [(part, part.get("type", "")) for part in row.get("addresses") or []]
    return [
        address(part, kind)
        for part, kind in given
        if part and any(value for name, value in part.items() if name not in {"type", "is_default"})
    ]


def address(row: Mapping[str, Any], kind: str) -> AddressInput:
    """Return the address of a row or a part of one."""
    return AddressInput(type=kind, **{name: row[name] for name in _PLACE if name in row})


def past(row: Mapping[str, Any], name: str) -> datetime | None:
    """Return the time in a field, None for none. Raises Invalid for what is no time, or not past."""
    given = row.get(name)
    if not given:
        return None
    at = order_kinds.read_time(given)
    if at is None or at > clock.utcnow():
        raise Invalid({name: ["Write a time that is past, in ISO 8601, like 2026-05-31T12:00:00Z."]})
    return at
