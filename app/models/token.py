"""The programs that use the API, their tokens, what they failed and how much they asked."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id
from app.models.store import Store


class ApiClient(Base):
    """A program that an administrator let in; deactivated, never deleted.

    Only the SHA-256 of its secret is kept, and the first letters, by which a leak is recognised.
    """

    __tablename__ = "api_client"
    __table_args__ = (
        CheckConstraint("length(name) <= 100", name="name_length"),
        CheckConstraint("length(scopes) <= 200", name="scopes_length"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(200), unique=True)
    client_id: Mapped[str] = mapped_column(String(40), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    secret_prefix: Mapped[str] = mapped_column(String(12))
    # Names of scopes with a blank between them, as OAuth writes them.
    scopes: Mapped[str] = mapped_column(String(200))
    # Not derived from the list: an empty list must never open all stores.
    every_store: Mapped[bool]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)

    stores: Mapped[list[Store]] = relationship(
        secondary="api_client_store", lazy="raise_on_sql", order_by=Store.name, viewonly=True
    )


class ApiClientStore(Base):
    """An API client works for a store."""

    __tablename__ = "api_client_store"

    api_client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_client.id"), primary_key=True)
    store_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("store.id"), primary_key=True, index=True)


class ApiToken(Base):
    """An access or a refresh token; only its SHA-256 is kept, and its first letters.

    All tokens that followed from one sign-in share `family_id`: when a refresh token comes back
    that was used already, somebody has a copy, and the whole family is revoked (RFC 9700, 4.14.2).
    """

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("kind IN ('access', 'refresh')", name="kind"),
        CheckConstraint("\"grant\" IN ('client_credentials', 'password')", name="grant"),
        Index(None, "api_client_id", "issued_at"),
        Index(None, "family_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(12))
    api_client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_client.id"))
    family_id: Mapped[uuid.UUID]
    # How the family began: `password` clients renew without sending their secret, as v0's do.
    grant: Mapped[str] = mapped_column(String(20))
    scopes: Mapped[str] = mapped_column(String(200))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    api_client: Mapped[ApiClient] = relationship(lazy="raise_on_sql")


class ApiFailure(Base):
    """A failed try to get a token; who was named and where it came from, as keyed hashes."""

    __tablename__ = "api_failure"
    __table_args__ = (Index(None, "client_hash", "at"), Index(None, "source_hash", "at"), Index(None, "at"))

    id: Mapped[Id]
    client_hash: Mapped[str] = mapped_column(String(64))
    source_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class ApiQuota(Base):
    """How many requests of a client were given out in the running minute, by kind of request."""

    __tablename__ = "api_quota"

    api_client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_client.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    # Minutes since 1970.
    minute: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[int]
