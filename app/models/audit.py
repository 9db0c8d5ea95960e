"""Who changed what, and who looked at whom."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class AuditEntry(Base):
    """One act, written in its transaction; ids are plain, so that it outlives what it names.

    `fields` are the names of what changed and stay; `changes` maps each to [old, new] and is
    what an erasure clears.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "actor_id", "at"),
        Index(None, "store_id", "at"),
        Index(None, "customer_id", "revision"),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(String(210))
    role: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(10))
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(80))
    customer_id: Mapped[uuid.UUID | None]
    store_id: Mapped[uuid.UUID | None]
    # The customer's revision after the act, from which an older form can be merged.
    revision: Mapped[int | None]
    fields: Mapped[list[str]] = mapped_column(JSON, default=list)
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    request_id: Mapped[str] = mapped_column(String(64), default="")


class AccessEntry(Base):
    """Somebody saw a customer's data."""

    __tablename__ = "access_entry"
    __table_args__ = (Index(None, "actor_id", "at"), Index(None, "customer_id", "at"), Index(None, "at"))

    id: Mapped[Id]
    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(String(210))
    channel: Mapped[str] = mapped_column(String(10))
    store_id: Mapped[uuid.UUID | None]
    customer_id: Mapped[uuid.UUID]
    action: Mapped[str] = mapped_column(String(30))
    request_id: Mapped[str] = mapped_column(String(64), default="")
