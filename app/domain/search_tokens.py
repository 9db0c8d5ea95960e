"""The tokens under which both databases index a customer: trigrams of words, and markers.

A token is a 32-bit number, so that SQLite's full-text index and PostgreSQL's array index hold the
same. Two texts may share a number; whoever looks up verifies the hit.
"""

import uuid
import zlib

_HALF = 2**31


def token(text: str) -> int:
    """Return the number of a text, from -2**31 to 2**31-1."""
    return zlib.crc32(text.encode()) - _HALF


def written(number: int) -> str:
    """Return a token as the word that SQLite's full-text index holds for it."""
    return f"{number & 0xFFFFFFFF:x}"


def of_haystack(haystack: str) -> set[int]:
    """Return the tokens of all words of a haystack, with their padded starts and ends."""
    return {t for word in haystack.split() for t in of_pattern(f"  {word} ")}


def of_pattern(pattern: str) -> list[int]:
    """Return the tokens that every haystack with this part has; patterns have three characters or more."""
    if pattern.isascii():
        # The same, encoded once: imports compute a hundred for each customer.
        raw = pattern.encode()
        return [zlib.crc32(raw[at : at + 3]) - _HALF for at in range(len(raw) - 2)]
    return [token(pattern[at : at + 3]) for at in range(len(pattern) - 2)]


def of_store(place: int) -> int:
    """Return the marker of a store's customers."""
    return token(f"\x1fstore\x1f{place}")


def of_opt_in(place: int, state: str) -> int:
    """Return the marker of an opt-in state in a store; place 0 means in any store."""
    return token(f"\x1fopt-in\x1f{place}\x1f{state}")


def of_creator(associate_id: uuid.UUID) -> int:
    """Return the marker of the customers that an associate created."""
    return token(f"\x1fcreator\x1f{associate_id.hex}")


def of_attribute(name: str, value_key: str) -> set[int]:
    """Return the markers of an attribute, one for each word of its value."""
    return {token(f"\x1fattribute\x1f{name}\x1f{word}") for word in value_key.split()}
