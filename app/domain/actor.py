"""Who acts: passed to every service and query, never looked up there."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.permissions import EVERY_STORE, ROLE_PERMISSIONS, Permission, Role
from app.errors import Forbidden


class Visibility(StrEnum):
    """Whether people are kept to customers of their own stores."""

    STORE = "store"
    COMPANY = "company"


class Channel(StrEnum):
    """The face through which an act came in."""

    WEB = "web"
    API = "api"
    CLI = "cli"
    JOB = "job"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, client or job that acts, with the stores it belongs to."""

    id: uuid.UUID | None
    name: str
    role: Role
    store_ids: frozenset[uuid.UUID] = field(default_factory=frozenset)
    store_id: uuid.UUID | None = None
    channel: Channel = Channel.WEB
    request_id: str = ""
    # The session or token it came through, under a name that opens nothing.
    device: str = ""
    visibility: Visibility = Visibility.STORE
    # What an API client's token allows, instead of what the role does.
    permissions: frozenset[Permission] | None = None
    scopes: frozenset[str] = frozenset()
    # An API client that was given no list of stores works for all of them.
    every_store: bool = False

    @classmethod
    def system(cls, name: str, *, channel: Channel = Channel.CLI) -> "Actor":
        """Make the actor of a command or job, so that the audit log has no empty names."""
        return cls(id=None, name=name, role=Role.SYSTEM, channel=channel)

    def can(self, permission: Permission) -> bool:
        """True when the actor's role, or the scopes of its token, have the permission."""
        return permission in (ROLE_PERMISSIONS[self.role] if self.permissions is None else self.permissions)

    def require(self, permission: Permission) -> None:
        """Raise Forbidden when the actor's role lacks the permission."""
        if not self.can(permission):
            raise Forbidden

    @property
    def has_every_store(self) -> bool:
        """True when the role, or the API client, is not bound to stores."""
        return self.every_store or self.role in EVERY_STORE

    @property
    def associate_id(self) -> uuid.UUID | None:
        """The id of the associate who acts; None for API clients, commands and jobs."""
        return None if self.role is Role.API else self.id

    @property
    def client_name(self) -> str:
        """The name of the API client that acts; "" for everybody else."""
        return self.name if self.role is Role.API else ""

    @property
    def sees_every_customer(self) -> bool:
        """True when no customer is hidden: by role, or because the company shares all customers."""
        return self.has_every_store or self.visibility is Visibility.COMPANY

    def works_in(self, store_id: uuid.UUID | None) -> bool:
        """True when the actor may act for the store."""
        return self.has_every_store or store_id in self.store_ids
