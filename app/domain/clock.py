"""The only clock of the program."""

import calendar
from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the time now, aware and in UTC, to the millisecond that the API shows."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def add_months(at: datetime, months: int) -> datetime:
    """Return the same day and time so many months later or earlier; the last day where there is none.

    Art. 12(3) GDPR with Regulation 1182/71, Art. 3: a period in months ends on the day of the same
    number, 31 January + 1 month = 28 or 29 February.
    """
    number = at.year * 12 + at.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))
