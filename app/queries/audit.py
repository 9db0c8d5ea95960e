"""The audit log: who changed which field, when, in words; the history of a customer is a part of it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import addresses, customers, jobs, money, values
from app.domain.actor import Actor
from app.domain.attributes import AttributeType
from app.domain.audit import AuditAction
from app.domain.consent_reviews import Decision
from app.domain.consents import Purpose
from app.domain.consents import State as ConsentState
from app.domain.data_requests import Identity, Kind
from app.domain.data_requests import State as RequestState
from app.domain.jobs import JOB_ACTOR
from app.domain.order_states import Fulfilment
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Role
from app.domain.texts import N_, Text
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
    AuditAction.RETENTION_STARTED: N_("Deletions by the time limit started"),
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


# What the fields of other things than customers are called; those of an order and of a filter too.
_FIELD_LABELS = {
    "act": N_("Action"),
    "channel": N_("Channel"),
    "channels": N_("Channels"),
    "choices": N_("Choices"),
    "created": N_("Created"),
    "currency": N_("Currency"),
    "customer": N_("Customer"),
    "decision": N_("Decision"),
    "deliveries": N_("Deliveries"),
    "device": N_("Device"),
    "due_at": N_("Due"),
    "email": N_("E-mail"),
    "entries": N_("Entries"),
    "every_store": N_("All stores"),
    "first": N_("From"),
    "first_name": N_("First name"),
    "group": N_("Group"),
    "identity": N_("Identity"),
    "is_active": N_("Active"),
    "is_in_list": N_("Show in the list of customers"),
    "is_sensitive": N_("Sensitive"),
    "item_count": N_("Items"),
    "key": N_("Key"),
    "kind": N_("Kind"),
    "kinds": N_("Events"),
    "label": N_("Label"),
    "language": N_("Language"),
    "last": N_("To"),
    "last_name": N_("Last name"),
    "name": N_("Name"),
    "placed_at": N_("Ordered on"),
    "position": N_("Place in the group"),
    "purpose": N_("Purpose"),
    "refused": N_("Refused"),
    "reminded_days": N_("Days left"),
    "retired": N_("Retired"),
    "role": N_("Role"),
    "scopes": N_("Scopes"),
    "state": N_("Status"),
    "store": N_("Store"),
    "stores": N_("Stores"),
    "text": N_("Text"),
    "time_zone": N_("Time zone"),
    "total": N_("Total"),
    "title": N_("Title"),
    "type": N_("Type"),
    "unchanged": N_("Unchanged"),
    "updated": N_("Updated"),
    "url": N_("Address"),
    "version": N_("Version"),
    "who": N_("Who"),
}


def _labels(kinds: Iterable[Any]) -> dict[str, str]:
    return {kind.value: kind.label for kind in kinds}


# The values that are codes of ours, by subject and field.
_CODES = {
    ("associate", "role"): _labels(Role),
    ("attribute_definition", "type"): _labels(AttributeType),
    ("consent", "state"): _labels(ConsentState),
    ("consent_review", "decision"): _labels(Decision),
    ("consent_review", "state"): _labels(ConsentState),
    ("consent_wording", "purpose"): _labels(Purpose),
    ("order", "state"): {state.value: state.label.text for state in Fulfilment},
    ("data_request", "identity"): _labels(Identity),
    ("data_request", "kind"): _labels(Kind),
    ("data_request", "state"): _labels(RequestState),
}


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field of a change, before and after; what is not a `Text` was written by people."""

    label: str
    old: str | datetime
    new: str | datetime


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
            return _spelled_out(action)

    def of_field(self, subject_type: str, name: str) -> str:
        """Return a field of a subject in words."""
        if subject_type == "attributes":
            return self.attributes.get(name) or _spelled_out(name)
        special = {"customer": customers.FIELD_LABELS, "address": addresses.FIELD_LABELS}
        known = special.get(subject_type, {}).get(name) or _FIELD_LABELS.get(name)
        return Text.of(known) if known else _spelled_out(name)

    def changes(self, entry: AuditEntry) -> tuple[FieldChange, ...]:
        """Return the fields of an entry before and after; none when an erasure has cleared them."""
        changes = dict(entry.changes or {})
        total = changes.pop("grand_total_minor", None)
        # An amount says nothing without its currency, which may have stayed the same.
        if total and "currency" in changes:
            changes["total"] = [
                _amount(total[0], changes["currency"][0]),
                _amount(total[1], changes["currency"][1]),
            ]
        return tuple(
            FieldChange(
                label=self.of_field(entry.subject_type, name),
                old=self._shown(entry.subject_type, name, pair[0]),
                new=self._shown(entry.subject_type, name, pair[1]),
            )
            for name, pair in changes.items()
            # Numbers of rows say nothing (the entry itself names customer and store), nor does what stayed.
            if not name.endswith("_id") and pair[0] != pair[1]
        )

    def _shown(self, subject_type: str, name: str, value: Any) -> str | datetime:
        # The logs are no way round the masking of contact data: to see it whole, reveal it.
        text = _text(value)
        if text in (known := _CODES.get((subject_type, name), {})):
            return Text.of(known[text])
        if subject_type == "attributes" and name in self.sensitive:
            return "•••" if text else ""
        match name:
            case "email":
                return values.mask_email(text) if text else ""
            case "phone_number" | "contact_phone":
                return values.mask_phone(text)
            case "due_at" | "placed_at" if text:
                return datetime.fromisoformat(text)
            case _:
                return text


def _change(entry: AuditEntry, words: Words) -> Change:
    return Change(
        id=entry.id,
        label=words.of_action(entry.action),
        who=who(entry.actor_id, entry.actor_name),
        at=entry.at,
        fields=words.changes(entry),
        can_restore=entry.action == AuditAction.CUSTOMER_UPDATED and bool(entry.changes),
    )


def who(actor_id: uuid.UUID | None, name: str) -> str:
    """Return who acted: the name of a person, or a `Text` for what acts by itself."""
    if actor_id:
        return name
    kind = name.removeprefix(JOB_ACTOR)
    return Text.of(name if kind == name else jobs.label(kind))


def _amount(minor: int | None, currency: str | None) -> str:
    if minor is None or not currency:
        return ""
    return f"{Decimal(minor).scaleb(-money.decimals(currency))} {currency}"


def _spelled_out(name: str) -> str:
    return name.replace(".", " ").replace("_", " ").capitalize()


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return Text.of(N_("yes") if value else N_("no"))
        case list():
            return ", ".join(map(_text, value))
        case _:
            return str(value)
