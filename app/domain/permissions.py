"""Who may do what: one table, role by permission, and one for the scopes of API tokens."""

from collections.abc import Iterable
from enum import StrEnum

from app.domain.texts import N_


class Role(StrEnum):
    """What a person is to the product; SYSTEM stands for the command line and jobs.

    API is a program with a token: what it may do stands in the token's scopes.
    """

    ASSOCIATE = "associate"
    MANAGER = "manager"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SYSTEM = "system"
    API = "api"

    @property
    def label(self) -> str:
        """Name the role for people."""
        return {
            "associate": N_("Associate"),
            "manager": N_("Manager"),
            "admin": N_("Administrator"),
            "auditor": N_("Auditor"),
            "system": N_("System"),
            "api": N_("API client"),
        }[self.value]


class Permission(StrEnum):
    """One thing that can be allowed, `noun:act`."""

    ADMIN_MANAGE = "admin:manage"
    AUDIT_EXPORT = "audit:export"
    AUDIT_VIEW = "audit:view"
    CONSENT_CAPTURE = "consent:capture"
    CONSENT_REVIEW = "consent:review"
    CUSTOMER_EDIT = "customer:edit"
    CUSTOMER_IMPORT = "customer:import"
    CUSTOMER_REVEAL = "customer:reveal"
    CUSTOMER_VIEW = "customer:view"
    DASHBOARD_VIEW = "dashboard:view"
    DATA_REQUEST_CREATE = "data_request:create"
    DATA_REQUEST_MANAGE = "data_request:manage"
    DATA_REQUEST_VIEW = "data_request:view"
    JOB_VIEW = "job:view"
    OPT_IN_LIST = "opt_in:list"
    ORDER_RECORD = "order:record"
    REVIEW_VIEW = "review:view"


_FLOOR = frozenset(
    {
        Permission.AUDIT_VIEW,
        Permission.CONSENT_CAPTURE,
        Permission.CUSTOMER_EDIT,
        Permission.CUSTOMER_REVEAL,
        Permission.CUSTOMER_VIEW,
        Permission.OPT_IN_LIST,
    }
)

_DATA_REQUESTS = frozenset(
    {Permission.DATA_REQUEST_CREATE, Permission.DATA_REQUEST_MANAGE, Permission.DATA_REQUEST_VIEW}
)

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ASSOCIATE: _FLOOR,
    Role.MANAGER: _FLOOR
    | _DATA_REQUESTS
    | {
        Permission.AUDIT_EXPORT,
        Permission.CONSENT_REVIEW,
        Permission.CUSTOMER_IMPORT,
        Permission.DASHBOARD_VIEW,
        Permission.JOB_VIEW,
        Permission.REVIEW_VIEW,
    },
    Role.ADMIN: _FLOOR
    | _DATA_REQUESTS
    | {
        Permission.ADMIN_MANAGE,
        Permission.AUDIT_EXPORT,
        Permission.CONSENT_REVIEW,
        Permission.CUSTOMER_IMPORT,
        Permission.DASHBOARD_VIEW,
        Permission.JOB_VIEW,
        Permission.ORDER_RECORD,
        Permission.REVIEW_VIEW,
    },
    Role.AUDITOR: frozenset(
        {
            Permission.AUDIT_EXPORT,
            Permission.AUDIT_VIEW,
            Permission.CUSTOMER_VIEW,
            Permission.DASHBOARD_VIEW,
            Permission.DATA_REQUEST_VIEW,
            Permission.REVIEW_VIEW,
        }
    ),
    Role.SYSTEM: frozenset(Permission),
    Role.API: frozenset(),
}


class Scope(StrEnum):
    """What an API token opens; the names are those of API v0."""

    PROFILE_READ = "customer:profile:read"
    PROFILE_WRITE = "customer:profile:write"
    CLIENTELING_READ = "clienteling:profile:read"
    ORDERS_WRITE = "orders:write"


SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.PROFILE_READ: frozenset({Permission.CUSTOMER_VIEW, Permission.CUSTOMER_REVEAL}),
    Scope.PROFILE_WRITE: frozenset({Permission.CUSTOMER_EDIT, Permission.DATA_REQUEST_CREATE}),
    Scope.CLIENTELING_READ: frozenset({Permission.OPT_IN_LIST}),
    Scope.ORDERS_WRITE: frozenset({Permission.ORDER_RECORD}),
}


SCOPE_LABELS: dict[Scope, str] = {
    Scope.PROFILE_READ: N_("Read customers"),
    Scope.PROFILE_WRITE: N_("Write customers"),
    Scope.CLIENTELING_READ: N_("List who opted in"),
    Scope.ORDERS_WRITE: N_("Put orders in"),
}


def permissions_of(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return what the scopes allow together; a scope that is not known allows nothing."""
    known = [Scope(name) for name in scopes if name in set(Scope)]
    return frozenset().union(*(SCOPE_PERMISSIONS[scope] for scope in known))


# Roles whose work is not bound to the stores they belong to.
EVERY_STORE = frozenset({Role.ADMIN, Role.SYSTEM})

# Roles that read both logs of every store; a manager reads those of their stores, others their own acts.
EVERY_LOG = EVERY_STORE | {Role.AUDITOR}

# The roles a person can be given on the associates page; SYSTEM is never a person.
ASSIGNABLE = (Role.ASSOCIATE, Role.MANAGER, Role.AUDITOR, Role.ADMIN)
