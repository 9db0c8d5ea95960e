"""How long customers are kept of whom nothing more is heard (Art. 5(1)(e) GDPR).

Active is who bought, or was in touch in the store or through another system of the retailer; that
somebody looked at the profile, or that a mail was sent, does not count (CNIL, SAN-2020-008).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain import clock
from app.domain.audit import AuditAction
from app.domain.order_states import Fulfilment

DEFAULT_MONTHS = 36
# So many of these deletions can be waiting at a time; the next are asked for when they are erased. Lists
# leave out who is on hold one by one, and nobody could look at more.
MAX_WAITING = 10_000

# An order that waits keeps its customer, however old it is.
OPEN_ORDERS = (Fulfilment.PENDING, Fulfilment.PARTIALLY_SHIPPED)
# What people and other systems do with a customer's data when the customer was in touch.
CONTACTS = (
    AuditAction.ADDRESS_CREATED,
    AuditAction.ADDRESS_DELETED,
    AuditAction.ADDRESS_UPDATED,
    AuditAction.ATTRIBUTES_UPDATED,
    AuditAction.CONSENT_ASKED,
    AuditAction.CUSTOMER_ADDED_TO_STORE,
    AuditAction.CUSTOMER_CREATED,
    AuditAction.CUSTOMER_UPDATED,
)


class Origin(StrEnum):
    """Who asked for the deletion: the customer, or the time limit."""

    CUSTOMER = "customer"
    RETENTION = "retention"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """For how many months a customer is kept after the last contact; 0 for ever."""

    months: int = DEFAULT_MONTHS
    audit_log_months: int = DEFAULT_MONTHS

    def before(self, now: datetime) -> datetime:
        """Return the time since when somebody must have been in touch to be kept."""
        return clock.add_months(now, -self.months)

    @property
    def knows_contacts(self) -> bool:
        """True when the audit log reaches back far enough to tell contacts from other changes."""
        return self.audit_log_months >= self.months
