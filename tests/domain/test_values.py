import pytest

from app.domain import values


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        (values.mask_phone("+33 6 12 34 56 78"), "••• ••78"),
        (values.mask_phone("123"), "•••"),
        (values.mask_phone(""), ""),
        (values.mask_email("marie@mail.example"), "m•••@ma•••"),
        (values.mask_email("marie"), "•••"),
        (values.mask_name("Marie", "Lefèvre"), "M••• L•••"),
        (values.mask_name("", ""), "•••"),
    ],
)
def test_a_mask_leaves_what_its_owner_knows_and_nobody_else(masked, shown):
    assert masked == shown
