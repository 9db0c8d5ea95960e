"""The form of a registered address."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import SelectMultipleField, StringField, URLField

from app.domain.events import SUBSCRIBABLE
from app.services.webhooks import WebhookInput
from app.web.filters import code_name
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin


class WebhookForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """An address that is told of events."""

    name = StringField(_("Name"))
    url = URLField(_("Address"))
    kinds = SelectMultipleField(_("Events"), validate_choice=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds.choices = [(kind.value, code_name(kind.value)) for kind in SUBSCRIBABLE]

    def to_input(self) -> WebhookInput:
        """Return the input of the service."""
        return WebhookInput(
            name=self.name.data or "", url=self.url.data or "", kinds=tuple(self.kinds.data or ())
        )
