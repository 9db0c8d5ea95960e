import pytest

from app.domain.revisions import rewind, three_way


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "written", "asked"),
    [
        ("Ada", "Ada", "Ada", {}, ()),
        ("Ada", "Ada", "Eva", {"name": "Eva"}, ()),
        ("Ada", "Eva", "Ada", {}, ()),
        ("Ada", "Eva", "Eva", {}, ()),
        ("Ada", "Eva", "Ida", {}, ("name",)),
        ("Ada", "", "Ida", {}, ("name",)),
        ("", "Ada", "", {}, ()),
    ],
)
def test_a_field_is_written_where_only_the_edit_changed_it_and_asked_about_where_both_did(
    base, theirs, mine, written, asked
):
    merged = three_way(base={"name": base}, theirs={"name": theirs}, mine={"name": mine}, saved={})
    assert (merged.changes, tuple(one.field for one in merged.conflicts)) == (written, asked)


def test_values_are_taken_back_to_before_the_oldest_of_several_changes():
    changes = [{"name": ["Eva", "Ida"]}, {"name": ["Ada", "Eva"], "city": [None, "Lyon"]}]
    assert rewind({"name": "Ida", "city": "Lyon", "zip": "1"}, changes) == {
        "name": "Ada",
        "city": None,
        "zip": "1",
    }
