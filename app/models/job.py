"""Background jobs: what is to be done, who does it now, how far it is."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id

_IS_OPEN = text("state IN ('queued', 'running')")


class Job(Base):
    """One piece of work, written in the transaction that asks for it; the queue only wakes workers.

    `payload` holds ids, never personal data. `lease_token` is the claim of the worker that runs it
    until `leased_until`; a worker that lost it can write nothing more. `attempts` counts the tries
    since the last progress. `is_wanted_again` is set when the job of a key is asked for while it
    runs: it then runs once more.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("uq_job_open_key", "key", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
        Index(None, "state", "run_after"),
        Index(None, "key", "finished_at"),
        Index(None, "created_by_id", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(20))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    key: Mapped[str | None] = mapped_column(String(120))
    is_wanted_again: Mapped[bool] = mapped_column(default=False)
    run_after: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    total_count: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(300), default="")
    created_by_id: Mapped[uuid.UUID | None]
    store_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
