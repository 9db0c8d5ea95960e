"""The language of the user, and texts of the layers below said in it."""

from flask import request
from flask_babel import gettext

from app.config import API_PREFIX
from app.domain.texts import LANGUAGES, Text
from app.web.access import found_user


def chosen() -> str:
    """Return the language of a page: the user's, or what their browser asks for; the API is English."""
    if request.path.startswith(API_PREFIX):
        return "en"
    user = found_user()
    return user.locale if user else request.accept_languages.best_match(LANGUAGES) or "en"


def say(text: str) -> str:
    """Return a text that arose below the pages in the user's language; unknown ones stay as they are."""
    if isinstance(text, Text):
        values = {
            name: say(value) if isinstance(value, Text) else value for name, value in text.values.items()
        }
        return gettext(text.template, **values) if values else gettext(text.template)
    # gettext("") is the catalogue's own header.
    return gettext(text) if text else ""
