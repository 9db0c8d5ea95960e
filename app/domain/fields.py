"""Collecting what is wrong with an input, field by field."""

from collections.abc import Callable
from typing import TypeVar

from app.domain.values import BadValue
from app.errors import Invalid

T = TypeVar("T")


class Checker:
    """Parses the fields of one input and raises Invalid with every reason at once."""

    def __init__(self) -> None:
        self.reasons: dict[str, list[str]] = {}

    def take(self, name: str, parse: Callable[[], T], default: T) -> T:
        """Return what `parse` gives; on BadValue note the reason and return the default."""
        try:
            return parse()
        except BadValue as error:
            self.refuse(name, error.reason)
            return default

    def refuse(self, name: str, reason: str) -> None:
        """Note why a field cannot be taken."""
        self.reasons.setdefault(name, []).append(reason)

    def done(self) -> None:
        """Raise Invalid when anything was refused."""
        if self.reasons:
            raise Invalid(self.reasons)
