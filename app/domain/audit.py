"""What the audit log and the access log say."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class AuditAction(StrEnum):
    """One kind of act, `noun.past`; its words for people stand in `app/queries/audit.py`."""

    ADDRESS_CREATED = "address.created"
    ADDRESS_DELETED = "address.deleted"
    ADDRESS_UPDATED = "address.updated"
    API_CLIENT_CREATED = "api_client.created"
    API_CLIENT_UPDATED = "api_client.updated"
    API_SECRET_ROTATED = "api_client.secret_rotated"  # noqa: S105 -- the name of an act
    API_TOKEN_ISSUED = "api_token.issued"  # noqa: S105 -- the name of an act
    API_TOKEN_REFUSED = "api_token.refused"  # noqa: S105 -- the name of an act
    API_TOKENS_REVOKED = "api_token.revoked"
    ASSOCIATE_CREATED = "associate.created"
    ASSOCIATE_UPDATED = "associate.updated"
    ATTRIBUTE_DEFINITION_CREATED = "attribute_definition.created"
    ATTRIBUTE_DEFINITION_UPDATED = "attribute_definition.updated"
    ATTRIBUTES_UPDATED = "attributes.updated"
    CONSENT_ASKED = "consent.asked"
    CONSENT_HAND_OVER_ENDED = "consent.hand_over_ended"
    CONSENT_RECORDED = "consent.recorded"
    CONSENT_REVIEW_UNDONE = "consent.review_undone"
    CONSENT_REVIEWED = "consent.reviewed"
    CUSTOMER_ADDED_TO_STORE = "customer.added_to_store"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    DASHBOARD_EXPORTED = "dashboard.exported"
    DATA_REQUEST_CALLED_OFF = "data_request.called_off"
    DATA_REQUEST_CLOSED = "data_request.closed"
    DATA_REQUEST_EXPORTED = "data_request.exported"
    DATA_REQUEST_EXTENDED = "data_request.extended"
    DATA_REQUEST_IDENTITY_CHECKED = "data_request.identity_checked"
    DATA_REQUEST_PREPARED = "data_request.prepared"
    DATA_REQUEST_RECORDED = "data_request.recorded"
    DATA_REQUEST_REMINDED = "data_request.reminded"
    ERASURE_FINISHED = "erasure.finished"
    ERASURE_STARTED = "erasure.started"
    IMPORT_FINISHED = "import.finished"
    JOB_RETRIED = "job.retried"
    LOG_EXPORTED = "log.exported"
    ORDER_RECORDED = "order.recorded"
    PASSWORD_CHANGED = "associate.password_changed"  # noqa: S105 -- the name of an act
    RETENTION_STARTED = "retention.started"
    SIGN_IN_REFUSED = "sign_in.refused"
    SIGNED_IN = "sign_in.succeeded"
    SIGNED_OUT = "sign_in.ended"
    STORE_CREATED = "store.created"
    STORE_UPDATED = "store.updated"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_ROTATED = "webhook.secret_rotated"
    WEBHOOK_UPDATED = "webhook.updated"
    WORDING_CREATED = "consent_wording.created"
    WORDING_UPDATED = "consent_wording.updated"


class AccessAction(StrEnum):
    """One way of seeing a customer's data."""

    EXPORTED = "exported"
    LISTED = "listed"
    MASKED = "masked"
    REVEALED = "revealed"
    VIEWED = "viewed"


Changes = dict[str, tuple[Any, Any]]


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """Return {field: (old, new)} of the fields of `new` whose value differs from `old`."""
    return {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}
