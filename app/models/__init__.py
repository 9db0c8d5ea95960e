"""All tables, so that whoever imports the package knows the whole schema."""

from app.models.address import Address
from app.models.associate import Associate, AssociateStore, SignInFailure, SignInSession
from app.models.attribute import AttributeDefinition, ExtendedAttribute
from app.models.audit import AccessEntry, AuditEntry
from app.models.base import Base
from app.models.consent import Consent, ConsentAsk, ConsentEvent, ConsentEvidence, ConsentWording
from app.models.consent_review import ConsentReview
from app.models.customer import Customer, CustomerStore
from app.models.data_request import DataRequest, DataRequestStep, Erasure
from app.models.idempotency import IdempotencyKey
from app.models.import_job import ImportJob
from app.models.job import Job
from app.models.mail import Mail
from app.models.order import Order
from app.models.store import Store
from app.models.token import ApiClient, ApiClientStore, ApiFailure, ApiQuota, ApiToken
from app.models.webhook import Delivery, Event, Webhook

__all__ = [
    "AccessEntry",
    "Address",
    "ApiClient",
    "ApiClientStore",
    "ApiFailure",
    "ApiQuota",
    "ApiToken",
    "Associate",
    "AssociateStore",
    "AttributeDefinition",
    "AuditEntry",
    "Base",
    "Consent",
    "ConsentAsk",
    "ConsentEvent",
    "ConsentEvidence",
    "ConsentReview",
    "ConsentWording",
    "Customer",
    "CustomerStore",
    "DataRequest",
    "DataRequestStep",
    "Delivery",
    "Erasure",
    "Event",
    "ExtendedAttribute",
    "IdempotencyKey",
    "ImportJob",
    "Job",
    "Mail",
    "Order",
    "SignInFailure",
    "SignInSession",
    "Store",
    "Webhook",
]
