"""Reviews of opt-ins: what is to be looked at, what can be decided, and that no decision gives consent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.consents import Action, DeclaredBy, Method, ReviewAction, State, is_weak
from app.domain.texts import N_, Text
from app.errors import Invalid

# So long a decision can be undone, unless something newer happened.
UNDO_WITHIN = timedelta(hours=24)
# After so long an opt-in without a review in between is worth a new question.
CONSENT_AGES = timedelta(days=730)
# A receiver that has not acknowledged a withdrawal for so long is looked after.
ALARM_AFTER = timedelta(hours=24)
MAX_BULK = 100
MAX_NOTE = 300
# The source of a declaration that a review wrote.
SOURCE = N_("Review")


class Group(StrEnum):
    """Why an opt-in is in the queue; in the order of risk."""

    WITHDRAWALS = "withdrawals"
    CONFLICT = "conflict"
    WEAK = "weak"
    OLD = "old"
    PENDING = "pending"
    NEW = "new"

    @property
    def label(self) -> str:
        """Name the group for people."""
        return {
            "withdrawals": N_("Withdrawals"),
            "conflict": N_("Conflicts"),
            "weak": N_("Weak"),
            "old": N_("Old"),
            "pending": N_("Pending"),
            "new": N_("New"),
        }[self.value]

    @property
    def hint(self) -> str:
        """Say why these opt-ins are here."""
        return {
            "withdrawals": N_("Withdrawn more than a day ago, and a receiver has not acknowledged it yet."),
            "conflict": N_("The customer said no in another store after saying yes here."),
            "weak": N_("Opted in, but hard to prove: spoken, imported, or without a wording."),
            "old": N_("Given two years ago or longer. Ask again before it is worth nothing."),
            "pending": N_("Asked, but not answered yet. Nobody may write to them."),
            "new": N_("Opted in with good evidence. Nobody has looked at it yet."),
        }[self.value]


class Decision(StrEnum):
    """What a reviewer says of the evidence."""

    SUFFICIENT = "sufficient"
    ASK_AGAIN = "ask_again"
    REJECT = "reject"

    @property
    def label(self) -> str:
        """Name the decision for people."""
        return {
            "sufficient": N_("Evidence sufficient"),
            "ask_again": N_("Ask again"),
            "reject": N_("Rejected"),
        }[self.value]


def decision_label(decision: str) -> str:
    """Name a decision, or the undoing of one, for people."""
    return N_("Decision undone") if decision == "undone" else Decision(decision).label


class Reason(StrEnum):
    """Why the evidence is not sufficient."""

    WORDING = "wording"
    SIGNATURE = "signature"
    CONTACT = "contact"
    CUSTOMER = "customer"
    OLD = "old"
    OTHER = "other"

    @property
    def label(self) -> str:
        """Name the reason for people."""
        return {
            "wording": N_("Wording missing or wrong"),
            "signature": N_("Signature not readable"),
            "contact": N_("Wrong e-mail, phone or address"),
            "customer": N_("The customer says otherwise"),
            "old": N_("Too long ago"),
            "other": N_("Another reason"),
        }[self.value]


# The only way from a decision to the history. None of these actions leads to ACCEPTED: see the
# type of `consents.REVIEW_MOVES`, and the test that walks every decision from every state.
ACTIONS: Mapping[Decision, ReviewAction | None] = {
    Decision.SUFFICIENT: None,
    Decision.ASK_AGAIN: Action.ASKED_AGAIN,
    Decision.REJECT: Action.REJECTED,
}

# From which state what can be decided: an open question has no evidence yet.
DECISIONS: Mapping[State, tuple[Decision, ...]] = {
    State.ACCEPTED: (Decision.SUFFICIENT, Decision.ASK_AGAIN, Decision.REJECT),
    State.PENDING: (Decision.ASK_AGAIN, Decision.REJECT),
}


def check_selection(event_ids: Sequence[UUID]) -> None:
    """Raise Invalid under `rows` for what nobody can decide together: nothing, too many, one twice."""
    if not event_ids:
        raise Invalid({"rows": [N_("Choose at least one opt-in.")]})
    if len(event_ids) > MAX_BULK:
        raise Invalid({"rows": [Text.of(N_("Choose at most %(count)s at once."), count=MAX_BULK)]})
    if len(set(event_ids)) != len(event_ids):
        raise Invalid({"rows": [N_("An opt-in was sent twice. Load the page again.")]})


def check_one_kind(kinds: Iterable[tuple[str, bool]]) -> None:
    """Raise Invalid under `rows` unless all have the same method and are as weak."""
    if len(set(kinds)) > 1:
        raise Invalid({"rows": [N_("Several at once need evidence of one kind. Choose rows of one kind.")]})


# How much is lost when there is nothing but this; the highest is looked at first.
_RISK = {Method.IMPORT: 50, Method.SYSTEM: 50, Method.SPOKEN: 40}
_NO_WORDING, _NO_EVIDENCE, _ENTERED_BY_STAFF = 30, 20, 10


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What is thought of the evidence of an opt-in before anybody looked at it."""

    is_weak: bool
    group: Group
    risk: int


def assess(method: Method, *, has_wording: bool, has_evidence: bool) -> Assessment:
    """Return how an opt-in is to be reviewed: the weaker its evidence, the higher its risk."""
    weak = is_weak(method, has_wording=has_wording, has_evidence=has_evidence)
    risk = _RISK.get(method, 0)
    if not has_wording:
        risk += _NO_WORDING
    if not has_evidence:
        risk += _NO_EVIDENCE
    if method.declared_by is not DeclaredBy.CUSTOMER:
        risk += _ENTERED_BY_STAFF
    return Assessment(is_weak=weak, group=Group.WEAK if weak else Group.NEW, risk=risk)


# A no that came after a yes in another store.
CONFLICT_RISK = 100
