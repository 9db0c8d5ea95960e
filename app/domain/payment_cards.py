"""What may be kept of a payment card: at most its last four digits."""

import re
from typing import Final

LAST_DIGITS: Final = 4
# Groups of digits with at most one space, dot, dash or slash between them.
_RUN: Final = re.compile(r"\d+(?:[ \u00a0./_-]\d+)*")
_GROUP: Final = re.compile(r"\d+")
_CARD_LENGTHS: Final = range(13, 20)


def last_four(text: str) -> str | None:
    """Return at most the last four digits of a card number, None where nothing can be kept.

    A text of up to four characters is returned as it is.
    """
    if len(text) <= LAST_DIGITS:
        return text
    digits = "".join(char for char in text if char.isdecimal())
    return digits[-LAST_DIGITS:] or None


def mask_cards(text: str) -> str:
    """Replace each card number inside a text by stars and its last four digits."""
    while True:
        masked = _RUN.sub(lambda run: _mask_run(run.group()), text)
        if masked == text:
            return text
        # A number that was just cut may have hidden another one beside it.
        text = masked


def _mask_run(run: str) -> str:
    """Mask the longest card number that starts and ends with a group of digits."""
    groups = list(_GROUP.finditer(run))
    for first, start in enumerate(groups):
        for end in reversed(groups[first : first + _CARD_LENGTHS.stop]):
            digits = "".join(char for char in run[start.start() : end.end()] if char.isdecimal())
            if len(digits) in _CARD_LENGTHS and _passes_luhn(digits):
                return (
                    run[: start.start()]
                    + "*" * (len(digits) - LAST_DIGITS)
                    + digits[-LAST_DIGITS:]
                    + run[end.end() :]
                )
    return run


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
