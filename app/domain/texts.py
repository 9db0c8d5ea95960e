"""Texts for people that arise below the pages: written in English here, translated where they are shown."""

from typing import Self

# What pages, and mails to people who work here, are written in; customers are spoken to in more.
LANGUAGES = ("en", "de")


def N_(text: str) -> str:  # noqa: N802 - the name under which message extraction knows it
    """Mark a text for translation, which happens where it is shown."""
    return text


class Text(str):
    """An English text with values in it, which keeps what a translation needs.

    `Text.of(N_("Use at most %(count)s characters."), count=5)` reads as the English sentence.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, object]

    @classmethod
    def of(cls, template: str, **values: object) -> Self:
        """Return the template filled with the values; without any it may hold a bare `%`."""
        text = cls(template % values if values else template)
        text.template, text.values = template, values
        return text
