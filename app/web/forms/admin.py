"""Forms for stores, associates and attribute definitions."""

import uuid
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.widgets import TextArea

from app.domain.associates import AssociateInput
from app.domain.attribute_definitions import DefinitionInput
from app.domain.attributes import AttributeType
from app.domain.permissions import ASSIGNABLE, SCOPE_LABELS, Scope
from app.domain.stores import StoreInput, time_zones
from app.domain.texts import N_
from app.domain.tokens import ApiClientInput
from app.errors import Invalid
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin
from app.web.forms.customers import country_choices


class LinesField(Field):
    """Text of several lines; the domain checks each, as the shared check refuses line ends."""

    widget: Any = TextArea()

    def _value(self) -> str:
        return str(self.data or "")


class StoreForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """A store."""

    name = StringField(_("Name"))
    country_code = SelectField(_("Country"), validate_choice=False)
    currency = StringField(_("Currency"), default="EUR")
    time_zone = SelectField(_("Time zone"), validate_choice=False, default="Europe/Paris")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = country_choices()
        self.time_zone.choices = [(name, name) for name in time_zones()]

    def to_input(self) -> StoreInput:
        """Return the input of the domain."""
        return StoreInput(
            name=self.name.data or "",
            country_code=self.country_code.data or "",
            currency=self.currency.data or "",
            time_zone=self.time_zone.data or "",
        )


class AssociateForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """An associate's account."""

    first_name = StringField(_("First name"))
    last_name = StringField(_("Last name"))
    email = EmailField(_("E-mail"))
    role = SelectField(_("Role"), validate_choice=False)
    store_ids = SelectMultipleField(_("Stores"), validate_choice=False)

    def __init__(self, *args: Any, stores: list[tuple[str, str, bool]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.role.choices = [(role.value, _(role.label)) for role in ASSIGNABLE]
        mine = self.store_ids.data or []
        self.store_ids.choices = [(key, name) for key, name, is_open in stores if is_open or key in mine]

    def to_input(self) -> AssociateInput:
        """Return the input of the domain. Raises Invalid for a store that is none."""
        try:
            store_ids = frozenset(uuid.UUID(value) for value in self.store_ids.data or [])
        except ValueError:
            raise Invalid({"store_ids": [N_("Choose from the stores that are open.")]}) from None
        return AssociateInput(
            email=self.email.data or "",
            first_name=self.first_name.data or "",
            last_name=self.last_name.data or "",
            role=self.role.data or "",
            store_ids=store_ids,
        )


class ApiClientForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """A program that uses the API."""

    name = StringField(_("Name"))
    scopes = SelectMultipleField(_("What it may do"), validate_choice=False)
    every_store = BooleanField(_("All stores"))
    store_ids = SelectMultipleField(_("Only these stores"), validate_choice=False)

    def __init__(self, *args: Any, stores: list[tuple[str, str, bool]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scopes.choices = [(scope.value, _(SCOPE_LABELS[scope])) for scope in Scope]
        mine = self.store_ids.data or []
        self.store_ids.choices = [(key, name) for key, name, is_open in stores if is_open or key in mine]

    def to_input(self) -> ApiClientInput:
        """Return the input of the domain. Raises Invalid for a store that is none."""
        try:
            store_ids = frozenset(uuid.UUID(value) for value in self.store_ids.data or [])
        except ValueError:
            raise Invalid({"store_ids": [N_("Choose from the stores that are open.")]}) from None
        return ApiClientInput(
            name=self.name.data or "",
            scopes=frozenset(self.scopes.data or []),
            store_ids=store_ids,
            every_store=bool(self.every_store.data),
        )


class AssociatePasswordForm(RevisionMixin, BaseForm):
    """A new password for an associate."""

    password = PasswordField(_("New password"))


class DefinitionForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """How an attribute is asked, checked and shown."""

    label = StringField(_("Label"))
    key = StringField(_("Key"))
    type = SelectField(_("Type"), validate_choice=False, default=AttributeType.TEXT.value)
    choices = LinesField(_("Choices, one a line"))
    group = StringField(_("Group"))
    position = StringField(_("Place in the group"), default="0")
    is_in_list = BooleanField(_("Show in the list of customers"))
    is_sensitive = BooleanField(_("Sensitive"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type.choices = [(kind.value, _(kind.label)) for kind in AttributeType]

    def to_input(self) -> DefinitionInput:
        """Return the input of the domain."""
        return DefinitionInput(
            key=self.key.data or "",
            label=self.label.data or "",
            type=self.type.data or "",
            choices=self.choices.data or "",
            group=self.group.data or "",
            position=self.position.data or "",
            is_in_list=bool(self.is_in_list.data),
            is_sensitive=bool(self.is_sensitive.data),
        )
