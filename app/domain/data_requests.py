"""What customers may ask for about their data, and until when it must be answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.domain import clock, payment_cards, values
from app.domain.fields import Checker
from app.domain.retention import Origin
from app.domain.texts import N_

DEFAULT_CALL_OFF_DAYS = 7
# An erasure is done within this time of the request, backups included.
ERASED_WITHIN = timedelta(days=30)
# For how long a copy of the data can be fetched once it was made ready.
EXPORT_HOURS = 24
SOON = timedelta(days=10)
# How many days before the answer is due managers are reminded.
REMINDERS = (10, 3)
MAX_NOTE = 500


class Kind(StrEnum):
    """What is asked for."""

    EXPORT = "export"
    DELETION = "deletion"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"

    @property
    def label(self) -> str:
        """Name the kind for people."""
        return {
            "export": N_("Copy of the data"),
            "deletion": N_("Deletion"),
            "rectification": N_("Correction"),
            "restriction": N_("Restriction of use"),
        }[self.value]


class State(StrEnum):
    """How a request stands. WAITING: a deletion that can still be called off; RESTRICTED: in force."""

    OPEN = "open"
    WAITING = "waiting"
    RESTRICTED = "restricted"
    ERASING = "erasing"
    DONE = "done"
    CALLED_OFF = "called_off"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """Name the state for people."""
        return {
            "open": N_("Open"),
            "waiting": N_("Can be called off"),
            "erasing": N_("Being erased"),
            "restricted": N_("In force"),
            "done": N_("Done"),
            "called_off": N_("Called off"),
            "refused": N_("Refused"),
        }[self.value]

    @property
    def is_closed(self) -> bool:
        """True when nothing is left to do."""
        return self in CLOSED

    @property
    def is_due(self) -> bool:
        """True while the customer waits for it."""
        return self in DUE


# While a request stands so, the customer's data is kept and not used (Art. 18 GDPR; before an erasure too).
ON_HOLD = frozenset({State.WAITING, State.ERASING, State.RESTRICTED})
# The state in which a request begins, where it is not OPEN.
FIRST_STATE = {Kind.DELETION: State.WAITING, Kind.RESTRICTION: State.RESTRICTED}
CLOSED = frozenset({State.DONE, State.CALLED_OFF, State.REFUSED})
OPEN = tuple(state for state in State if state not in CLOSED)
# Those that somebody waits for: a restriction is in force from the first moment, until it is lifted.
DUE = tuple(state for state in OPEN if state is not State.RESTRICTED)


class Request(Protocol):
    """What a hold depends on, as the table has it."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def origin(self) -> str: ...  # noqa: D102


def may_change(requests: Iterable[Request], *, answers_requests: bool) -> bool:
    """True when a customer with these open requests may be changed; on hold their data is only kept.

    Who answers requests makes the correction that was asked for (Art. 16 GDPR), which is often what a
    restriction waits for. A deletion by the time limit forbids nothing: a change says that the
    customer is there again, and calls it off.
    """
    asked = list(requests)
    holds = [
        State(one.state)
        for one in asked
        if one.state in ON_HOLD and not (one.state == State.WAITING and one.origin == Origin.RETENTION)
    ]
    if State.ERASING in holds:
        return False
    return not holds or (answers_requests and any(one.kind == Kind.RECTIFICATION for one in asked))


class Identity(StrEnum):
    """How somebody made sure that it is the customer who asks."""

    UNCHECKED = "unchecked"
    IN_PERSON = "in_person"
    EMAIL = "email"
    PHONE = "phone"
    ACCOUNT = "account"

    @property
    def label(self) -> str:
        """Name the check for people."""
        return {
            "unchecked": N_("Not checked yet"),
            "in_person": N_("Known in person, or showed a document"),
            "email": N_("Answered from the e-mail address on file"),
            "phone": N_("Called back on the number on file"),
            "account": N_("Signed in to their account elsewhere"),
        }[self.value]


def due(received_at: datetime, *, extended: bool = False) -> datetime:
    """Return until when a request is to be answered: one month, three when extended (Art. 12(3))."""
    return clock.add_months(received_at, 3 if extended else 1)


def may_extend(received_at: datetime, now: datetime) -> bool:
    """True while the customer can still be told of an extension: within the first month."""
    return now <= due(received_at)


def reminder(due_at: datetime, now: datetime, *, last: int | None = None) -> int | None:
    """Return which of the REMINDERS is to be sent now, None for none; of several that were missed the last.

    `last` is the one that was sent last.
    """
    reached = [days for days in REMINDERS if now >= due_at - timedelta(days=days)]
    wanted = min(reached, default=None)
    return wanted if wanted is not None and (last is None or wanted < last) else None


@dataclass(frozen=True, kw_only=True)
class RequestInput:
    """A request as somebody recorded it."""

    customer_id: UUID
    kind: str
    identity: str = Identity.UNCHECKED.value
    identity_note: str = ""
    note: str = ""
    origin: str = Origin.CUSTOMER.value

    def check(self) -> dict[str, str]:
        """Return the columns to write. Raises Invalid with the reasons by field."""
        checker = Checker()
        columns = {
            "kind": checker.take("kind", lambda: _choice(Kind, self.kind), ""),
            "origin": Origin(self.origin).value,
            "identity": checker.take("identity", lambda: _choice(Identity, self.identity), ""),
            "identity_note": checker.take("identity_note", lambda: _note(self.identity_note), ""),
            "note": checker.take("note", lambda: _note(self.note), ""),
        }
        checker.done()
        return columns


def check_reason(reason: str, *, field: str = "reason") -> str:
    """Return a reason as it may be stored. Raises Invalid for none, or one that is too long."""
    checker = Checker()
    text = checker.take(field, lambda: _required(reason), "")
    checker.done()
    return text


def _note(text: str) -> str:
    return payment_cards.text(text, max_length=MAX_NOTE)


def _required(text: str) -> str:
    found = _note(text)
    if not found:
        raise values.BadValue(N_("Say why, in a few words."))
    return found


def _choice(kind: type[StrEnum], given: str) -> str:
    try:
        return kind(given).value
    except ValueError:
        raise values.BadValue(N_("Choose one from the list.")) from None
