"""The search entries: one for each store that knows a customer, one for the whole company."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base

# Bytes decide the order, on both databases.
Folded = String(200, collation="BINARY").with_variant(String(200, collation="C"), "postgresql")

# Stands for "the whole company" in place of a store.
COMPANY = uuid.UUID(int=0)


class CustomerSearch(Base):
    """What lists and searches need of a customer, lying together store by store.

    Everything follows from other tables and is rewritten by services.search_index in the act that
    changes them. A store's entries are read through in one sweep, which is quicker than any text
    index up to some tens of thousands of customers (docs/architecture.md has the figures).
    """

    __tablename__ = "customer_search"
    __table_args__ = (
        Index(None, "customer_id"),
        Index("ix_customer_search_name", "store_id", "last_n", "first_n", "customer_id"),
        Index("ix_customer_search_last_order", "store_id", "last_order_at", "customer_id"),
        Index("ix_customer_search_created", "store_id", "created_at", "customer_id"),
        Index(
            "ix_customer_search_opted_in",
            "store_id",
            "last_n",
            "first_n",
            "customer_id",
            sqlite_where=text("opt_in_state = 'accepted'"),
            postgresql_where=text("opt_in_state = 'accepted'"),
        ),
        {"sqlite_with_rowid": False},
    )

    store_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    last_n: Mapped[str] = mapped_column(Folded)
    first_n: Mapped[str] = mapped_column(Folded)
    hay: Mapped[str] = mapped_column(Text)
    created_by_id: Mapped[uuid.UUID | None]
    opt_in_state: Mapped[str] = mapped_column(String(20))
    opted_in_at: Mapped[datetime | None]
    last_order_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
