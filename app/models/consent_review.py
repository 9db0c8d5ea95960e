"""Reviews of opt-ins: who decided what of which evidence."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class ConsentReview(Base):
    """One decision, or the undoing of one; appended, never changed.

    The columns `…_before` are what the decision found, so that undoing it brings back exactly that.
    """

    __tablename__ = "consent_review"
    __table_args__ = (
        CheckConstraint("length(note) <= 300", name="note_length"),
        Index(None, "event_id", "at"),
        Index(None, "bulk_id"),
        Index(None, "customer_id"),
        Index(None, "store_id", "at"),
        Index(None, "undoes_id", unique=True),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(20))
    # The declaration whose evidence was looked at, and what the decision added to the history.
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("consent_event.id"))
    added_event_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_event.id"))
    decision: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(20), default="")
    note: Mapped[str] = mapped_column(String(300), default="")
    reviewer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    state_before: Mapped[str] = mapped_column(String(20))
    state_after: Mapped[str] = mapped_column(String(20))
    since_before: Mapped[datetime]
    review_before: Mapped[str] = mapped_column(String(12), default="")
    risk_before: Mapped[int] = mapped_column(default=0)
    # The decisions that were made at once, and the decision that this row takes back.
    bulk_id: Mapped[uuid.UUID | None]
    undoes_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_review.id"))
