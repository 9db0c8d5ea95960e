"""What the sections of a profile show; each section is also a page of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.domain import values
from app.domain.actor import Actor
from app.domain.consents import OPEN_STATES, State
from app.domain.consents import Channel as ConsentChannel
from app.domain.permissions import Permission
from app.models import AttributeDefinition, Customer, ExtendedAttribute
from app.queries import consents, customers, data_requests, orders
from app.services import attributes
from app.web.filters import money

ORDERS_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Contact data as it is shown before somebody asks to see it."""

    email_masked: str
    phone_masked: str


@dataclass(frozen=True, kw_only=True)
class ConsentSummary:
    """How the opt-in stands in the store that the user stands in."""

    state: str
    channel_label: str = ""


@dataclass(frozen=True, kw_only=True)
class AttributeValue:
    """One attribute as it is shown; a sensitive one is hidden until it is asked for."""

    label: str
    text: str
    is_sensitive: bool
    is_hidden: bool


@dataclass(frozen=True, kw_only=True)
class AttributeGroup:
    """The attributes of one group."""

    label: str
    values: Sequence[AttributeValue]


def profile(session: Session, actor: Actor, customer: Customer) -> dict[str, Any]:
    """Return what the whole profile shows; the customer comes with all its parts loaded."""
    facts, newest = orders.overview(session, actor, customer.id, ORDERS_SHOWN)
    return {
        **head(session, actor, customer, facts),
        **addresses(actor, customer),
        **extended_attributes(session, actor, customer),
        **consent_section(session, actor, customer),
        "orders": newest,
    }


def head(
    session: Session, actor: Actor, customer: Customer, facts: orders.OrderFacts | None = None
) -> dict[str, Any]:
    """Return what the head of the profile and the contact section show; `facts` if they are known."""
    facts = facts or orders.facts(session, actor, customer.id)
    known_at = customers.known_at(session, actor, customer.id)
    here = next((known.opt_in_state for known in known_at if known.store_id == actor.store_id), "not_asked")
    return {
        **contact(actor, customer),
        "facts": facts,
        "spend_bars": _bars(facts),
        "store_names": [known.store_name for known in known_at],
        "data_requests": data_requests.of_customer(session, actor, customer.id),
        "may_see_requests": actor.can(Permission.DATA_REQUEST_VIEW),
        "may_request_data": actor.can(Permission.DATA_REQUEST_MANAGE),
        "consent_summary": [ConsentSummary(state=here)],
        "revealed": {},
    }


def contact(actor: Actor, customer: Customer) -> dict[str, Any]:
    """Return what the contact section shows."""
    return {
        "customer": customer,
        "contact": Contact(
            email_masked=values.mask_email(customer.email),
            phone_masked=values.mask_phone(customer.phone_number),
        ),
        "created_by_name": customer.created_by.name if customer.created_by else "",
        "may_edit": actor.can(Permission.CUSTOMER_EDIT),
    }


def addresses(actor: Actor, customer: Customer) -> dict[str, Any]:
    """Return what the addresses section shows."""
    return {
        "customer": customer,
        "addresses": customer.addresses,
        "may_edit": actor.can(Permission.CUSTOMER_EDIT),
    }


def extended_attributes(
    session: Session, actor: Actor, customer: Customer, *, is_revealed: bool = False
) -> dict[str, Any]:
    """Return what the preferences section shows; sensitive ones only when they were asked for."""
    groups = _groups(attributes.definitions(session), customer.extended_attributes, is_revealed=is_revealed)
    return {
        "customer": customer,
        "attribute_groups": groups,
        "may_edit": actor.can(Permission.CUSTOMER_EDIT),
        "may_reveal": actor.can(Permission.CUSTOMER_REVEAL),
        "has_hidden": any(value.is_hidden for group in groups for value in group.values),
    }


def consent_section(session: Session, actor: Actor, customer: Customer) -> dict[str, Any]:
    """Return what the opt-ins section shows."""
    rows = consents.list_states(session, actor, customer.id)
    return {
        "customer": customer,
        "consents": rows,
        "may_capture": actor.can(Permission.CONSENT_CAPTURE),
        "open_count": sum(row.state in OPEN_STATES for row in rows),
        "several_stores": len({row.store_id for row in rows}) > 1,
        "mail_pending": any(
            row.state is State.PENDING
            and row.channel is ConsentChannel.EMAIL
            and row.store_id == actor.store_id
            for row in rows
        ),
    }


def _bars(facts: orders.OrderFacts) -> list[tuple[str, str, float]]:
    """Return (month, amount, share of the highest month) for the sparkline; nothing without spend."""
    highest = max((total for _month, total in facts.months), default=0)
    if highest <= 0 or facts.currency is None:
        return []
    return [
        (f"{year}-{month:02d}", money(total, facts.currency), max(total, 0) / highest)
        for (year, month), total in facts.months
    ]


def _groups(
    definitions: Mapping[str, AttributeDefinition], rows: Sequence[ExtendedAttribute], *, is_revealed: bool
) -> list[AttributeGroup]:
    found: dict[str, list[AttributeValue]] = {}
    given = {row.name: row.value for row in rows}
    for key in [
        *(key for key in definitions if key in given),
        *(name for name in given if name not in definitions),
    ]:
        definition = definitions.get(key)
        is_sensitive = bool(definition and definition.is_sensitive)
        is_hidden = is_sensitive and not is_revealed
        found.setdefault(definition.group if definition else "", []).append(
            AttributeValue(
                label=definition.label if definition else key,
                text="" if is_hidden else given[key],
                is_sensitive=is_sensitive,
                is_hidden=is_hidden,
            )
        )
    return [AttributeGroup(label=label, values=entries) for label, entries in found.items()]
