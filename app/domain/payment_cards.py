"""What may be kept of a payment card: at most its last four digits.

In a text about a payment any number of 13 to 19 digits whose check digit fits is a card's. Elsewhere only
the numbers of the large card systems are: article numbers and loyalty cards are as long.
"""

import re
from typing import Final

from app.domain import values
from app.domain.texts import N_
from app.domain.values import BadValue

LAST_DIGITS: Final = 4
REFUSED: Final = N_("This looks like the number of a payment card. Leave it out.")
# As many digits as a card has or more, with at most one space, dot, dash or slash between two.
_RUN: Final = re.compile(r"\d(?:[ \u00a0./_-]?\d){12,}")
_GROUP: Final = re.compile(r"\d+")
_CARD_LENGTHS: Final = range(13, 20)
# American Express, Diners, Discover, JCB, Mastercard, Visa.
_ISSUED: Final = re.compile(
    r"(?:3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|4\d{15})\Z",
    re.ASCII,
)


def last_four(text: str) -> str | None:
    """Return at most the last four digits of a card number, None where nothing can be kept.

    A text of up to four characters is returned as it is.
    """
    if len(text) <= LAST_DIGITS:
        return text
    digits = "".join(char for char in text if char.isdecimal())
    return digits[-LAST_DIGITS:] or None


def mask_cards(text: str, *, is_about_payment: bool = True) -> str:
    """Replace each card number inside a text by stars and its last four digits."""
    while len(text) >= _CARD_LENGTHS.start:
        masked = _RUN.sub(lambda run: _mask_run(run.group(), is_about_payment), text)
        if masked == text:
            return text
        # A number that was just cut may have hidden another one beside it.
        text = masked
    return text


def text(value: object, *, max_length: int) -> str:
    """Return a text that somebody wrote about a customer as `values.text` does.

    Raises BadValue for the number of a card in it too: masking would keep what nobody may write down.
    """
    cleaned = values.text(value, max_length=max_length)
    if mask_cards(cleaned, is_about_payment=False) != cleaned:
        raise BadValue(REFUSED)
    return cleaned


def _mask_run(run: str, is_about_payment: bool) -> str:
    """Mask the longest card number that starts and ends with a group of digits."""
    groups = list(_GROUP.finditer(run))
    for first, start in enumerate(groups):
        for end in reversed(groups[first : first + _CARD_LENGTHS.stop]):
            digits = "".join(char for char in run[start.start() : end.end()] if char.isdecimal())
            if (
                len(digits) in _CARD_LENGTHS
                and (is_about_payment or _ISSUED.match(digits))
                and _passes_luhn(digits)
            ):
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
