"""Each page of the access table, as an administrator opens it: nothing wrong, nothing too wide."""

import re

import pytest

from tests.rules.access_table import TABLE
from tests.rules.things import make_things

# The narrowest screen and the dark colours at once: the journeys look at the others.
SCREEN = {"viewport": {"width": 320, "height": 700}, "color_scheme": "dark"}
# No pages: files, answers to programs, and what leads on to another page.
_NO_PAGE = re.compile(r"^GET /(static/|livez|readyz|v0/(?!docs)|sign-in)|\.(csv|json)$")


def paths(things):
    for name, line in TABLE.items():
        is_page = name.startswith("GET") and line.expected()["admin"] == 200 and not _NO_PAGE.search(name)
        if is_page:
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things.argument(found[1])), name[4:])
            yield path


@pytest.mark.parametrize("half", [0, 1])
def test_nothing_is_wrong_with_any_page(tablet, cast, session, half):
    things = make_things(session, cast.north)
    root = tablet(**SCREEN)
    root.enter(cast.root)
    mine, faults = list(paths(things))[half::2], {}
    assert len(mine) > 30
    for path in mine:
        root.complaints.clear()
        root.open(path)
        try:
            root.check()
        except AssertionError as error:
            faults[path] = str(error)[:300]
    assert faults == {}
