"""Forms for a customer's own fields."""

from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _
from wtforms import EmailField, SelectChoice, SelectField, StringField, TelField  # type: ignore[attr-defined]
from wtforms.validators import DataRequired

from app.domain.customers import FIELD_LABELS, CustomerChanges, CustomerInput
from app.domain.iso_codes import COUNTRY_CODES
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin


def country_choices() -> list[SelectChoice]:
    """Return the choices of all countries in the user's language, by name, with none first."""
    names = get_locale().territories
    by_name = sorted(COUNTRY_CODES, key=lambda code: str(names[code]))
    return [SelectChoice("", ""), *(SelectChoice(code, names[code]) for code in by_name)]


class _ContactFields(BaseForm):
    first_name = StringField(_("First name"))
    last_name = StringField(_("Last name"))
    email = EmailField(
        _("E-mail"), validators=[DataRequired(_("Enter an e-mail address, like name@example.com."))]
    )
    phone_number = TelField(_("Phone"))
    country_code = SelectField(_("Country"), validate_choice=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = country_choices()

    def given(self) -> dict[str, str]:
        """Return what was typed, field by field."""
        return {name: self[name].data or "" for name in FIELD_LABELS}


class NewCustomerForm(IdempotencyMixin, _ContactFields):
    """A new customer."""

    def to_input(self) -> CustomerInput:
        """Return the input of the domain."""
        return CustomerInput(**self.given())


class ContactForm(RevisionMixin, _ContactFields):
    """A customer's contact data, edited in place."""

    def to_changes(self) -> CustomerChanges:
        """Return the changes of the domain."""
        return CustomerChanges(**self.given())
