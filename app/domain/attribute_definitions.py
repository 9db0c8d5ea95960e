"""The definition of an extended attribute: what may be written and how it is normalised."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.domain import folding, values
from app.domain.attributes import MAX_KEY, AttributeType
from app.domain.fields import Checker
from app.domain.texts import N_, Text
from app.domain.values import BadValue

MAX_GROUP = 60
MAX_CHOICE = 60
MIN_CHOICES = 2
MAX_CHOICES = 50
MAX_POSITION = 9999

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_WITH_CHOICES = frozenset({AttributeType.CHOICE, AttributeType.CHOICES})


@dataclass(frozen=True, kw_only=True)
class DefinitionInput:
    """A definition as somebody gave it, choices one a line; `check()` gives what may be stored."""

    key: str
    label: str
    type: str
    choices: str = ""
    group: str = ""
    position: str = "0"
    is_in_list: bool = False
    is_sensitive: bool = False

    def check(self) -> dict[str, Any]:
        """Return the columns to write. Raises Invalid with the reasons by field."""
        checker = Checker()
        columns: dict[str, Any] = {
            "key": checker.take("key", self._key, ""),
            "label": checker.take("label", self._label, ""),
            "type": checker.take("type", self._type, AttributeType.TEXT.value),
            "group": checker.take("group", partial(values.text, self.group, max_length=MAX_GROUP), ""),
            "position": checker.take(
                "position", partial(values.integer, self.position or "0", high=MAX_POSITION), 0
            ),
            "is_in_list": self.is_in_list,
            "is_sensitive": self.is_sensitive,
        }
        has_choices = AttributeType(columns["type"]) in _WITH_CHOICES
        no_choices: list[str] = []
        columns["choices"] = checker.take("choices", self._choices, no_choices) if has_choices else no_choices
        if self.is_in_list and self.is_sensitive:
            checker.refuse("is_in_list", N_("A sensitive attribute cannot be shown in lists."))
        checker.done()
        return columns

    def _key(self) -> str:
        key = values.text(self.key, max_length=MAX_KEY)
        if not _KEY.match(key):
            raise BadValue(
                N_("Use small letters a to z, digits and underscores, a letter first, like shirt_fit.")
            )
        return key

    def _label(self) -> str:
        label = values.text(self.label, max_length=values.MAX_NAME)
        if not label:
            raise BadValue(N_("Enter the label that people read."))
        return label

    def _type(self) -> str:
        try:
            return AttributeType(self.type).value
        except ValueError:
            raise BadValue(N_("Choose a type.")) from None

    def _choices(self) -> list[str]:
        lines = values.text(self.choices, max_length=MAX_CHOICES * (MAX_CHOICE + 2), multiline=True)
        choices = [values.text(line, max_length=MAX_CHOICE) for line in lines.splitlines() if line.strip()]
        if not MIN_CHOICES <= len(choices) <= MAX_CHOICES:
            raise BadValue(
                Text.of(
                    N_("Enter %(min_choices)s to %(max_choices)s choices, one a line."),
                    min_choices=MIN_CHOICES,
                    max_choices=MAX_CHOICES,
                )
            )
        # Several choices of one customer are stored in one text, with commas between.
        if any("," in choice for choice in choices):
            raise BadValue(N_("A choice cannot hold a comma."))
        if len({folding.fold(choice) for choice in choices}) != len(choices):
            raise BadValue(N_("Each choice must differ from the others by more than case and accents."))
        return choices
