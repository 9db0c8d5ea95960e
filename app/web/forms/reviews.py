"""Forms of the review of opt-ins."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import HiddenField, RadioField, SelectChoice, TextAreaField  # type: ignore[attr-defined]

from app.domain.consent_reviews import MAX_NOTE, Decision, Reason
from app.web.forms.base import BaseForm


class VerdictForm(BaseForm):
    """What is decided, and why; `seen` is the newest decision that the page showed."""

    decision = HiddenField()
    seen = HiddenField()
    reason = RadioField(
        lazy_gettext("Why is it not sufficient?"),
        choices=lambda: [SelectChoice(one.value, _(one.label)) for one in Reason],
        validate_choice=False,
    )
    note = TextAreaField(lazy_gettext("Note"), render_kw={"maxlength": MAX_NOTE, "rows": 2})

    def chosen(self) -> tuple[Decision | None, Reason | None]:
        """Return the decision and the reason, none for what is no such thing."""
        return _known(Decision, self.decision.data), _known(Reason, self.reason.data)


def _known(kind: Any, value: Any) -> Any:
    return kind(value) if value in set(kind) else None
