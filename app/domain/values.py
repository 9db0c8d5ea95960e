"""E-mail, phone, country and plain text: parse, normalise, refuse with a reason."""

import re
import unicodedata
from functools import lru_cache

import phonenumbers

from app.domain.iso_codes import COUNTRY_CODES
from app.domain.texts import N_, Text

MAX_EMAIL = 254
MAX_NAME = 100
MAX_PHONE = 40

# Marks that reorder text on screen; a name never needs them and a forger does.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT_CONTROLS = frozenset("\t\n\r")
_INTEGER = re.compile(r"[0-9]{1,9}\Z")


class BadValue(ValueError):
    """A value that cannot be taken; the text says how to mend it."""

    @property
    def reason(self) -> str:
        """The text as it was given, with what its translation needs."""
        return str(self) if not self.args else self.args[0]


def text(value: object, *, max_length: int, multiline: bool = False) -> str:
    """Return the text trimmed and in composed form (NFC).

    Raises BadValue for anything but text, for text that is too long and for characters that
    cannot be stored or shown: NUL and other controls, lone surrogates, direction overrides.
    """
    if not isinstance(value, str):
        raise BadValue(N_("Enter text."))
    if value.isascii() and value.isprintable() and len(value) <= max_length:
        # Nothing of what follows can be in it, and most texts are such.
        return value.strip()
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        raise BadValue(N_("This holds a broken character. Type it again."))
    cleaned = unicodedata.normalize("NFC", value).strip()
    kept = _KEPT_CONTROLS if multiline else frozenset()
    for character in cleaned:
        if character in _BIDI_CONTROLS or (unicodedata.category(character) == "Cc" and character not in kept):
            raise BadValue(N_("This holds an invisible control character. Type it again."))
    if len(cleaned) > max_length:
        raise BadValue(
            Text.of(N_("This is too long: use at most %(max_length)s characters."), max_length=max_length)
        )
    return cleaned


def line(value: object, *, max_length: int) -> str:
    """Return `text` of what was typed or pasted on one line: tabs and line ends part words like blanks."""
    if isinstance(value, str):
        value = value.translate({9: " ", 10: " ", 13: " "})
    return text(value, max_length=max_length)


def email(value: object) -> str:
    """Return the e-mail address in its normal form (the domain in lower case).

    Raises BadValue with what is wrong.
    """
    cleaned = text(value, max_length=MAX_EMAIL)
    if not cleaned:
        raise BadValue(N_("Enter an e-mail address, like name@example.com."))
    # Only who types an address needs it, and its patterns take 30 ms to be made.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 -- see above

    try:
        return validate_email(cleaned, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise BadValue(N_("Enter an e-mail address, like name@example.com.")) from None


def email_key(normal: str) -> str:
    """Return the form under which an e-mail address is unique: without regard to case."""
    return normal.casefold()


# The orders of one customer mostly stand together in a file.
@lru_cache(maxsize=256)
def find_email_key(given: str | None) -> str | None:
    """Return the key of what may be an e-mail address, None for what is none."""
    try:
        return email_key(email(given or ""))
    except BadValue:
        return None


def phone(value: object, *, region: str | None, strict: bool = True) -> tuple[str, str | None]:
    """Return the phone number as typed and, where it can be read, in E.164 form.

    `region` is the country (ISO 3166-1 alpha-2) assumed for numbers without `+`. A number that
    cannot be dialled is kept as typed: people dictate extensions, and a card may be all there is.
    Raises BadValue when it holds fewer than four digits or anything that is not a number; without
    `strict`, which API v0 never asked of its clients, that is kept as typed too.
    """
    typed = text(value, max_length=MAX_PHONE)
    if not typed:
        return "", None
    if not may_be_phone(typed):
        if not strict:
            return typed, None
        raise BadValue(N_("Enter a phone number with digits, like +33 6 12 34 56 78."))
    try:
        parsed = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return typed, None
    if not phonenumbers.is_possible_number(parsed):
        return typed, None
    return typed, phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def may_be_phone(typed: str) -> bool:
    """True for four digits or more with nothing but what people write between them."""
    digits = sum(character.isdigit() for character in typed)
    return digits >= 4 and not re.search(r"[^\d\s+()./xX#,;\-\u2010-\u2015\u00a0]", typed)


def country(value: object) -> str:
    """Return the country code in capitals, or "" for none. Raises BadValue for an unknown one."""
    code = text(value, max_length=MAX_NAME).upper()
    if code and code not in COUNTRY_CODES:
        raise BadValue(N_("Choose a country, or give its two-letter code, like FR."))
    return code


def integer(value: object, *, low: int = 0, high: int = 999_999_999) -> int:
    """Return a whole number written in plain digits. Raises BadValue outside `low` to `high`."""
    if not isinstance(value, str) or not _INTEGER.match(value) or not low <= int(value) <= high:
        raise BadValue(Text.of(N_("Enter a whole number from %(low)s to %(high)s."), low=low, high=high))
    return int(value)


def mask_email(value: str) -> str:
    """Return an e-mail address that its owner would know and nobody else: m•••@ex•••."""
    name, _, host = value.partition("@")
    return f"{name[:1]}•••@{host[:2]}•••" if host else "•••"


def mask_phone(value: str) -> str:
    """Return a phone number of which only the last two digits can be read."""
    digits = "".join(filter(str.isdigit, value))
    return f"••• ••{digits[-2:]}" if len(digits) >= 4 else "•••" if value else ""


def mask_name(first: str, last: str) -> str:
    """Return the initials of a name with the rest hidden: J••• S•••."""
    return " ".join(f"{part[:1]}•••" for part in (first, last) if part) or "•••"
