"""Consents: channels, purposes, states, and which declaration moves which state where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Literal
from uuid import UUID

from app.domain.texts import N_
from app.errors import Invalid


# A profile asks for the label of each channel and declaration; `cache` spares it making the tables anew.
class Channel(StrEnum):
    """A way to reach a customer."""

    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    POST = "post"
    WHATSAPP = "whatsapp"

    @property
    @cache
    def label(self) -> str:
        """Name the channel for people."""
        return {
            "email": N_("E-mail"),
            "sms": N_("SMS"),
            "phone": N_("Phone"),
            "post": N_("Post"),
            "whatsapp": N_("WhatsApp"),
        }[self.value]

    @property
    @cache
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
    @cache
    def label(self) -> str:
        """Name the purpose for people."""
        return {
            "clienteling": N_("Personal advice"),
            "marketing": N_("News and offers"),
            "profiling": N_("Suggestions from purchases"),
        }[self.value]


class State(StrEnum):
    """How a channel and purpose stand."""

    NOT_ASKED = "not_asked"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    RECONFIRM = "reconfirm"

    @property
    @cache
    def label(self) -> str:
        """Name the state for people."""
        return {
            "not_asked": N_("Not asked"),
            "pending": N_("Pending"),
            "accepted": N_("Accepted"),
            "refused": N_("Refused"),
            "withdrawn": N_("Withdrawn"),
            "reconfirm": N_("Ask again"),
        }[self.value]


class Action(StrEnum):
    """What was declared."""

    REQUESTED = "requested"
    GIVEN = "given"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CONTACT_CHANGED = "contact_changed"
    ASKED_AGAIN = "asked_again"
    REJECTED = "rejected"
    RESTORED = "restored"

    @property
    @cache
    def label(self) -> str:
        """Name the declaration for people."""
        return {
            "requested": N_("Requested"),
            "given": N_("Given"),
            "confirmed": N_("Confirmed"),
            "refused": N_("Refused"),
            "withdrawn": N_("Withdrawn"),
            "expired": N_("Expired"),
            "contact_changed": N_("Contact changed"),
            "asked_again": N_("To be asked again (review)"),
            "rejected": N_("Rejected (review)"),
            "restored": N_("Review undone"),
        }[self.value]


class Method(StrEnum):
    """How it was declared."""

    SIGNATURE = "signature"
    OWN_PHONE = "own_phone"
    MAIL_LINK = "mail_link"
    SPOKEN = "spoken"
    PAPER = "paper"
    WEB = "web"
    KEYWORD = "keyword"
    IMPORT = "import"
    SYSTEM = "system"

    @property
    @cache
    def label(self) -> str:
        """Name the method for people."""
        return {
            "signature": N_("Signed on the tablet"),
            "own_phone": N_("On the customer's own phone"),
            "mail_link": N_("By the link in a mail"),
            "spoken": N_("Spoken"),
            "paper": N_("On paper"),
            "web": N_("On the website"),
            "keyword": N_("By a reply"),
            "import": N_("Imported"),
            "system": N_("By the system"),
        }[self.value]

    @property
    def declared_by(self) -> "DeclaredBy":
        """Tell whose act a declaration by this method is."""
        if self in REMOTE:
            return DeclaredBy.SYSTEM
        return DeclaredBy.STAFF if self in {Method.SPOKEN, Method.PAPER} else DeclaredBy.CUSTOMER


class EvidenceKind(StrEnum):
    """What proves a declaration."""

    SIGNATURE = "signature"
    TYPED_NAME = "typed_name"
    OWN_PHONE = "own_phone"
    CONFIRMATION = "confirmation"
    SPOKEN = "spoken"
    PAPER = "paper"

    @property
    @cache
    def label(self) -> str:
        """Name the evidence for people."""
        return {
            "signature": N_("Signature"),
            "typed_name": N_("Typed name"),
            "own_phone": N_("Link on the own phone"),
            "confirmation": N_("Link in the confirmation mail"),
            "spoken": N_("Read aloud"),
            "paper": N_("Paper"),
        }[self.value]


class DeclaredBy(StrEnum):
    """Whose act a declaration was."""

    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"


# Nobody who declared it is in the room: these can never turn a "no" into a "yes".
REMOTE = frozenset({Method.IMPORT, Method.SYSTEM})
# Declarations that lead towards being contacted; they need something to contact the customer by.
TOWARDS_YES = frozenset({Action.REQUESTED, Action.GIVEN, Action.CONFIRMED})
YES_ACTIONS = frozenset({Action.GIVEN, Action.CONFIRMED})
NO_STATES = frozenset({State.REFUSED, State.WITHDRAWN})
NO_ACTIONS = frozenset({Action.REFUSED, Action.WITHDRAWN})
# What a withdrawal ends.
OPEN_STATES = frozenset({State.ACCEPTED, State.PENDING, State.RECONFIRM})
# The customer's answers; questions and what the system notes are none.
ANSWERS = YES_ACTIONS | NO_ACTIONS

# What a manager's review can add to the history: acts of the house, never of the customer.
ReviewAction = Literal[Action.ASKED_AGAIN, Action.REJECTED]
# What a file may tell: what customers declared, and time; the others follow from acts in this application.
IMPORTED_ACTIONS = (
    Action.REQUESTED,
    Action.GIVEN,
    Action.CONFIRMED,
    Action.REFUSED,
    Action.WITHDRAWN,
    Action.EXPIRED,
)
REVIEW_ACTIONS = frozenset({Action.ASKED_AGAIN, Action.REJECTED, Action.RESTORED})

# Where a review may move a state; ACCEPTED cannot stand here, the type checker refuses it.
REVIEW_MOVES: dict[ReviewAction, dict[State, Literal[State.RECONFIRM, State.WITHDRAWN]]] = {
    Action.ASKED_AGAIN: {State.ACCEPTED: State.RECONFIRM, State.PENDING: State.RECONFIRM},
    Action.REJECTED: {State.ACCEPTED: State.WITHDRAWN, State.PENDING: State.WITHDRAWN},
}

# Withdrawing is possible from everywhere: it is never harder than giving.
MOVES: dict[Action, dict[State, State]] = {
    Action.REQUESTED: {
        State.NOT_ASKED: State.PENDING,
        State.PENDING: State.PENDING,
        State.REFUSED: State.PENDING,
        State.WITHDRAWN: State.PENDING,
        State.RECONFIRM: State.PENDING,
    },
    Action.GIVEN: dict.fromkeys(State, State.ACCEPTED),
    Action.CONFIRMED: {State.PENDING: State.ACCEPTED},
    Action.REFUSED: {
        State.NOT_ASKED: State.REFUSED,
        State.PENDING: State.REFUSED,
        State.REFUSED: State.REFUSED,
        State.RECONFIRM: State.REFUSED,
    },
    Action.WITHDRAWN: dict.fromkeys(State, State.WITHDRAWN),
    Action.EXPIRED: {
        State.PENDING: State.NOT_ASKED,
        State.ACCEPTED: State.NOT_ASKED,
        State.RECONFIRM: State.NOT_ASKED,
    },
    # The consent was for the address that is gone (Art. 7: it must be specific).
    Action.CONTACT_CHANGED: {State.ACCEPTED: State.RECONFIRM, State.PENDING: State.NOT_ASKED},
}
# Imported history holds whatever was said: a no after a yes counts, however it is called there.
REMOTE_REFUSALS: dict[State, State] = {
    State.ACCEPTED: State.REFUSED,
    State.WITHDRAWN: State.WITHDRAWN,
}
_REASONS = {
    Action.REQUESTED: N_("The customer has opted in already."),
    Action.CONFIRMED: N_("There is nothing to confirm: ask the customer first."),
    Action.REFUSED: N_("The customer has opted in before: record a withdrawal."),
    Action.EXPIRED: N_("Only an open question or an opt-in can expire."),
    Action.CONTACT_CHANGED: N_("Only an open question or an opt-in depends on the address."),
}


def move(state: State, action: Action, method: Method, *, last_said_no: bool = False) -> State:
    """Return the state after a declaration that is newer than all others.

    `last_said_no` tells that the customer's newest own answer was a refusal or withdrawal, even
    if an open question or its expiry hides it in `state`. An import or sync can never turn a no
    into consent, whatever date it carries, and its refusal always counts. Raises Invalid for an
    impossible move.
    """
    if method in REMOTE and action in TOWARDS_YES and (last_said_no or state in NO_STATES):
        raise Invalid(
            {"action": [N_("The customer said no. Only the customer can opt in again; an import cannot.")]}
        )
    if method in REMOTE and action in TOWARDS_YES and state is State.RECONFIRM:
        raise Invalid(
            {"action": [N_("The customer is to be asked again. An import cannot answer for them.")]}
        )
    if action in REVIEW_ACTIONS:
        raise Invalid({"action": [N_("Only a review decides this.")]})
    after = MOVES[action].get(state)
    if method in REMOTE and action is Action.REFUSED:
        after = after or REMOTE_REFUSALS.get(state)
    if after is None:
        raise Invalid({"action": [_REASONS[action]]})
    return after


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of one channel and purpose: the state, and the times that decide on late news.

    `own_yes_at` is the newest yes that somebody gave in person or on their own device, `no_at`
    the newest no, `withdrawn_at` the newest that was no refusal, `newest_at` the newest declaration
    of any kind.
    """

    state: State = State.NOT_ASKED
    newest_at: datetime | None = None
    own_yes_at: datetime | None = None
    no_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def last_no(self) -> State:
        """The state that the newest no led to."""
        is_refusal = self.withdrawn_at is None or (self.no_at is not None and self.withdrawn_at < self.no_at)
        return State.REFUSED if is_refusal else State.WITHDRAWN

    @property
    def said_no(self) -> bool:
        """True when no own yes is newer than the newest no."""
        return self.no_at is not None and (self.own_yes_at is None or self.no_at >= self.own_yes_at)

    def after(self, action: Action, method: Method, at: datetime) -> "Standing":
        """Return the standing once this declaration is known; raises Invalid for an impossible one.

        The state follows the times at which things were declared, not those at which we heard of
        them, and doubt goes against contact: a no counts unless an own yes is newer, whatever
        imports say; a yes, a question or an expiry that is older than what is known is history
        and moves nothing. At the same time no goes before yes.
        """
        late = self.newest_at is not None and at < self.newest_at
        if action in NO_ACTIONS:
            state = self._after_no(action, method, at, late=late)
        elif late or (action in TOWARDS_YES and self.no_at is not None and at <= self.no_at):
            # No way round by a date: an import of a yes after the no is refused, in order or late.
            if method in REMOTE and self.said_no and self.no_at is not None and at > self.no_at:
                move(self.state, action, method, last_said_no=True)
            state = self.state
        else:
            state = move(self.state, action, method, last_said_no=self.said_no)
            if state is State.NOT_ASKED and self.said_no:
                # A question that nobody answered takes no answer back that was given before.
                state = self.last_no
        is_own_yes = action in YES_ACTIONS and method not in REMOTE
        return Standing(
            state=state,
            newest_at=_later(self.newest_at, at),
            own_yes_at=_later(self.own_yes_at, at) if is_own_yes else self.own_yes_at,
            no_at=_later(self.no_at, at) if action in NO_ACTIONS else self.no_at,
            withdrawn_at=_later(self.withdrawn_at, at) if action is Action.WITHDRAWN else self.withdrawn_at,
        )

    def reviewed(self, action: ReviewAction, at: datetime) -> "Standing":
        """Return the standing after a decision of a review, which is never ACCEPTED.

        A rejection counts as a no. Raises Invalid when there is nothing to decide.
        """
        state = REVIEW_MOVES[action].get(self.state)
        if state is None:
            raise Invalid({"action": [N_("Only an opt-in or an open question can be decided.")]})
        standing = replace(self, state=state, newest_at=_later(self.newest_at, at))
        if action is not Action.REJECTED:
            return standing
        return replace(standing, no_at=_later(self.no_at, at), withdrawn_at=_later(self.withdrawn_at, at))

    def _after_no(self, action: Action, method: Method, at: datetime, *, late: bool) -> State:
        if not late:
            return move(self.state, action, method)
        if self.own_yes_at is not None and at < self.own_yes_at:
            return self.state
        # A newer question stays open: the customer will answer it.
        if self.state in NO_STATES or self.state is State.PENDING:
            return self.state
        return State.REFUSED if action is Action.REFUSED else State.WITHDRAWN


def replay(history: Iterable[tuple[Action, Method, datetime]]) -> Standing:
    """Return the standing that a history leads to, in the order of recording.

    Raises Invalid for a history that the rules do not allow, and for RESTORED: whoever takes a
    review back leaves both out.
    """
    standing = Standing()
    for action, method, at in history:
        if action is Action.ASKED_AGAIN or action is Action.REJECTED:
            standing = standing.reviewed(action, at)
        else:
            standing = standing.after(action, method, at)
    return standing


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def weaknesses(method: Method, *, has_wording: bool, has_evidence: bool) -> tuple[str, ...]:
    """Return why a yes is hard to prove, each reason a few words; nothing for a strong one."""
    reasons = []
    if method is Method.SPOKEN:
        reasons.append(N_("Spoken"))
    if method is Method.IMPORT:
        reasons.append(N_("Imported"))
    if not has_wording:
        reasons.append(N_("No wording"))
    if method in {Method.SIGNATURE, Method.OWN_PHONE, Method.MAIL_LINK, Method.PAPER} and not has_evidence:
        reasons.append(N_("No evidence"))
    return tuple(reasons)


def is_weak(method: Method, *, has_wording: bool, has_evidence: bool) -> bool:
    """True when a yes is hard to prove."""
    return bool(weaknesses(method, has_wording=has_wording, has_evidence=has_evidence))


@dataclass(frozen=True, kw_only=True)
class ContactWay:
    """One way to reach a customer for personal advice, and whether it may be used now."""

    channel: Channel
    state: State
    is_allowed: bool


def contact_ways(states: Mapping[Channel, State], *, is_on_hold: bool) -> list[ContactWay]:
    """Return every channel with its state; only what the customer said yes to may be used.

    Nothing may while the data is on hold: a deletion was asked for, or processing is restricted.
    """
    return [
        ContactWay(
            channel=channel,
            state=states.get(channel, State.NOT_ASKED),
            is_allowed=states.get(channel) is State.ACCEPTED and not is_on_hold,
        )
        for channel in Channel
    ]


# Of several channels or stores one state stands for all: an opt-in where there is one, else what says most.
MOST_TELLING = (
    State.ACCEPTED,
    State.PENDING,
    State.RECONFIRM,
    State.WITHDRAWN,
    State.REFUSED,
    State.NOT_ASKED,
)


def summary(states: Iterable[str]) -> State:
    """Return the one state that stands for those of several channels or stores."""
    present = set(states)
    return next((state for state in MOST_TELLING if state in present), State.NOT_ASKED)


# The channels that reach the phone number.
BY_PHONE = frozenset({Channel.SMS, Channel.PHONE, Channel.WHATSAPP})


def refuse_without_contact(channel: Channel, action: Action, *, has_phone: bool, has_address: bool) -> None:
    """Raise Invalid when a channel is asked for that the customer cannot be reached by."""
    if action not in TOWARDS_YES:
        return
    if reason := unreachable(channel, has_email=True, has_phone=has_phone, has_address=has_address):
        raise Invalid({"channel": [reason]})


def unreachable(channel: Channel, *, has_email: bool, has_phone: bool, has_address: bool) -> str:
    """Return why a customer cannot be reached by a channel, "" when they can."""
    if channel is Channel.EMAIL and not has_email:
        return N_("The customer has no e-mail address. Add one first.")
    if channel in BY_PHONE and not has_phone:
        return N_("The customer has no phone number. Add one first.")
    if channel is Channel.POST and not has_address:
        return N_("The customer has no address. Add one first.")
    return ""


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
    source_id: str = ""
    wording: str = ""
    wording_id: UUID | None = None
    wording_version: int | None = None
    language: str = ""
    evidence_id: UUID | None = None
    associate_id: UUID | None = None
    device: str = ""
