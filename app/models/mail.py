"""Mails to customers, written down in the act that decides on them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class Mail(Base):
    """A mail that was decided on in an act and is sent by a job afterwards.

    `payload` holds what the text needs: names, ids and links. It and `to_address` are blanked
    once the mail went out or was given up; what kind went to whom and when stays.
    """

    __tablename__ = "mail"
    __table_args__ = (Index(None, "state", "created_at"), Index(None, "customer_id"))

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(30))
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id"))
    to_address: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(10))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
