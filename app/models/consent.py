"""Consents: the wordings shown, the proof kept, what was declared, and how each stands now."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id


class ConsentWording(Base):
    """The exact words a customer is asked with; from its first use on it is never changed.

    Versions of one `key` and `language` follow each other; the newest that is not retired is
    shown. `channels` is empty where the words fit every channel.
    """

    __tablename__ = "consent_wording"
    __table_args__ = (
        UniqueConstraint("key", "language", "version"),
        CheckConstraint("length(title) <= 120 AND length(text) <= 4000", name="text_length"),
        Index(None, "purpose", "language"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(20))
    channels: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text)
    created_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)

    @property
    def label(self) -> str:
        """Name the exact wording, as the events keep it: `clienteling-2`."""
        return f"{self.key}-{self.version}"


class ConsentEvidence(Base):
    """What proves a declaration: drawn strokes, a typed name, a used link, what was read aloud.

    `content` is SVG path data for a signature, else text; `sha256` is over `content`, so that a
    later change shows. An erasure removes the row.
    """

    __tablename__ = "consent_evidence"
    __table_args__ = (
        CheckConstraint("length(content) <= 60000", name="content_length"),
        Index(None, "customer_id"),
    )

    id: Mapped[Id]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))
    kind: Mapped[str] = mapped_column(String(20))
    content: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(100), default="")
    created_at: Mapped[datetime]


class ConsentEvent(Base):
    """One declaration, kept as it was made; appended, never changed.

    `wording` is the wording's label, also where it came from another system and `wording_id` is
    none. `declared_by` tells the customer's own act from what staff or a system entered for them;
    `associate_id` is the staff member who was there. `source_id` is the source's own id of it.
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        Index(None, "customer_id", "at"),
        Index(None, "store_id", "recorded_at"),
        # Holds all that the dashboard counts.
        Index(
            "ix_consent_event_figures",
            "store_id",
            "at",
            "action",
            "purpose",
            "associate_id",
            "method",
            "wording",
            "evidence_id",
        ),
        Index(None, "evidence_id"),
        Index(None, "wording_id"),
    )

    id: Mapped[Id]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"))
    channel: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(100), default="")
    source_id: Mapped[str] = mapped_column(String(100), default="", server_default="")
    wording: Mapped[str] = mapped_column(String(100), default="")
    wording_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_wording.id"))
    wording_version: Mapped[int | None]
    language: Mapped[str] = mapped_column(String(10), default="")
    evidence_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_evidence.id"))
    associate_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    declared_by: Mapped[str] = mapped_column(String(20), default="staff", server_default="staff")
    device: Mapped[str] = mapped_column(String(100), default="", server_default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="", server_default="")
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Consent(Base):
    """How a channel and purpose stand in a store, derived from the events in the same act.

    `event_id` is the customer's own declaration that it rests on, `evidence` its method,
    `is_weak` what is thought of it, and `captured_by_id` who took it. `review` is the group of the
    queue that it waits in, "" for none, and `risk` its place there.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index(None, "event_id"),
        Index(None, "store_id", "review", "risk"),
        # Holds all that the dashboard counts.
        Index("ix_consent_figures", "store_id", "state", "since", "purpose", "channel", "is_weak"),
    )

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"), primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime]
    event_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_event.id"))
    evidence: Mapped[str] = mapped_column(String(20), default="")
    is_weak: Mapped[bool] = mapped_column(default=False)
    captured_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    review: Mapped[str] = mapped_column(String(12), default="")
    risk: Mapped[int] = mapped_column(default=0)

    # Also tells the session to write the declaration first.
    event: Mapped[ConsentEvent | None] = relationship(lazy="raise_on_sql")


class ConsentAsk(Base):
    """A question that was put to a customer and waits for the answer.

    On the tablet (hand-over), behind a link to the own phone, or behind the link of a
    confirmation mail. Only the SHA-256 of a link's token is kept; `offers` are lists of
    [channel, purpose, wording id]; `contact_hash` is a hash of the address that was written to.
    """

    __tablename__ = "consent_ask"
    __table_args__ = (Index(None, "customer_id"), Index(None, "state", "expires_at"))

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"))
    associate_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    language: Mapped[str] = mapped_column(String(10))
    offers: Mapped[list[list[Any]]] = mapped_column(JSON)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    contact_hash: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
