"""The one normal form of text that is searched, the same for both databases.

SQLite folds ASCII only and PostgreSQL folds otherwise, so it is computed here.
"""

import re
import unicodedata

# Letters that Unicode does not take apart, written as people type them without them.
_LETTERS = str.maketrans(
    {
        "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d",
        "ħ": "h", "ŋ": "n", "'": None, "’": None, "‘": None, "ʼ": None, "´": None, "`": None,
    }
)  # fmt: skip
# What parts words, besides blanks.
BREAKS = '-‐‑–—_/,;()"'
_BREAKS = re.compile(rf"[\s{re.escape(BREAKS)}]+")
_ASCII = str.maketrans({**dict.fromkeys(BREAKS, " "), "'": None, "`": None})
_NO_DIGITS = {code: None for code in range(128) if not chr(code).isdecimal()}


def fold(value: str) -> str:
    """Return text without case, accents and apostrophes, words parted by one space."""
    if value.isascii():
        # The same in a fifth of the time; a page of a search folds a hundred names and numbers.
        return " ".join(value.lower().translate(_ASCII).split())
    folded = unicodedata.normalize("NFKD", value.casefold())
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return _BREAKS.sub(" ", plain.casefold().translate(_LETTERS)).strip()


def words(value: str) -> list[str]:
    """Return the folded words of a text."""
    if value.isascii():
        return value.lower().translate(_ASCII).split()
    return fold(value).split()


def digits(value: str) -> str:
    """Return only the decimal digits, as ASCII."""
    if value.isascii():
        return value.translate(_NO_DIGITS)
    return "".join(str(unicodedata.decimal(c)) for c in value if unicodedata.decimal(c, -1) != -1)
