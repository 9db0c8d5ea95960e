"""docs/consents.md says of every state and declaration what the code does."""

import re
from pathlib import Path

from app.domain.consents import MOVES, REVIEW_MOVES, State

PAGE = Path(__file__).parent.parent.parent / "docs/consents.md"


def test_the_table_of_states_is_the_one_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    columns = re.search(r"^\| declaration \| (.*) \|$", text, re.MULTILINE)[1].split(" | ")
    assert set(columns) == set(State)
    rows = {
        action: dict(zip(columns, cells.split(" | "), strict=True))
        for action, cells in re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    }
    moves = MOVES | REVIEW_MOVES
    assert rows == {
        action: {state: found.get(state, "–") for state in columns} for action, found in moves.items()
    }
