"""Exact amounts in the smallest unit of their currency."""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from babel.numbers import get_currency_precision

from app.domain.texts import N_, Text
from app.domain.values import BadValue

# Ten thousand million in euro: beyond what anybody pays, and a million of them still sum in 64 bits.
MAX_MINOR = 10**12


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """Return how many decimals amounts in the currency have: 2 for EUR, 0 for JPY."""
    return get_currency_precision(currency)


# Each order asks for its total more than once, and many cost the same.
@lru_cache(maxsize=4096)
def to_minor(amount: Decimal | int, currency: str) -> int:
    """Return an exact amount in the smallest unit (cents, yen).

    Raises BadValue for a part of the smallest unit, and for what is too large to be kept.
    """
    digits = decimals(currency)
    # A Decimal's own arithmetic rounds to 28 digits; a fraction is exact.
    scaled = Fraction(amount) * 10**digits
    if scaled.denominator != 1:
        raise BadValue(
            Text.of(
                N_("Write an amount that can be paid: %(currency)s has %(digits)s digits after the point."),
                currency=currency,
                digits=digits or "0",
            )
        )
    if abs(scaled.numerator) > MAX_MINOR:
        raise BadValue(
            Text.of(
                N_("Write an amount of at most %(most)s %(currency)s."),
                most=f"{MAX_MINOR // 10**digits:,}",
                currency=currency,
            )
        )
    return int(scaled.numerator)
