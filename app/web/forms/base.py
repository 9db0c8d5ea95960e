"""What every form shares: trimmed text, the CSRF token, errors of the domain put beside their fields."""

import uuid
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, Form, HiddenField, PasswordField, StringField
from wtforms.validators import ValidationError

from app.domain import values
from app.domain.texts import N_
from app.errors import Conflict, Invalid
from app.web.language import say

MAX_TYPED = 10_000


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _storable(_form: Form, field: Field) -> None:
    """Refuse what no column can hold, in one place for every field."""
    if isinstance(field.data, str):
        try:
            values.text(field.data, max_length=MAX_TYPED)
        except values.BadValue as error:
            raise ValidationError(say(error.reason)) from None


class BaseForm(FlaskForm):
    """A form that trims what was typed and shows the domain's reasons."""

    class Meta(FlaskForm.Meta):
        """Trim and check every text field."""

        def bind_field(self, form: Any, unbound_field: Any, options: Any) -> Any:
            """Add the trimming and the check to text fields, never to passwords."""
            if issubclass(unbound_field.field_class, StringField) and not issubclass(
                unbound_field.field_class, PasswordField
            ):
                options = {**options, "filters": [_strip, *options.get("filters", ())]}
                kwargs = unbound_field.kwargs
                given = list(kwargs.get("validators", ()))
                if _storable not in given:
                    kwargs["validators"] = [_storable, *given]
            return unbound_field.bind(form=form, **options)

    def apply_errors(self, error: Invalid | Conflict) -> list[str]:
        """Put the reasons beside their fields; return those that belong to none, for the error summary."""
        rest: list[str] = []
        for name, reasons in error.fields.items():
            said = [say(reason) for reason in reasons]
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, *said]
            else:
                rest.extend(said)
        if not error.fields:
            rest.append(say(error.message))
        self.form_errors.extend(rest)
        return rest


class ActForm(BaseForm):
    """A form without fields of its own: only the token."""


class RevisionMixin:
    """A form that edits: carries the revision it was opened with."""

    revision = HiddenField()

    @property
    def seen_revision(self) -> int:
        """The revision that the form was opened with. Raises Invalid for none."""
        try:
            return values.integer(self.revision.data)
        except values.BadValue:
            raise Invalid(
                {"": [N_("Load the page again: the form does not say which version it shows.")]}
            ) from None


class IdempotencyMixin:
    """A form that creates: carries a key, so that sending it twice creates once."""

    idempotency_key = HiddenField(default=lambda: uuid.uuid4().hex)

    @property
    def sent_key(self) -> str:
        """The key that was sent; a new one where it was taken out of the form."""
        return self.idempotency_key.data or uuid.uuid4().hex
