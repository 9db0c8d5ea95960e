"""Acts that must happen once, however often their form is sent."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class IdempotencyKey(Base):
    """An act that was done under a key, and the id of what it made; holds no personal data."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("actor_key", "act", "key"), Index(None, "created_at"))

    id: Mapped[Id]
    actor_key: Mapped[str] = mapped_column(String(80))
    act: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(80))
    request_hash: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
