"""Imports from files."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class ImportJob(Base):
    """One import of one file: how far it came, so that it can go on after a break.

    `source_hash` identifies file, kind, mapping and store together.
    """

    __tablename__ = "import_job"
    __table_args__ = (Index(None, "source_hash"),)

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(String(200))
    source_hash: Mapped[str] = mapped_column(String(64))
    store_id: Mapped[uuid.UUID | None]
    state: Mapped[str] = mapped_column(String(20))
    rows_done: Mapped[int] = mapped_column(default=0)
    created_count: Mapped[int] = mapped_column(default=0)
    updated_count: Mapped[int] = mapped_column(default=0)
    unchanged_count: Mapped[int] = mapped_column(default=0)
    refused_count: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
