"""Outgoing events: what they say, how they are signed, when a delivery is tried again.

Signatures follow Standard Webhooks (https://www.standardwebhooks.com).
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the prefix of secrets, none itself
# A new secret and the one before it are both signed with for so long.
OLD_SECRET_KEPT = timedelta(hours=24)
# How long events and their deliveries are kept; they hold ids, no contact data.
KEPT = timedelta(days=30)
_WAITS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(_WAITS) + 1


class EventKind(StrEnum):
    """What happened; `webhook.test` is sent by an administrator to try an address."""

    CONSENT_CHANGED = "consent.changed"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    ADDRESS_CREATED = "customer.address_created"
    ADDRESS_UPDATED = "customer.address_updated"
    ADDRESS_DELETED = "customer.address_deleted"
    CUSTOMER_RESTRICTED = "customer.restricted"
    CUSTOMER_RELEASED = "customer.released"
    CUSTOMER_ERASED = "customer.erased"
    TEST = "webhook.test"


# The kinds that an address can be registered for; of an erasure every address is told.
SUBSCRIBABLE = tuple(kind for kind in EventKind if kind not in {EventKind.TEST, EventKind.CUSTOMER_ERASED})


class DeliveryState(StrEnum):
    """How a delivery stands; `dead` ones were given up and can be replayed."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """One thing that happened to a customer: ids and names of fields, never their values."""

    kind: EventKind
    customer_id: uuid.UUID
    revision: int
    store_id: uuid.UUID | None = None
    changed: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


def back_off(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed attempts, or None to give up (about two days)."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None


def asked_to_wait(retry_after: str, now: datetime) -> timedelta:
    """Read a Retry-After header, seconds or a date (RFC 9110, 10.2.3); none for anything else.

    At most as long as the longest of our own waits.
    """
    try:
        seconds = float(retry_after) if retry_after.isdecimal() else 0.0
        if not seconds and retry_after:
            when = parsedate_to_datetime(retry_after)
            seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return timedelta()
    return timedelta(seconds=min(max(seconds, 0.0), max(_WAITS).total_seconds()))


def body(*, event_id: uuid.UUID, kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return the body of an event, always the same bytes for the same event."""
    document = {
        "id": str(event_id),
        "type": kind,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": dict(data),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def new_secret() -> str:
    """Return a new secret to sign with, as receivers keep it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def sign(secret: str, *, event_id: uuid.UUID, timestamp: int, content: bytes) -> str:
    """Return the signature of a delivery: `v1,` and the HMAC-SHA256 of id, time and body.

    Raises ValueError for what is no secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("this is no secret of a webhook") from None
    signed = f"{event_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(keys: Sequence[str], *, event_id: uuid.UUID, timestamp: int, content: bytes) -> dict[str, str]:
    """Return the headers of a delivery, signed with each of the secrets."""
    signatures = [sign(key, event_id=event_id, timestamp=timestamp, content=content) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Clienteling-Webhooks/1",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
