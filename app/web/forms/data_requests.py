"""Forms for customers' requests about their data."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import RadioField, SelectField, StringField

from app.domain.data_requests import Identity, Kind
from app.web.forms.base import BaseForm, IdempotencyMixin, RevisionMixin


class NewRequestForm(IdempotencyMixin, BaseForm):
    """What the customer asks for, and how somebody made sure that it is the customer."""

    kind = RadioField(_("What the customer asks for"), validate_choice=False)
    identity = SelectField(_("How you made sure that it is the customer"), validate_choice=False)
    identity_note = StringField(_("Note on that"))
    note = StringField(_("What was asked"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [(kind.value, gettext(kind.label)) for kind in Kind]
        self.identity.choices = [(one.value, gettext(one.label)) for one in Identity]


class IdentityForm(RevisionMixin, BaseForm):
    """How somebody made sure that it is the customer who asks."""

    identity = SelectField(_("How you made sure that it is the customer"), validate_choice=False)
    identity_note = StringField(_("Note on that"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # First "not checked yet", which is refused: nobody is to note by a slip what nobody did.
        self.identity.choices = [(one.value, gettext(one.label)) for one in Identity]


class ReasonForm(RevisionMixin, BaseForm):
    """Why it is extended or called off."""

    reason = StringField(_("Reason"))


class CloseForm(RevisionMixin, BaseForm):
    """How it was answered."""

    outcome = StringField(_("What was done"))
    result = RadioField(_("Result"), default="done")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.result.choices = [("done", gettext("Answered")), ("refused", gettext("Refused"))]
