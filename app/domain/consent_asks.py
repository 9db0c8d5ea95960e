"""Questions to a customer about consent: how they reach them, how they stand, what is chosen."""

from enum import StrEnum

from app.domain.consents import Channel, Purpose

Choice = tuple[Channel, Purpose]


class AskKind(StrEnum):
    """How a question reaches the customer."""

    HAND_OVER = "hand_over"
    OWN_PHONE = "own_phone"
    CONFIRMATION = "confirmation"


class AskState(StrEnum):
    """How a question stands."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
