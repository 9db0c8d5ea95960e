"""The file of the ledger of erasures: beside the database, so that restoring a backup does not lose it."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.domain.erasures import LedgerLine

NAME = "erasures.jsonl"
# As `LedgerLine.dumps` writes it.
_KEY_ID = re.compile(rb'^\{"key_id": "([0-9a-f]+)"', re.MULTILINE)


def read(path: Path) -> Iterator[LedgerLine]:
    """Yield the lines of a ledger; a line that was broken off by a power cut is passed over."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from filter(None, map(LedgerLine.loads, file))


def key_ids(path: Path) -> set[str]:
    """Return the ids of the keys under which a ledger was written; quick, whatever its length."""
    try:
        return {found.decode() for found in set(_KEY_ID.findall(path.read_bytes()))}
    except FileNotFoundError:
        return set()


def append(path: Path, lines: Iterable[LedgerLine]) -> int:
    """Add the lines that the file does not have, safe against a power cut; return their number."""
    known = {line.customer_hash for line in read(path)}
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
