"""What may be asked of the audit log and the access log, and the words for what they hold."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.domain import values
from app.domain.texts import N_
from app.domain.values import BadValue

PAGE = 50
# The logs open with the last days, and unusual hours are looked for in these.
OPENING_SPAN = timedelta(days=30)
ALERT_SPAN = timedelta(days=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where a page of a log begins: right after (so older than) this entry."""

    at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}.{self.id.hex}"

    @classmethod
    def read(cls, written: str) -> "Cursor":
        """Return the cursor that was written; raises BadValue for any other text."""
        moment, _, number = written.partition(".")
        if not (moment.isascii() and moment.isdigit() and len(moment) <= 16 and len(number) == 32):
            raise BadValue(N_("Go back to the first page."))
        try:
            return cls(at=_EPOCH + int(moment) * _MICROSECOND, id=uuid.UUID(hex=number))
        except (ValueError, OverflowError):
            raise BadValue(N_("Go back to the first page.")) from None


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """Which entries of a log are wanted; what is None or "" does not narrow it.

    `action` is a value of AuditAction or AccessAction, `device` the name of a session or token.
    """

    actor_id: uuid.UUID | None = None
    action: str = ""
    customer_id: uuid.UUID | None = None
    store_id: uuid.UUID | None = None
    channel: str = ""
    device: str = ""
    since: datetime | None = None
    until: datetime | None = None


def span(first: str, last: str, zone: str) -> tuple[datetime | None, datetime | None]:
    """Return the moments from the beginning of the first day to the end of the last, in a time zone.

    Days are written 2026-05-31; "" leaves that side open. Raises BadValue for what is no day, and
    for an end before the beginning.
    """
    here = ZoneInfo(zone)
    since = datetime.combine(_day(first), time(), here) if first else None
    until = datetime.combine(_day(last) + timedelta(days=1), time(), here) if last else None
    if since and until and until <= since:
        raise BadValue(N_("Let the last day be the first day or a later one."))
    return since and since.astimezone(UTC), until and until.astimezone(UTC)


def _day(written: str) -> date:
    try:
        found = date.fromisoformat(values.text(written, max_length=10))
    except ValueError:
        raise BadValue(N_("Give a day like 2026-05-31.")) from None
    # Time zones shift a day over the ends of the calendar.
    if not 1970 < found.year < 3000:
        raise BadValue(N_("Give a day like 2026-05-31."))
    return found
