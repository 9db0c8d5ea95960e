"""Who changed what, and who looked at whom."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Dialect, Index, LargeBinary, String, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.models.base import Base, Id


class CustomerIds(TypeDecorator[tuple[uuid.UUID, ...]]):
    """Ids among which one can be found: an indexed array on PostgreSQL, 16 bytes each on SQLite."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Take the array where there is one."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(Uuid()))
        return dialect.type_descriptor(LargeBinary())

    def process_bind_param(self, value: Iterable[uuid.UUID] | None, dialect: Dialect) -> Any:
        """Write the ids one after the other."""
        if value is None:
            return None
        return list(value) if dialect.name == "postgresql" else b"".join(one.bytes for one in value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[uuid.UUID, ...] | None:
        """Give the ids back."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return tuple(value)
        return tuple(uuid.UUID(bytes=value[start : start + 16]) for start in range(0, len(value), 16))


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
        Index(None, "action", "at"),
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
    # The session or token it came through, under a name that opens nothing.
    device: Mapped[str] = mapped_column(String(64), default="", server_default="")


class AccessEntry(Base):
    """Somebody saw a customer's data, or the customers of a page of a list.

    One of `customer_id` and `customer_ids` is set. `detail` says which list or which field;
    `search_hash` is what was searched, under a keyed hash.
    """

    __tablename__ = "access_entry"
    __table_args__ = (
        Index(None, "actor_id", "at"),
        Index(None, "customer_id", "at"),
        Index(None, "store_id", "at"),
        Index(None, "device", "at"),
        Index(None, "at"),
        # On SQLite there is no index for one id among many: this one stays empty.
        Index("ix_access_entry_customer_ids", "customer_ids", postgresql_using="gin", sqlite_where=text("0")),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(String(210))
    channel: Mapped[str] = mapped_column(String(10))
    store_id: Mapped[uuid.UUID | None]
    customer_id: Mapped[uuid.UUID | None]
    customer_ids: Mapped[tuple[uuid.UUID, ...] | None] = mapped_column(CustomerIds())
    action: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(String(40), default="", server_default="")
    search_hash: Mapped[str] = mapped_column(String(32), default="", server_default="")
    device: Mapped[str] = mapped_column(String(64), default="", server_default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")
