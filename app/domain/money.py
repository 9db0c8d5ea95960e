"""Exact amounts in the smallest unit of their currency."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision

from app.domain.values import BadValue

# What a database's 64-bit integer holds.
MAX_MINOR = 2**63 - 1


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """Return how many decimals amounts in the currency have: 2 for EUR, 0 for JPY."""
    return get_currency_precision(currency)


def to_minor(amount: Decimal | int, currency: str) -> int:
    """Return an amount in the smallest unit (cents, yen), rounded half up.

    Raises BadValue when it is too large to be kept.
    """
    minor = int(Decimal(amount).scaleb(decimals(currency)).to_integral_value(ROUND_HALF_UP))
    if abs(minor) > MAX_MINOR:
        raise BadValue("This amount is too large.")
    return minor
