"""Forms for signing in and for the own password."""

from flask_babel import lazy_gettext as _
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import DataRequired, InputRequired

from app.web.forms.base import BaseForm


class SignInForm(BaseForm):
    """E-mail and password."""

    username = EmailField(_("E-mail"), validators=[DataRequired(_("Enter your e-mail address."))])
    password = PasswordField(_("Password"), validators=[InputRequired(_("Enter your password."))])
    next = HiddenField()


class PasswordForm(BaseForm):
    """The own password, old and new."""

    old_password = PasswordField(_("Password now"), validators=[InputRequired(_("Enter your password."))])
    password = PasswordField(_("New password"), validators=[InputRequired(_("Enter a new password."))])
