import pytest

from app.domain.attributes import read
from app.domain.values import BadValue


@pytest.mark.parametrize(
    "number",
    ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "4111 1111 1111 1111 12/29"],
)
def test_no_card_number_is_written_down(number):
    with pytest.raises(BadValue):
        read(None, f"pays with {number} always")


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1112", "+33 6 12 34 56 78", "2610123456789", "order 12345, 4 shirts"]
)
def test_other_numbers_stay(text):
    assert read(None, text) == text
