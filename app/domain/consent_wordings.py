"""Wordings of consent: what an administrator may write, and which one a customer is shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages

from app.domain import values
from app.domain.consents import Channel, Purpose
from app.domain.fields import Checker
from app.domain.texts import N_
from app.domain.values import BadValue

MAX_TITLE = 120
MAX_TEXT = 4000
FALLBACK_LANGUAGE = "en"
# Written from right to left; the page that shows such a wording says so.
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

_KEY = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")


class Wording(Protocol):
    """What choosing a wording needs to know of it."""

    channels: Any
    language: Any
    version: Any


W = TypeVar("W", bound=Wording)


@dataclass(frozen=True, kw_only=True)
class WordingInput:
    """A wording as it was typed."""

    key: str
    purpose: str
    channels: tuple[str, ...] = ()
    language: str
    title: str
    text: str

    def check(self) -> dict[str, Any]:
        """Return the columns. Raises Invalid with every reason."""
        checker = Checker()
        columns = {
            "key": checker.take("key", lambda: _key(self.key), ""),
            "purpose": checker.take("purpose", lambda: _purpose(self.purpose), ""),
            "channels": checker.take("channels", lambda: _channels(self.channels), list[str]()),
            "language": checker.take("language", lambda: language(self.language), ""),
            "title": checker.take("title", lambda: _filled(self.title, MAX_TITLE), ""),
            "text": checker.take("text", lambda: _filled(self.text, MAX_TEXT, multiline=True), ""),
        }
        checker.done()
        return columns


def language(value: object) -> str:
    """Return a language tag like `fr` or `pt-BR`. Raises BadValue for one that nobody speaks."""
    tag = values.text(value, max_length=10)
    try:
        known = _LANGUAGE.match(tag) and Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        known = None
    if not known:
        raise BadValue(N_("Choose a language, or give its tag, like fr or pt-BR."))
    return tag


def language_of(country_code: str) -> str:
    """Return the language that most people of a country read, `en` where that is not known."""
    found = get_official_languages(country_code, de_facto=True) if country_code else ()
    return found[0].split("_")[0] if found else FALLBACK_LANGUAGE


def language_name(tag: str, *, language: str = "") -> str:
    """Return a language's name in `language`; without one in its own, so that its readers find it.

    A tag that nobody knows, which an imported declaration may carry, is returned as it is.
    """
    try:
        name = Locale.parse(tag, sep="-").get_display_name(language or None) or tag
    except (ValueError, UnknownLocaleError):
        return tag
    return name[:1].upper() + name[1:]


def direction(tag: str) -> str:
    """Return `rtl` or `ltr` for the attribute `dir`."""
    return "rtl" if tag.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"


def preferred(available: Iterable[str], *wanted: str) -> str | None:
    """Return the first wanted language that is there, by its base where need be, else any."""
    there = sorted(set(available))
    for tag in (*wanted, FALLBACK_LANGUAGE):
        for candidate in (tag, tag.split("-")[0]):
            if candidate and candidate in there:
                return candidate
    return there[0] if there else None


def choose(wordings: Iterable[W], channel: Channel) -> W | None:
    """Return the wording that fits a channel best: made for the fewest channels, then newest."""
    fitting = [one for one in wordings if not one.channels or channel.value in one.channels]
    return min(fitting, key=lambda one: (len(one.channels) or len(Channel) + 1, -one.version), default=None)


def _key(value: str) -> str:
    key = values.text(value, max_length=40).lower()
    if not _KEY.match(key):
        raise BadValue(N_("Use 2 to 40 small letters, digits and hyphens, like clienteling-phone."))
    return key


def _purpose(value: str) -> str:
    try:
        return Purpose(value).value
    except ValueError:
        raise BadValue(N_("Choose a purpose.")) from None


def _channels(given: tuple[str, ...]) -> list[str]:
    try:
        chosen = {Channel(value) for value in given}
    except ValueError:
        raise BadValue(N_("Choose from the channels.")) from None
    # All of them is the same as no limit.
    return [] if len(chosen) == len(Channel) else [one.value for one in Channel if one in chosen]


def _filled(value: str, size: int, *, multiline: bool = False) -> str:
    cleaned = values.text(value.replace("\r\n", "\n"), max_length=size, multiline=multiline)
    if not cleaned:
        raise BadValue(N_("Write the words that the customer reads."))
    return cleaned
