import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import payment_cards
from app.domain.payment_cards import last_four, mask_cards
from app.domain.values import BadValue

PAN = "4242424242424242"


@pytest.mark.parametrize(
    ("given_number", "kept"),
    [
        (PAN, "4242"),
        ("4242 4242 4242 1234", "1234"),
        ("XXXX-XXXX-XXXX-9876", "9876"),
        ("12345", "2345"),
        ("4242", "4242"),
        ("stri", "stri"),
        ("", ""),
        ("•••• 77", "77"),
        ("٤٢٤٢٤٢٤٢٤٢٤٢١٢٣٤", "١٢٣٤"),
        ("unknown", None),
    ],
)
def test_card_number_keeps_at_most_four_digits(given_number, kept):
    assert last_four(given_number) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Visa {PAN}, ok", "Visa ************4242, ok"),
        ("Visa 4242 4242 4242 4242!", "Visa ************4242!"),
        ("4242-4242-4242-4242", "************4242"),
        ("order 12 4242 4242 4242 4242", "order 12 ************4242"),
        ("378282246310005", "***********0005"),
        ("4222222222222", "*********2222"),
        (f"{PAN} {PAN}", "************4242 ************4242"),
        (f"x{PAN}y", "x************4242y"),
        ("4242424242424241", "4242424242424241"),
        ("12345678901", "12345678901"),
        ("ref 42" * 3, "ref 42" * 3),
        ("", ""),
    ],
)
def test_card_numbers_in_a_text_are_masked(text, kept):
    assert mask_cards(text) == kept
    assert mask_cards(kept) == kept


@given(st.text("0123456789 -x", max_size=60))
def test_masking_twice_changes_nothing_more(text):
    assert mask_cards(mask_cards(text)) == mask_cards(text)


@pytest.mark.parametrize(
    "text", [f"Karte {PAN}", "4242 4242 4242 4242", "378282246310005", "5555.5555.5555.4444"]
)
def test_what_people_write_is_refused_with_a_card_number(text):
    with pytest.raises(BadValue, match="payment card"):
        payment_cards.text(text, max_length=100)


# A number of 16 digits that fails the check, an article's and a long number of no card system.
@pytest.mark.parametrize(
    "text", ["4242424242424241", "4006381330060", "9999999999999995", "+33 6 12 34 56 78"]
)
def test_what_people_write_may_hold_other_long_numbers(text):
    assert payment_cards.text(f" {text} ", max_length=100) == text
