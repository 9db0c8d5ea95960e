"""The form of a wording of consent."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import SelectField, SelectMultipleField, StringField

from app.domain.consent_wordings import WordingInput
from app.domain.consents import Channel, Purpose
from app.web.forms.admin import LinesField
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin


class WordingForm(RevisionMixin, IdempotencyMixin, BaseForm):
    """What the customer reads, for what, and in which language."""

    title = StringField(_("Title"))
    text = LinesField(_("Text, exactly as the customer agrees to it"))
    language = StringField(_("Language, like en, fr or pt-BR"))
    purpose = SelectField(_("Purpose"), validate_choice=False)
    channels = SelectMultipleField(_("Channels (none: all)"), validate_choice=False)
    key = StringField(_("Key, the same for all languages and versions"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.purpose.choices = [(purpose.value, _(purpose.label)) for purpose in Purpose]
        self.channels.choices = [(channel.value, _(channel.label)) for channel in Channel]

    def to_input(self) -> WordingInput:
        """Return the input of the domain."""
        return WordingInput(
            key=self.key.data or "",
            purpose=self.purpose.data or "",
            channels=tuple(self.channels.data or ()),
            language=self.language.data or "",
            title=self.title.data or "",
            text=str(self.text.data or ""),
        )
