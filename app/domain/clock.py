"""The only clock of the program."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the time now, aware and in UTC, to the millisecond that the API shows."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
