"""The kinds of field that bodies of API v0 and imported rows have: their reading and their OpenAPI.

Both come from one declaration, so the document cannot promise what the reading does not keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from app.domain import values
from app.domain.attributes import MAX_KEY, MAX_VALUE
from app.domain.customers import MAX_ATTRIBUTES
from app.domain.fields import Checker
from app.domain.values import BadValue

# The largest revision that a database's integer holds.
MAX_REVISION = 2**31 - 1
MISSING = "Fill this in."


class Kind(Protocol):
    """One kind of value in a body."""

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return the value as our own code takes it, or note under its path why it cannot be taken."""

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text of at most `max_length` characters; null is no text."""

    max_length: int
    description: str = ""
    examples: tuple[str, ...] = ()

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return the text; whether its characters can be stored is decided where it is stored."""
        if value is None:
            return ""
        if not isinstance(value, str):
            checker.refuse(path, "Write this as text, in quotes.")
            return ""
        return checker.take(path, lambda: values.text(value, max_length=self.max_length), "")

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return _described(self, {"type": ["string", "null"], "maxLength": self.max_length})


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """One of a few words; null and "" are none of them unless `is_optional`."""

    choices: tuple[str, ...]
    # What to write where the words are too many to name them in a message.
    hint: str = "one of the words in the description"
    is_optional: bool = False
    description: str = ""
    examples: tuple[str, ...] = ()

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return the word."""
        if self.is_optional and value in (None, ""):
            return ""
        if not isinstance(value, str) or value not in self.choices:
            shown = f"one of: {', '.join(self.choices)}"
            checker.refuse(path, f"Write {shown if len(self.choices) < 10 else self.hint}.")
            return ""
        return value

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        kind: dict[str, Any] = {"type": "string", "enum": list(self.choices)}
        if self.is_optional:
            kind = {"type": ["string", "null"], "enum": [*self.choices, "", None]}
        return _described(self, kind)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision that the client saw."""

    description: str = ""
    examples: tuple[int, ...] = (1,)

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return the number; 1.0 is 1, as JSON has no integers."""
        if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
            value = int(value) if value.adjusted() < 12 else -1
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REVISION:
            checker.refuse(path, "Write a whole number from 0, without quotes: the revision you saw last.")
            return 0
        return value

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return _described(self, {"type": "integer", "minimum": 0, "maximum": MAX_REVISION})


@dataclass(frozen=True, kw_only=True)
class Email:
    """An e-mail address, as text or as an object with `value` or `email`.

    With `is_optional` null and an empty object mean "as it is": the page's own sample sends one.
    """

    is_optional: bool = False
    description: str = ""
    examples: tuple[str, ...] = ("jaydoubleyou@example.com",)

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return the address as text, or None for "as it is"."""
        if isinstance(value, Mapping):
            given = [value[name] for name in ("value", "email") if value.get(name) is not None]
            value = given[0] if given else None
        if value is None:
            if not self.is_optional:
                checker.refuse(path, MISSING)
            return None
        if not isinstance(value, str):
            checker.refuse(path, "Write this as text, in quotes.")
            return None
        return value

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        text = {"type": "string", "maxLength": values.MAX_EMAIL}
        parts = {"value": text, "email": text}
        whole: dict[str, Any] = {"type": "object", "properties": parts}
        if not self.is_optional:
            whole["anyOf"] = [{"required": ["value"]}, {"required": ["email"]}]
        ways: list[dict[str, Any]] = [text, whole]
        return _described(self, {"oneOf": [*ways, {"type": "null"}] if self.is_optional else ways})


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """The list of a customer's extended attributes, no name twice."""

    description: str = ""
    examples: tuple[Any, ...] = ([{"name": "shirt_fit", "value": "slim"}],)

    def read(self, value: Any, path: str, checker: Checker) -> Any:
        """Return {name: value}."""
        if value is None:
            return {}
        if not isinstance(value, list):
            checker.refuse(path, "Write this as a list in [ ].")
            return {}
        if len(value) > MAX_ATTRIBUTES:
            checker.refuse(path, f"Give at most {MAX_ATTRIBUTES} attributes.")
            return {}
        read: dict[str, str] = {}
        for place, item in enumerate(value):
            at = f"{path}.{place}"
            if not isinstance(item, Mapping):
                checker.refuse(at, "Write this as an object in { } with a name and a value.")
                continue
            name = Text(max_length=MAX_KEY).read(item.get("name"), f"{at}.name", checker)
            text = Text(max_length=MAX_VALUE).read(item.get("value"), f"{at}.value", checker)
            if name in read:
                checker.refuse(f"{at}.name", "Give each name once.")
            elif name:
                read[name] = text
            elif f"{at}.name" not in checker.reasons:
                checker.refuse(f"{at}.name", MISSING)
        return read

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        parts = {
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
            "value": {"type": ["string", "null"], "maxLength": MAX_VALUE},
        }
        item = {"type": "object", "required": ["name"], "properties": parts}
        return _described(self, {"type": "array", "maxItems": MAX_ATTRIBUTES, "items": item})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An object of known fields; others are ignored and never written."""

    name: str
    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    spellings: Mapping[str, str] | None = None
    description: str = ""
    examples: tuple[Any, ...] = ()

    def read(self, value: Any, path: str, checker: Checker) -> dict[str, Any] | None:
        """Return the known fields that were sent; None for null."""
        if value is None and path:
            return None
        if not isinstance(value, Mapping):
            checker.refuse(path, "Write this as an object in { }.")
            return None
        given = dict(value)
        for other, ours in (self.spellings or {}).items():
            if other in given and given.get(ours) is None:
                given[ours] = given[other]
        read: dict[str, Any] = {}
        for name, kind in self.fields.items():
            at = f"{path}.{name}" if path else name
            if name in self.required and given.get(name) is None:
                checker.refuse(at, MISSING)
            elif name in given:
                read[name] = kind.read(given[name], at, checker)
        return read

    def body(self, value: Any) -> dict[str, Any]:
        """Return the known fields of a whole body. Raises Invalid with every reason by dotted path."""
        checker = Checker()
        read = self.read(value, "", checker)
        checker.done()
        return read or {}

    def schema(self) -> dict[str, Any]:
        """Return the shape as JSON Schema."""
        properties = {name: kind.schema() for name, kind in self.fields.items()}
        for other, ours in (self.spellings or {}).items():
            properties[other] = {
                **properties[ours], "description": f"Another spelling of `{ours}`.", "deprecated": True,
            }  # fmt: skip
        whole: dict[str, Any] = {"type": "object", "properties": properties}
        if self.required:
            whole["required"] = list(self.required)
        return _described(self, whole)


def _described(kind: Any, schema: dict[str, Any]) -> dict[str, Any]:
    if kind.description:
        schema["description"] = kind.description
    if kind.examples:
        schema["examples"] = list(kind.examples)
    return schema


def whole_number(text: str, *, low: int, high: int, clamped: bool = False) -> int:
    """Return a number of a query. Raises BadValue; past `high` too, unless it is `clamped` to it."""
    digits = text.lstrip("0") or "0"
    if text.isascii() and text.isdigit():
        # More digits than `high` has are past it; as many are few enough to be read.
        number = int(digits) if len(digits) <= len(str(high)) else high + 1
        if low <= number and (clamped or number <= high):
            return min(number, high)
    raise BadValue(f"Write a whole number from {low} to {high}.")
