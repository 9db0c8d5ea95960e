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
_BREAKS = re.compile(r"[\s\-‐‑–—_/,;()\"]+")


def fold(value: str) -> str:
    """Return text without case, accents and apostrophes, words parted by one space."""
    folded = unicodedata.normalize("NFKD", value.casefold())
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return _BREAKS.sub(" ", plain.casefold().translate(_LETTERS)).strip()


def words(value: str) -> list[str]:
    """Return the folded words of a text."""
    return fold(value).split()


def digits(value: str) -> str:
    """Return only the decimal digits, as ASCII."""
    return "".join(str(unicodedata.decimal(c)) for c in value if unicodedata.decimal(c, -1) != -1)
