"""The language of the user, and texts of the layers below said in it."""

from flask_babel import gettext

from app.domain.texts import Text


def say(text: str) -> str:
    """Return a text that arose below the pages in the user's language; unknown ones stay as they are."""
    if isinstance(text, Text):
        values = {
            name: say(value) if isinstance(value, Text) else value for name, value in text.values.items()
        }
        return gettext(text.template, **values) if values else gettext(text.template)
    # gettext("") is the catalogue's own header.
    return gettext(text) if text else ""
