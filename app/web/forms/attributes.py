"""The form of a customer's extended attributes, made from the definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import Field, HiddenField, RadioField, SelectChoice, SelectMultipleField, StringField  # type: ignore[attr-defined]

from app.domain import attributes
from app.domain.attributes import AttributeType, Definition
from app.web.forms.base import BaseForm, RevisionMixin

PREFIX = "attribute_"


class AttributesForm(RevisionMixin, BaseForm):
    """Only the revision, and which attributes it asks for; `build` adds a field for each definition."""

    asked = HiddenField()


@dataclass(frozen=True, kw_only=True)
class FormEntry:
    """One field of the form and the kind of its definition."""

    field: Field
    kind: str


@dataclass(frozen=True, kw_only=True)
class FormGroup:
    """The fields of one group."""

    label: str
    fields: Sequence[FormEntry]


def build(definitions: Mapping[str, Definition], current: Mapping[str, str]) -> AttributesForm:
    """Return the form with a field for each definition, filled with the customer's values.

    What the sent form did not ask for yet, since its definition is newer, has the customer's value too:
    a field that was not there is no wish to remove it.
    """
    members: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for key, definition in definitions.items():
        value = current.get(key, "")
        members[PREFIX + key] = _field(definition, value)
        is_several = definition.type == AttributeType.CHOICES
        data[PREFIX + key] = list(attributes.split_choices(value)) if is_several else value
    form: AttributesForm = type("DefinedAttributesForm", (AttributesForm,), members)(data=data)
    if form.asked.data:
        for key in definitions.keys() - set(form.asked.data.split()):
            form[PREFIX + key].process_data(data[PREFIX + key])
    form.asked.data = " ".join(definitions)
    return form


def given(form: AttributesForm, definitions: Mapping[str, Definition]) -> dict[str, str]:
    """Return {key: value} as the domain takes it."""
    found = {}
    for key in definitions:
        data = form[PREFIX + key].data
        found[key] = attributes.SEPARATOR.join(data) if isinstance(data, list) else data or ""
    return found


def groups(form: AttributesForm, definitions: Mapping[str, Definition]) -> list[FormGroup]:
    """Return the fields by group, in the order of the definitions."""
    found: dict[str, list[FormEntry]] = {}
    for key, definition in definitions.items():
        field = form[PREFIX + key]
        # The browser's calendar shows nothing of a value that is no date.
        is_unreadable = definition.type == AttributeType.DATE and not _is_date(field.data)
        kind = AttributeType.TEXT if is_unreadable else definition.type
        found.setdefault(definition.group, []).append(FormEntry(field=field, kind=kind))
    return [FormGroup(label=label, fields=entries) for label, entries in found.items()]


def _is_date(text: str) -> bool:
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _field(definition: Definition, value: str) -> Field:
    # A value that the definition does not have stays choosable, so that saving loses nothing.
    choices = [SelectChoice(choice) for choice in attributes.choices_of(definition, value)]
    match AttributeType(definition.type):
        case AttributeType.CHOICE:
            return RadioField(
                definition.label, choices=[*choices, SelectChoice("", _("None"))], validate_choice=False
            )
        case AttributeType.YES_NO:
            yes_no = [
                SelectChoice("yes", _("Yes")),
                SelectChoice("no", _("No")),
                *([SelectChoice(value)] if value not in {"", "yes", "no"} else []),
                SelectChoice("", _("Not known")),
            ]
            return RadioField(definition.label, choices=yes_no, validate_choice=False)
        case AttributeType.CHOICES:
            return SelectMultipleField(definition.label, choices=choices, validate_choice=False)
        case _:
            return StringField(definition.label)
