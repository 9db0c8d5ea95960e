import pytest

from app.domain.paging import MAX_OFFSET, Page


@pytest.mark.parametrize(
    ("offset", "number", "total", "capped", "has_next"),
    [
        (0, 25, 25, False, False),
        (0, 25, 26, False, True),
        (25, 1, 26, False, False),
        (25, 25, 50, False, False),
        (0, 25, 25, True, True),
        (MAX_OFFSET - 25, 25, 20_000, False, True),
        (MAX_OFFSET, 25, 20_000, False, False),
    ],
)
def test_a_page_leads_on_while_there_is_more_that_may_be_asked_for(offset, number, total, capped, has_next):
    page = Page(items=range(number), offset=offset, requested=25, total=total, total_capped=capped)
    assert page.has_next is has_next
