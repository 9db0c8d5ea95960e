"""What customers asked for about their data, how far an erasure came, and the ledger of erasures."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id

_OPEN_DELETION = "kind = 'deletion' AND state IN ('waiting', 'erasing')"


class DataRequest(Base):
    """One request; the ids are plain, so that it outlives the customer as proof.

    `erase_after` is when a deletion can no longer be called off and its erasure begins.
    `reminded_days` is how long before the due day managers were reminded last.
    """

    __tablename__ = "data_request"
    __table_args__ = (
        CheckConstraint(
            "length(note) <= 500 AND length(identity_note) <= 500 AND length(outcome) <= 500"
            " AND length(extension_reason) <= 500",
            name="note_length",
        ),
        # Nobody is to be erased twice at once, whoever asks.
        Index(
            "uq_data_request_open_deletion",
            "customer_id",
            unique=True,
            sqlite_where=text(_OPEN_DELETION),
            postgresql_where=text(_OPEN_DELETION),
        ),
        Index(None, "customer_id"),
        Index(None, "store_id", "due_at"),
        Index(None, "state", "due_at"),
        Index(None, "origin", "received_at"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(20), default="customer", server_default="customer")
    customer_id: Mapped[uuid.UUID]
    store_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("store.id"))
    channel: Mapped[str] = mapped_column(String(10))
    received_by_id: Mapped[uuid.UUID | None]
    received_by_name: Mapped[str] = mapped_column(String(210))
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(500), default="")
    identity: Mapped[str] = mapped_column(String(20))
    identity_note: Mapped[str] = mapped_column(String(500), default="")
    extended_at: Mapped[datetime | None]
    extension_reason: Mapped[str] = mapped_column(String(500), default="")
    erase_after: Mapped[datetime | None]
    export_until: Mapped[datetime | None]
    reminded_days: Mapped[int | None]
    reminded_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by_name: Mapped[str] = mapped_column(String(210), default="")
    outcome: Mapped[str] = mapped_column(String(500), default="")
    revision: Mapped[int] = mapped_column(default=1)


class DataRequestStep(Base):
    """One step of an erasure that was done, and how many rows it touched."""

    __tablename__ = "data_request_step"

    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_request.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int]
    rows: Mapped[int] = mapped_column("row_count")
    done_at: Mapped[datetime]


class Erasure(Base):
    """Somebody was erased: hashes under a key that stands outside the database.

    By them a restored backup erases again, and an import cannot bring an opt-in back.
    """

    __tablename__ = "erasure"
    __table_args__ = (Index(None, "email_hash"), Index(None, "phone_hash"))

    id: Mapped[Id]
    key_id: Mapped[str] = mapped_column(String(16))
    customer_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email_hash: Mapped[str] = mapped_column(String(64))
    phone_hash: Mapped[str | None] = mapped_column(String(64))
    erased_at: Mapped[datetime]
