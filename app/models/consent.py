"""Consents: what was declared, event by event, and how each stands now."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class ConsentEvent(Base):
    """One declaration, kept as it was made; appended, never changed."""

    __tablename__ = "consent_event"
    __table_args__ = (Index(None, "customer_id", "at"),)

    id: Mapped[Id]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"))
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"))
    channel: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(100), default="")
    wording: Mapped[str] = mapped_column(String(100), default="")
    language: Mapped[str] = mapped_column(String(10), default="")
    associate_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Consent(Base):
    """How a channel and purpose stand in a store, derived from the events in the same act."""

    __tablename__ = "consent"

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"), primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime]
