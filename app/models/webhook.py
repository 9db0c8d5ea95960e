"""Outgoing events: what happened, who wants to know, and how telling them went."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, new_id

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_WAITS, _IS_LEASED = "state = 'queued'", "leased_until IS NOT NULL"


class Event(Base):
    """One thing that happened, written in its transaction; ids and names of fields, no values.

    `number` grows within a customer, whose row is locked while an act changes it.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "kind", "at"),
        Index(None, "customer_id", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(unique=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    customer_id: Mapped[uuid.UUID | None]
    store_id: Mapped[uuid.UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class Webhook(Base):
    """An address that wants to be told; its secrets are sealed with the program's key."""

    __tablename__ = "webhook"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    sealed_secret: Mapped[str] = mapped_column(String(300))
    sealed_old_secret: Mapped[str | None] = mapped_column(String(300))
    old_secret_until: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    failing_since: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Delivery(Base):
    """One event on its way to one address."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_number"),
        Index(None, "state", "due_at"),
        Index(None, "webhook_id", "state", "due_at"),
        Index(None, "webhook_id", "customer_id", "event_number"),
        Index(None, "event_number"),
        Index(
            "ix_webhook_delivery_waiting", "webhook_id", "customer_id", "event_number",
            sqlite_where=text(_WAITS), postgresql_where=text(_WAITS),
        ),
        Index(
            "ix_webhook_delivery_leased", "leased_until",
            sqlite_where=text(_IS_LEASED), postgresql_where=text(_IS_LEASED),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook.id"))
    event_number: Mapped[int] = mapped_column(_NUMBER, ForeignKey("event.number"))
    customer_id: Mapped[uuid.UUID | None]
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    lease_token: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(200), default="")
    acknowledged_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
