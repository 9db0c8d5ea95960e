from decimal import Decimal

import pytest

from app.domain.money import MAX_MINOR, to_minor
from app.domain.values import BadValue


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "EUR", 1999),
        ("0.29", "EUR", 29),
        ("-1.10", "EUR", -110),
        ("1.10000", "EUR", 110),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("9999999999.99", "EUR", 999_999_999_999),
    ],
)
def test_an_amount_is_exact_in_the_smallest_unit_of_its_currency(amount, currency, minor):
    assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", "EUR"), ("0.5", "JPY"), ("1.00000000000000000000000000000000001", "EUR")],
)
def test_a_part_of_the_smallest_unit_is_refused(amount, currency):
    with pytest.raises(BadValue, match="digits after the point"):
        to_minor(Decimal(amount), currency)


def test_what_nobody_pays_is_refused():
    assert to_minor(MAX_MINOR, "JPY") == MAX_MINOR
    for amount in (MAX_MINOR + 1, -MAX_MINOR - 1):
        with pytest.raises(BadValue, match="at most 1,000,000,000,000 JPY"):
            to_minor(amount, "JPY")
