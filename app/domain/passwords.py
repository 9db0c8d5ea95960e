"""Which passwords are good enough, and their one normal form."""

import secrets
import unicodedata

from app.domain.fields import Checker

MIN_LENGTH = 8
MAX_LENGTH = 128

# The head of the public lists of leaked passwords; longer ones are kept out by the length.
COMMON = frozenset(
    (
        "password password1 password12 password123 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890 "
        "87654321 qwertyui qwertyuiop qwerty123 qwerty12 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qazwsxedc zaq12wsx "
        "asdfghjk asdfghjkl iloveyou sunshine princess football baseball basketball superman batman123 "
        "trustno1 welcome1 welcome123 letmein1 letmein123 admin123 administrator changeme changeme1 abcd1234 "
        "abc12345 abcdefgh aaaaaaaa 11111111 00000000 12341234 11223344 88888888 computer internet starwars "
        "whatever dragon12 monkey123 michelle jennifer password! password1! summer2025 summer2026 winter2025 "
        "winter2026 clienteling clienteling1 store123 tablet123"
    ).split()
)


def normalise(password: str) -> str:
    """Return the form that is hashed: NFC, so that every keyboard gives the same bytes."""
    return unicodedata.normalize("NFC", password)


def check(password: str, *, email: str = "") -> str:
    """Return the password in its normal form; raises Invalid with how to choose a better one."""
    chosen = normalise(password)
    checker = Checker()
    if len(chosen) < MIN_LENGTH:
        checker.refuse(
            "password", f"Use at least {MIN_LENGTH} characters. Three or four words make a good one."
        )
    elif len(chosen) > MAX_LENGTH:
        checker.refuse("password", f"Use at most {MAX_LENGTH} characters.")
    elif chosen.casefold() in COMMON or (email and chosen.casefold() == email.casefold()):
        checker.refuse("password", "This password is too easy to guess. Three or four words make a good one.")
    checker.done()
    return chosen


def generate() -> str:
    """Return a new random password of about 95 bits, easy to read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
