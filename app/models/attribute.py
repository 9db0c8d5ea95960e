"""Extended attributes: what may be said of a customer, and what is."""

import uuid
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class AttributeDefinition(Base):
    """How one attribute is asked, checked and shown; deactivated, never deleted."""

    __tablename__ = "attribute_definition"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    label: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(20))
    choices: Mapped[list[str]] = mapped_column(JSON, default=list)
    group: Mapped[str] = mapped_column("group_name", String(60), default="")
    position: Mapped[int] = mapped_column(default=0)
    is_in_list: Mapped[bool] = mapped_column(default=False)
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)


class ExtendedAttribute(Base):
    """One attribute of one customer; `value_key` is the folded value by which it is filtered."""

    __tablename__ = "extended_attribute"
    __table_args__ = (Index(None, "name", "value_key", "customer_id"),)

    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(500))
    value_key: Mapped[str] = mapped_column(String(500))
