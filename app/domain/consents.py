"""Consents: channels, purposes, states, and which declaration moves which state where."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.errors import Invalid


class Channel(StrEnum):
    """A way to reach a customer."""

    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    POST = "post"
    WHATSAPP = "whatsapp"

    @property
    def label(self) -> str:
        """Name the channel for people."""
        return {"email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp"}.get(
            self.value, self.value.capitalize()
        )

    @property
    def icon(self) -> str:
        """Name the icon that stands beside the channel."""
        return {"email": "mail", "sms": "message-square", "phone": "phone", "post": "map-pin"}.get(
            self.value, "message-circle"
        )


class Purpose(StrEnum):
    """What the customer is reached for."""

    CLIENTELING = "clienteling"
    MARKETING = "marketing"
    PROFILING = "profiling"

    @property
    def label(self) -> str:
        """Name the purpose for people."""
        return {
            "clienteling": "Personal advice",
            "marketing": "News and offers",
            "profiling": "Suggestions from purchases",
        }[self.value]


class State(StrEnum):
    """How a channel and purpose stand."""

    NOT_ASKED = "not_asked"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """Name the state for people."""
        return self.value.replace("_", " ").capitalize()


class Action(StrEnum):
    """What was declared."""

    REQUESTED = "requested"
    GIVEN = "given"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def label(self) -> str:
        """Name the declaration for people."""
        return self.value.capitalize()


class Method(StrEnum):
    """How it was declared."""

    SIGNATURE = "signature"
    OWN_PHONE = "own_phone"
    SPOKEN = "spoken"
    PAPER = "paper"
    WEB = "web"
    KEYWORD = "keyword"
    IMPORT = "import"
    SYSTEM = "system"

    @property
    def label(self) -> str:
        """Name the method for people."""
        return {
            "signature": "Signed on the tablet",
            "own_phone": "On the customer's own phone",
            "spoken": "Spoken yes (weak)",
            "paper": "On paper",
            "web": "On the website",
            "keyword": "By a reply",
            "import": "Imported",
            "system": "By the system",
        }[self.value]


# Nobody who declared it is in the room: these can never turn a "no" into a "yes".
REMOTE = frozenset({Method.IMPORT, Method.SYSTEM})
# Declarations that lead towards being contacted; they need something to contact the customer by.
TOWARDS_YES = frozenset({Action.REQUESTED, Action.GIVEN, Action.CONFIRMED})
NO_STATES = frozenset({State.REFUSED, State.WITHDRAWN})
NO_ACTIONS = frozenset({Action.REFUSED, Action.WITHDRAWN})

# Withdrawing is possible from everywhere: it is never harder than giving.
_MOVES: dict[Action, dict[State, State]] = {
    Action.REQUESTED: {
        State.NOT_ASKED: State.PENDING,
        State.PENDING: State.PENDING,
        State.REFUSED: State.PENDING,
        State.WITHDRAWN: State.PENDING,
    },
    Action.GIVEN: dict.fromkeys(State, State.ACCEPTED),
    Action.CONFIRMED: {State.PENDING: State.ACCEPTED},
    Action.REFUSED: {
        State.NOT_ASKED: State.REFUSED,
        State.PENDING: State.REFUSED,
        State.REFUSED: State.REFUSED,
    },
    Action.WITHDRAWN: dict.fromkeys(State, State.WITHDRAWN),
    Action.EXPIRED: {State.PENDING: State.NOT_ASKED, State.ACCEPTED: State.NOT_ASKED},
}
_REASONS = {
    Action.REQUESTED: "The customer has opted in already.",
    Action.CONFIRMED: "There is nothing to confirm: ask the customer first.",
    Action.REFUSED: "The customer has opted in before: record a withdrawal.",
    Action.EXPIRED: "Only an open question or an opt-in can expire.",
}


def move(state: State, action: Action, method: Method, *, last_said_no: bool = False) -> State:
    """Return the state after a declaration.

    `last_said_no` tells that the customer's newest own answer was a refusal or withdrawal, even
    if an open question or its expiry hides it in `state`. An import or sync can never turn a no
    into consent, whatever date it carries. Raises Invalid for an impossible move.
    """
    if method in REMOTE and action in TOWARDS_YES and (last_said_no or state in NO_STATES):
        raise Invalid(
            {"action": ["The customer said no. Only the customer can opt in again; an import cannot."]}
        )
    after = _MOVES[action].get(state)
    if after is None:
        raise Invalid({"action": [_REASONS[action]]})
    return after


# An opt-in of a store counts as given when any channel is; else the state that says most.
_TELLING = (State.ACCEPTED, State.PENDING, State.WITHDRAWN, State.REFUSED, State.NOT_ASKED)


def summary(states: Iterable[State]) -> State:
    """Return the one state that stands for several channels."""
    present = set(states)
    return next((state for state in _TELLING if state in present), State.NOT_ASKED)


def refuse_without_contact(channel: Channel, action: Action, *, has_phone: bool, has_address: bool) -> None:
    """Raise Invalid when a channel is asked for that the customer cannot be reached by."""
    if action not in TOWARDS_YES:
        return
    if channel in {Channel.SMS, Channel.PHONE, Channel.WHATSAPP} and not has_phone:
        raise Invalid({"channel": ["The customer has no phone number. Add one first."]})
    if channel is Channel.POST and not has_address:
        raise Invalid({"channel": ["The customer has no address. Add one first."]})


@dataclass(frozen=True, kw_only=True)
class ConsentInput:
    """One declaration of one customer, as it is to be recorded."""

    customer_id: UUID
    store_id: UUID
    channel: Channel
    purpose: Purpose
    action: Action
    method: Method
    at: datetime
    source: str = ""
    wording: str = ""
    language: str = ""
    associate_id: UUID | None = None
