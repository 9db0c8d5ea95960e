"""The history of a customer: who changed which field, when."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import addresses, customers, values
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.paging import Page, PageRequest
from app.domain.texts import N_
from app.models import AttributeDefinition, AuditEntry
from app.queries import customers as customer_queries

# English until translated where it is shown.
ACTION_LABELS = {
    AuditAction.ADDRESS_CREATED: N_("Address added"),
    AuditAction.ADDRESS_DELETED: N_("Address deleted"),
    AuditAction.ADDRESS_UPDATED: N_("Address changed"),
    AuditAction.API_CLIENT_CREATED: N_("API client added"),
    AuditAction.API_CLIENT_UPDATED: N_("API client changed"),
    AuditAction.API_SECRET_ROTATED: N_("New secret for an API client"),
    AuditAction.API_TOKENS_REVOKED: N_("API tokens revoked"),
    AuditAction.API_TOKEN_ISSUED: N_("API token issued"),
    AuditAction.API_TOKEN_REFUSED: N_("API token refused"),
    AuditAction.ASSOCIATE_CREATED: N_("Associate added"),
    AuditAction.ASSOCIATE_UPDATED: N_("Associate changed"),
    AuditAction.ATTRIBUTES_UPDATED: N_("Preferences changed"),
    AuditAction.ATTRIBUTE_DEFINITION_CREATED: N_("Attribute defined"),
    AuditAction.ATTRIBUTE_DEFINITION_UPDATED: N_("Definition of an attribute changed"),
    AuditAction.CONSENT_ASKED: N_("Opt-in asked for"),
    AuditAction.CONSENT_HAND_OVER_ENDED: N_("Tablet taken back"),
    AuditAction.CONSENT_RECORDED: N_("Opt-in recorded"),
    AuditAction.CONSENT_REVIEWED: N_("Opt-in reviewed"),
    AuditAction.CONSENT_REVIEW_UNDONE: N_("Review of an opt-in undone"),
    AuditAction.CUSTOMER_ADDED_TO_STORE: N_("Added to a store"),
    AuditAction.CUSTOMER_CREATED: N_("Created"),
    AuditAction.CUSTOMER_UPDATED: N_("Contact changed"),
    AuditAction.DASHBOARD_EXPORTED: N_("Figures downloaded"),
    AuditAction.DATA_REQUEST_CALLED_OFF: N_("Deletion called off"),
    AuditAction.DATA_REQUEST_CLOSED: N_("Data request closed"),
    AuditAction.DATA_REQUEST_EXPORTED: N_("Copy of the data fetched"),
    AuditAction.DATA_REQUEST_EXTENDED: N_("Data request extended"),
    AuditAction.DATA_REQUEST_IDENTITY_CHECKED: N_("Identity checked"),
    AuditAction.DATA_REQUEST_PREPARED: N_("Copy of the data made ready"),
    AuditAction.DATA_REQUEST_REMINDED: N_("Managers reminded of a data request"),
    AuditAction.DATA_REQUEST_RECORDED: N_("Data request recorded"),
    AuditAction.ERASURE_FINISHED: N_("Customer erased"),
    AuditAction.ERASURE_STARTED: N_("Erasure begun"),
    AuditAction.IMPORT_FINISHED: N_("Import finished"),
    AuditAction.JOB_RETRIED: N_("Job tried again"),
    AuditAction.LOG_EXPORTED: N_("Log downloaded"),
    AuditAction.ORDER_RECORDED: N_("Order recorded"),
    AuditAction.PASSWORD_CHANGED: N_("Password changed"),
    AuditAction.SIGNED_IN: N_("Signed in"),
    AuditAction.SIGNED_OUT: N_("Signed out"),
    AuditAction.SIGN_IN_REFUSED: N_("Sign-in refused"),
    AuditAction.STORE_CREATED: N_("Store added"),
    AuditAction.STORE_UPDATED: N_("Store changed"),
    AuditAction.WEBHOOK_CREATED: N_("Webhook added"),
    AuditAction.WEBHOOK_REPLAYED: N_("Event sent again"),
    AuditAction.WEBHOOK_ROTATED: N_("New secret for a webhook"),
    AuditAction.WEBHOOK_UPDATED: N_("Webhook changed"),
    AuditAction.WORDING_CREATED: N_("Wording added"),
    AuditAction.WORDING_UPDATED: N_("Wording changed"),
}


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field of a change, before and after, as text."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One act on a customer; `can_restore` when its old values can be put back."""

    id: uuid.UUID
    label: str
    who: str
    at: datetime
    fields: tuple[FieldChange, ...]
    can_restore: bool


def history(session: Session, actor: Actor, customer_id: uuid.UUID, page: PageRequest) -> Page[Change]:
    """Return the changes of a customer and its parts, newest first. Raises NotFound."""
    customer_queries.get(session, actor, customer_id)
    criterion = AuditEntry.customer_id == customer_id
    total = session.scalar(select(func.count()).select_from(AuditEntry).where(criterion)) or 0
    entries = session.scalars(
        select(AuditEntry)
        .where(criterion)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .offset(page.offset)
        .limit(page.count)
    ).all()
    words = Words.load(session)
    return Page(
        items=[_change(entry, words) for entry in entries],
        offset=page.offset,
        requested=page.count,
        total=total,
    )


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the names in an entry are called, and which attributes are not to be read in passing."""

    attributes: dict[str, str]
    sensitive: frozenset[str]

    @classmethod
    def load(cls, session: Session) -> "Words":
        """Read the definitions of attributes, retired ones too."""
        found = session.execute(
            select(AttributeDefinition.key, AttributeDefinition.label, AttributeDefinition.is_sensitive)
        ).all()
        return cls(
            attributes={row.key: row.label for row in found},
            sensitive=frozenset(row.key for row in found if row.is_sensitive),
        )

    def of_action(self, action: str) -> str:
        """Return an act in words."""
        try:
            return ACTION_LABELS[AuditAction(action)]
        except (KeyError, ValueError):
            return action.replace(".", " ").replace("_", " ").capitalize()

    def of_field(self, subject_type: str, name: str) -> str:
        """Return a field of a subject in words."""
        known = {
            "customer": customers.FIELD_LABELS,
            "address": addresses.FIELD_LABELS,
            "attributes": self.attributes,
        }.get(subject_type, {})
        return known.get(name) or name.replace("_", " ").capitalize()

    def changes(self, entry: AuditEntry) -> tuple[FieldChange, ...]:
        """Return the fields of an entry before and after; none when an erasure has cleared them."""
        return tuple(
            FieldChange(
                label=self.of_field(entry.subject_type, name),
                old=self._shown(entry.subject_type, name, pair[0]),
                new=self._shown(entry.subject_type, name, pair[1]),
            )
            for name, pair in (entry.changes or {}).items()
        )

    def _shown(self, subject_type: str, name: str, value: Any) -> str:
        # The logs are no way round the masking of contact data: to see it whole, reveal it.
        text = _text(value)
        if subject_type == "attributes" and name in self.sensitive:
            return "•••" if text else ""
        match name:
            case "email":
                return values.mask_email(text) if text else ""
            case "phone_number" | "contact_phone":
                return values.mask_phone(text)
            case _:
                return text


def _change(entry: AuditEntry, words: Words) -> Change:
    return Change(
        id=entry.id,
        label=words.of_action(entry.action),
        who=entry.actor_name,
        at=entry.at,
        fields=words.changes(entry),
        can_restore=entry.action == AuditAction.CUSTOMER_UPDATED and bool(entry.changes),
    )


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)
