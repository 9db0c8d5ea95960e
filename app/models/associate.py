"""The people who use the product, their stores, sessions and failed sign-ins."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id
from app.models.store import Store


def full_name(first_name: str, last_name: str) -> str:
    """Return the name of a person as people say it."""
    return f"{first_name} {last_name}".strip()


def name_label(first_name: str, last_name: str) -> str:
    """Return the name of a person as API v0 writes it: `Clienteling, Tim`."""
    return ", ".join(part for part in (last_name, first_name) if part)


class Associate(Base):
    """A person who signs in; deactivated, never deleted."""

    __tablename__ = "associate"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(20))
    locale: Mapped[str] = mapped_column(String(10), default="en")
    theme: Mapped[str] = mapped_column(String(10), default="system")
    password_hash: Mapped[str | None] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)

    stores: Mapped[list[Store]] = relationship(
        secondary="associate_store", lazy="raise_on_sql", order_by=Store.name
    )

    @property
    def name(self) -> str:
        """The name as people say it."""
        return full_name(self.first_name, self.last_name)


class AssociateStore(Base):
    """An associate belongs to a store."""

    __tablename__ = "associate_store"

    associate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("associate.id"), primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"), primary_key=True, index=True)


class SignInSession(Base):
    """Somebody is signed in on one device; deleting the row signs them out at once.

    Only the SHA-256 of the token in the cookie is kept.
    """

    __tablename__ = "sign_in_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    associate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("associate.id"), index=True)
    store_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("store.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    # When the password was given again; signing in counts where it is not set.
    confirmed_at: Mapped[datetime | None]
    # The device is in a customer's hands: nothing opens but this question, until a password.
    hand_over_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consent_ask.id"))

    associate: Mapped[Associate] = relationship(lazy="raise_on_sql")


class SignInFailure(Base):
    """A failed try to sign in; the account and the source are kept as keyed hashes."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index(None, "account_hash", "at"), Index(None, "source_hash", "at"), Index(None, "at"))

    id: Mapped[Id]
    account_hash: Mapped[str] = mapped_column(String(64))
    source_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
