"""Orders: the source's document, and the columns that lists, sums and searches need."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id

# What `brief` says of an order without channel and products.
BRIEF_OF_NONE = '{"channel": null, "images": [], "categories": {}}'


class Order(Base):
    """An order as it came from outside; never edited here, replaced as a whole by its key.

    `document` is the JSON of API v0's operation 12 with amounts written exactly as they came.
    `brief` is what lists show of it (`domain.orders.brief`).
    `grand_total_minor` is in the currency's smallest unit (cents, yen).
    """

    __tablename__ = "customer_order"
    __table_args__ = (Index(None, "customer_id", "placed_at"), Index(None, "order_key"))

    id: Mapped[Id]
    external_order_id: Mapped[str] = mapped_column(String(100), unique=True)
    # The number on the receipt, folded, by which the search finds the order.
    order_key: Mapped[str] = mapped_column(String(100))
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id"))
    store_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("store.id"), index=True)
    placed_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(30))
    channel_type: Mapped[str] = mapped_column(String(40), default="")
    currency: Mapped[str] = mapped_column(String(3))
    grand_total_minor: Mapped[int] = mapped_column(BigInteger)
    item_count: Mapped[int] = mapped_column(default=0)
    document: Mapped[str] = mapped_column(Text)
    brief: Mapped[dict[str, Any]] = mapped_column(JSON, server_default=BRIEF_OF_NONE)
    recorded_at: Mapped[datetime]
    # When an erasure took the person out: it stays out, whatever the source sends again.
    redacted_at: Mapped[datetime | None]
