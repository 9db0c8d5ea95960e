"""Who may do what: one table, role by permission."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is to the product; SYSTEM stands for the command line and jobs."""

    ASSOCIATE = "associate"
    MANAGER = "manager"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SYSTEM = "system"

    @property
    def label(self) -> str:
        """Name the role for people."""
        return {"admin": "Administrator"}.get(self.value, self.value.capitalize())


class Permission(StrEnum):
    """One thing that can be allowed, `noun:act`."""

    ADMIN_MANAGE = "admin:manage"
    AUDIT_EXPORT = "audit:export"
    AUDIT_VIEW = "audit:view"
    CONSENT_CAPTURE = "consent:capture"
    CUSTOMER_EDIT = "customer:edit"
    CUSTOMER_IMPORT = "customer:import"
    CUSTOMER_REVEAL = "customer:reveal"
    CUSTOMER_VIEW = "customer:view"
    JOB_VIEW = "job:view"
    ORDER_RECORD = "order:record"


_FLOOR = frozenset(
    {
        Permission.AUDIT_VIEW,
        Permission.CONSENT_CAPTURE,
        Permission.CUSTOMER_EDIT,
        Permission.CUSTOMER_REVEAL,
        Permission.CUSTOMER_VIEW,
    }
)

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ASSOCIATE: _FLOOR,
    Role.MANAGER: _FLOOR | {Permission.AUDIT_EXPORT, Permission.CUSTOMER_IMPORT, Permission.JOB_VIEW},
    Role.ADMIN: _FLOOR
    | {
        Permission.ADMIN_MANAGE,
        Permission.AUDIT_EXPORT,
        Permission.CUSTOMER_IMPORT,
        Permission.JOB_VIEW,
        Permission.ORDER_RECORD,
    },
    Role.AUDITOR: frozenset({Permission.AUDIT_EXPORT, Permission.AUDIT_VIEW, Permission.CUSTOMER_VIEW}),
    Role.SYSTEM: frozenset(Permission),
}

# Roles whose work is not bound to the stores they belong to.
EVERY_STORE = frozenset({Role.ADMIN, Role.SYSTEM})

# Roles that read both logs of every store; a manager reads those of their stores, others their own acts.
EVERY_LOG = EVERY_STORE | {Role.AUDITOR}

# The roles a person can be given on the associates page; SYSTEM is never a person.
ASSIGNABLE = (Role.ASSOCIATE, Role.MANAGER, Role.AUDITOR, Role.ADMIN)
