"""Customers and the stores that know them."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.address import Address
from app.models.associate import Associate, full_name
from app.models.attribute import ExtendedAttribute
from app.models.base import Base, Id
from app.models.store import Store


class Customer(Base):
    """A person who shops; `revision` counts every change of the customer and of its parts."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("length(email) <= 254", name="email_length"),
        CheckConstraint("length(first_name) <= 100 AND length(last_name) <= 100", name="name_length"),
        Index(None, "created_by_id", "id"),
        Index(None, "phone_e164"),
        Index(None, "created_at", "id"),
        Index(None, "updated_at", "id"),
    )

    id: Mapped[Id]
    display_id: Mapped[str] = mapped_column(String(12), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    # In the order of its bytes on both databases, so that the list by e-mail address is its index.
    email_key: Mapped[str] = mapped_column(
        String(254).with_variant(String(254, collation="C"), "postgresql"), unique=True
    )
    first_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100), default="")
    phone_number: Mapped[str] = mapped_column(String(40), default="")
    phone_e164: Mapped[str | None] = mapped_column(String(16))
    country_code: Mapped[str] = mapped_column(String(2), default="")
    created_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("associate.id"))
    # The name that the API client had then, where one created the customer and no associate did.
    created_by_client: Mapped[str] = mapped_column(String(100), default="", server_default="")
    store_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("store.id"))
    # Both follow from the orders and are written in the act that records one.
    order_count: Mapped[int] = mapped_column(default=0)
    last_order_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)

    created_by: Mapped[Associate | None] = relationship(lazy="raise_on_sql")
    store: Mapped[Store | None] = relationship(lazy="raise_on_sql")
    addresses: Mapped[list[Address]] = relationship(
        lazy="raise_on_sql", order_by=lambda: (Address.type, Address.is_default.desc(), Address.created_at)
    )
    extended_attributes: Mapped[list[ExtendedAttribute]] = relationship(
        lazy="raise_on_sql", order_by=lambda: ExtendedAttribute.name
    )

    @property
    def name(self) -> str:
        """The name as people say it; the e-mail address where no name is known."""
        return full_name(self.first_name, self.last_name) or self.email


class CustomerStore(Base):
    """A customer is known to a store: since when, why first, and how the opt-in stands there.

    `opt_in_state` and `opted_in_at` follow from the consents for clienteling in this store and
    are written in the same act. `opted_in_at` is when the opt-in last became accepted.
    """

    __tablename__ = "customer_store"
    __table_args__ = (Index(None, "customer_id"), Index(None, "store_id", "opt_in_state", "opted_in_at"))

    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"), primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"), primary_key=True)
    since: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(20))
    opt_in_state: Mapped[str] = mapped_column(String(20), default="not_asked")
    opted_in_at: Mapped[datetime | None]
