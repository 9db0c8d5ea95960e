"""Which passwords are good enough, and their one normal form."""

import secrets
import unicodedata
from pathlib import Path

from app.domain.fields import Checker
from app.domain.texts import N_, Text

MIN_LENGTH = 8
MAX_LENGTH = 128

# Seasons, the shop's own words and others that the list of leaked passwords does not have.
_MORE = (
    "00000000 12341234 87654321 88888888 aaaaaaaa abcdefgh administrator basketball batman123 changeme1 "
    "clienteling clienteling1 jennifer letmein123 michelle p@ssword password! password1! store123 "
    "summer2025 summer2026 tablet123 welcome123 winter2025 winter2026"
).split()


def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line.casefold() for line in lines if not line.startswith("#")) | frozenset(_MORE)


COMMON = _common()


def normalise(password: str) -> str:
    """Return the form that is hashed: NFC, so that every keyboard gives the same bytes."""
    return unicodedata.normalize("NFC", password)


def check(password: str, *, email: str = "") -> str:
    """Return the password in its normal form; raises Invalid with how to choose a better one."""
    chosen = normalise(password)
    checker = Checker()
    if len(chosen) < MIN_LENGTH:
        checker.refuse(
            "password",
            Text.of(
                N_("Use at least %(min_length)s characters. Three or four words make a good one."),
                min_length=MIN_LENGTH,
            ),
        )
    elif len(chosen) > MAX_LENGTH:
        checker.refuse(
            "password", Text.of(N_("Use at most %(max_length)s characters."), max_length=MAX_LENGTH)
        )
    elif chosen.casefold() in COMMON or (email and chosen.casefold() == email.casefold()):
        checker.refuse(
            "password", N_("This password is too easy to guess. Three or four words make a good one.")
        )
    checker.done()
    return chosen


def generate() -> str:
    """Return a new random password of about 95 bits, easy to read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
