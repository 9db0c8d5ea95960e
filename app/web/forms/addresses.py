"""The form of an address, with the fields of its country."""

from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, RadioField, SelectChoice, SelectField, StringField, TelField  # type: ignore[attr-defined]

from app.domain.addresses import FIELD_LABELS, MAX_LENGTHS, AddressInput, country_fields
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin
from app.web.forms.customers import country_choices


class AddressForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """What every country has; `build` adds the country's own fields."""

    type = RadioField(
        lazy_gettext("Type"),
        choices=[
            SelectChoice("shipping", lazy_gettext("Shipping")),
            SelectChoice("billing", lazy_gettext("Billing")),
        ],
        default="shipping",
        validate_choice=False,
    )
    country_code = SelectField(lazy_gettext("Country"), validate_choice=False)
    is_default = BooleanField(lazy_gettext("Use as the default of its type"))
    contact_phone = TelField(lazy_gettext("Phone"))
    field_names: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = country_choices()

    def to_input(self) -> AddressInput:
        """Return the input of the domain."""
        given = {name: self[name].data or "" for name in MAX_LENGTHS if name in self._fields}
        return AddressInput(
            type=self.type.data or "",
            country_code=self.country_code.data or "",
            is_default=bool(self.is_default.data),
            **given,
        )


def build(country_code: str, *args: Any, **kwargs: Any) -> AddressForm:
    """Return the form with the fields of the country, in the order in which people there write them.

    Fields that the country does not use stay as hidden text, so that nothing typed is lost.
    """
    fields = country_fields(country_code)
    members: dict[str, Any] = {}
    for field in fields:
        label = gettext(field.label)
        if field.choices:
            choices = [SelectChoice("", ""), *(SelectChoice(*choice) for choice in field.choices)]
            members[field.name] = SelectField(label, choices=choices, validate_choice=False)
        else:
            members[field.name] = StringField(label)
    unused = [name for name in MAX_LENGTHS if name not in members and name != "contact_phone"]
    for name in unused:
        members[name] = StringField(gettext(FIELD_LABELS[name]))
    form: AddressForm = type("CountryAddressForm", (AddressForm,), members)(*args, **kwargs)
    for field in fields:
        form[field.name].flags.required = field.is_required or None
    kept = tuple(name for name in unused if form[name].data)
    form.field_names = (*(field.name for field in fields), *kept, "contact_phone")
    return form
