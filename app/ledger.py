"""The file of the ledger of erasures: beside the database, so that restoring a backup does not lose it."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.erasures import LedgerLine
from app.errors import Conflict

NAME = "erasures.jsonl"
_BEGIN = '{"key_id": "'
# As `LedgerLine.dumps` writes it.
_KEY_ID = re.compile(rb'^\{"key_id": "([0-9a-f]+)"', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a ledger's file holds, and the numbers of the lines that a power cut broke off."""

    lines: list[LedgerLine]
    broken_off: list[int]


def read(path: Path) -> Contents:
    """Return what a ledger holds. Raises Conflict with the numbers of lines that are none of a ledger."""
    lines: list[LedgerLine] = []
    broken_off: list[int] = []
    bad: list[int] = []
    for number, line, is_broken_off in _parsed(path):
        if line is not None:
            lines.append(line)
        else:
            (broken_off if is_broken_off else bad).append(number)
    if bad:
        first = ", ".join(map(str, bad[:10])) + (", …" if len(bad) > 10 else "")
        raise Conflict(
            message=f"{path} is no ledger of erasures, or it was changed: {len(bad)} lines are none of a "
            f"ledger ({first}). Nothing was replayed."
        )
    return Contents(lines=lines, broken_off=broken_off)


def _parsed(path: Path) -> Iterator[tuple[int, LedgerLine | None, bool]]:
    """Yield number and content of each line that is not empty, and whether it was broken off."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, held in enumerate(file, 1):
            # After a power cut a file may end in zeros.
            text = held.decode(errors="replace").strip("\0\r\n ")
            if text:
                line = LedgerLine.loads(text)
                begins = text.startswith(_BEGIN) or _BEGIN.startswith(text)
                yield number, line, line is None and begins and not text.endswith("}")


def key_ids(path: Path) -> set[str]:
    """Return the ids of the keys under which a ledger was written; quick, whatever its length."""
    try:
        return {found.decode() for found in set(_KEY_ID.findall(path.read_bytes()))}
    except FileNotFoundError:
        return set()


def append(path: Path, lines: Iterable[LedgerLine]) -> int:
    """Add the lines that the file does not have, safe against a power cut; return their number."""
    known = {line.customer_hash for _number, line, _broken in _parsed(path) if line is not None}
    new = [line for line in lines if line.customer_hash not in known]
    if not new:
        return 0
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_broken_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        text = "".join(f"{line.dumps()}\n" for line in new)
        os.write(descriptor, ("\n" * is_broken_off + text).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return len(new)
