"""What the sections of a profile show; each section is also a page of its own."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.domain import values
from app.domain.actor import Actor
from app.domain.attributes import AttributeType, Definition
from app.domain.consents import OPEN_STATES, Purpose, State, contact_ways
from app.domain.consents import Channel as ConsentChannel
from app.domain.data_requests import ON_HOLD, may_change
from app.domain.data_requests import State as RequestState
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.models import Customer
from app.queries import consents, customers, data_requests, orders, together
from app.queries.customers import Shown
from app.services import attributes
from app.web.filters import html_lang, money

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
class Way:
    """A way to reach the customer for personal advice; `href` is empty until the value was asked for.

    `label` is for the page to translate; `state` is that of the opt-in, or "held" while nothing may be used.
    """

    label: str
    icon: str
    state: str
    is_allowed: bool
    href: str = ""


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


OpenRequests = Sequence[data_requests.OpenRequest]


def reads(actor: Actor, customer_id: uuid.UUID) -> list[together.Read]:
    """Return what the parts of a profile ask, to be read ahead; each asks by itself where it was not."""
    return [
        customers.read_of_addresses(customer_id),
        customers.read_of_attributes(customer_id),
        customers.read_of_known_at(actor, customer_id),
        consents.read_of_states(actor, customer_id),
        data_requests.read_of_customer(actor, customer_id),
        attributes.read_of_definitions(),
        orders.read_of_spend(customer_id),
        orders.read_of_overview(customer_id, ORDERS_SHOWN),
    ]


def profile(
    session: Session, actor: Actor, customer: Shown, revealed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what the whole profile shows."""
    facts, newest = orders.overview(session, actor, customer.id, ORDERS_SHOWN)
    requests = data_requests.of_customer(session, actor, customer.id)
    opt_ins = consent_section(session, actor, customer, requests)
    return {
        **head(session, actor, customer, facts, opt_ins["consents"], revealed, requests),
        **addresses(session, actor, customer, requests),
        **extended_attributes(session, actor, customer, requests),
        **opt_ins,
        "orders": newest,
    }


def head(
    session: Session,
    actor: Actor,
    customer: Shown,
    facts: orders.OrderFacts | None = None,
    opt_ins: Sequence[consents.ConsentRow] | None = None,
    revealed: Mapping[str, str] | None = None,
    requests: OpenRequests | None = None,
) -> dict[str, Any]:
    """Return what the head of the profile and the contact section show.

    `facts`, `opt_ins` and `requests` if they are known, `revealed` is the contact data that was asked for.
    """
    facts = facts or orders.facts(session, actor, customer.id)
    if opt_ins is None:
        opt_ins = consents.list_states(session, actor, customer.id)
    if requests is None:
        requests = data_requests.of_customer(session, actor, customer.id)
    known_at = customers.known_at(session, actor, customer.id)
    here = [known.opt_in_state for known in known_at if known.store_id == actor.store_id]
    return {
        **contact(session, actor, customer, requests),
        "facts": facts,
        "spend_bars": _bars(facts),
        "store_names": [known.store_name for known in known_at],
        "data_requests": requests,
        "may_reveal": actor.can(Permission.CUSTOMER_REVEAL),
        "may_see_requests": actor.can(Permission.DATA_REQUEST_VIEW),
        "may_request_data": actor.can(Permission.DATA_REQUEST_MANAGE),
        "consent_summary": [ConsentSummary(state=here[0] if here else State.NOT_ASKED)],
        "ways": _ways(actor, customer, opt_ins, requests, revealed or {}),
        "revealed": revealed or {},
    }


def contact_way(
    session: Session, actor: Actor, customer: Customer | Shown, kind: str, value: str
) -> dict[str, Sequence[Way]]:
    """Return how the phone number or e-mail address may be used, now that it was asked for."""
    opt_ins = consents.list_states(session, actor, customer.id)
    requests = data_requests.of_customer(session, actor, customer.id)
    return {"ways": _ways(actor, customer, opt_ins, requests, {kind: value})[kind]}


# What each kind of contact data serves for, and how its link begins.
_CHANNELS = {
    "phone": {
        ConsentChannel.PHONE: (N_("Call"), "tel:"),
        ConsentChannel.SMS: (N_("Text message"), "sms:"),
        ConsentChannel.WHATSAPP: (N_("WhatsApp"), "whatsapp://send?phone="),
    },
    "email": {ConsentChannel.EMAIL: (N_("Write"), "mailto:")},
}


def _ways(
    actor: Actor,
    customer: Customer | Shown,
    opt_ins: Sequence[consents.ConsentRow],
    requests: OpenRequests,
    revealed: Mapping[str, str],
) -> dict[str, Sequence[Way]]:
    """Return by kind of contact data what it may be used for in the store that the actor stands in."""
    states = {
        row.channel: row.state
        for row in opt_ins
        if row.store_id == actor.store_id and row.purpose is Purpose.CLIENTELING
    }
    held = is_on_hold(requests)
    ways = {way.channel: way for way in contact_ways(states, is_on_hold=held)}
    has = {"phone": bool(customer.phone_number), "email": bool(customer.email)}
    return {
        kind: [
            Way(
                label=label,
                icon=channel.icon,
                state="held" if held else ways[channel].state.value,
                is_allowed=ways[channel].is_allowed,
                # Without consent there is nothing to tap.
                href=begin + _target(revealed[kind]) if kind in revealed and ways[channel].is_allowed else "",
            )
            for channel, (label, begin) in channels.items()
        ]
        if has[kind]
        else []
        for kind, channels in _CHANNELS.items()
    }


def is_on_hold(requests: OpenRequests) -> bool:
    """True when one of a customer's open requests forbids to use the data."""
    return any(RequestState(row.state) in ON_HOLD for row in requests)


def _target(value: str) -> str:
    return quote("".join(value.split()), safe="@+")


def may_edit(
    session: Session,
    actor: Actor,
    customer: Customer | Shown,
    requests: OpenRequests | None = None,
) -> bool:
    """True when the user may change the customer, by role and by no hold; `requests` if they are known."""
    if not actor.can(Permission.CUSTOMER_EDIT):
        return False
    if requests is None:
        return data_requests.may_change(session, actor, customer.id)
    return may_change(requests, answers_requests=data_requests.answers(actor))


def contact(
    session: Session,
    actor: Actor,
    customer: Shown,
    requests: OpenRequests | None = None,
) -> dict[str, Any]:
    """Return what the contact section shows; `requests` if they are known, here and below."""
    return {
        "customer": customer,
        "contact": Contact(
            email_masked=values.mask_email(customer.email),
            phone_masked=values.mask_phone(customer.phone_number),
        ),
        "created_by_name": customer.created_by_name,
        "may_edit": may_edit(session, actor, customer, requests),
    }


def addresses(
    session: Session,
    actor: Actor,
    customer: Shown,
    requests: OpenRequests | None = None,
) -> dict[str, Any]:
    """Return what the addresses section shows."""
    return {
        "customer": customer,
        "addresses": customers.addresses(session, actor, customer.id),
        "may_edit": may_edit(session, actor, customer, requests),
    }


def extended_attributes(
    session: Session,
    actor: Actor,
    customer: Shown,
    requests: OpenRequests | None = None,
    *,
    is_revealed: bool = False,
) -> dict[str, Any]:
    """Return what the preferences section shows; sensitive ones only when they were asked for."""
    given = customers.attribute_values(session, actor, customer.id)
    groups = _groups(attributes.to_show(session), given, is_revealed=is_revealed)
    return {
        "customer": customer,
        "attribute_groups": groups,
        "may_edit": may_edit(session, actor, customer, requests),
        "may_reveal": actor.can(Permission.CUSTOMER_REVEAL),
        "has_hidden": any(value.is_hidden for group in groups for value in group.values),
    }


def consent_section(
    session: Session,
    actor: Actor,
    customer: Shown,
    requests: OpenRequests | None = None,
) -> dict[str, Any]:
    """Return what the opt-ins section shows."""
    rows = consents.list_states(session, actor, customer.id)
    if requests is None:
        requests = data_requests.of_customer(session, actor, customer.id)
    return {
        # On hold nothing is asked; what was given can be withdrawn.
        "may_ask": actor.can(Permission.CONSENT_CAPTURE) and not is_on_hold(requests),
        "customer": customer,
        "consents": rows,
        "may_capture": actor.can(Permission.CONSENT_CAPTURE),
        "open_count": sum(row.state in OPEN_STATES for row in rows),
        "has_receipt": any(row.state is State.ACCEPTED for row in rows),
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
    totals = {total for _month, total in facts.months}
    highest = max(totals, default=0)
    if highest <= 0 or facts.currency is None:
        return []
    # Most months are alike: without an order.
    language = html_lang()
    amounts = {total: money(total, facts.currency, language=language) for total in totals}
    return [
        (f"{year}-{month:02d}", amounts[total], max(total, 0) / highest)
        for (year, month), total in facts.months
    ]


def _groups(
    definitions: Mapping[str, Definition], given: Mapping[str, str], *, is_revealed: bool
) -> list[AttributeGroup]:
    found: dict[str, list[AttributeValue]] = {}
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
                text="" if is_hidden else _said(definition, given[key]),
                is_sensitive=is_sensitive,
                is_hidden=is_hidden,
            )
        )
    return [AttributeGroup(label=label, values=entries) for label, entries in found.items()]


def _said(definition: Definition | None, value: str) -> str:
    # The only values that are words of ours; see app/domain/attributes.py.
    is_ours = definition is not None and definition.type == AttributeType.YES_NO and value in {"yes", "no"}
    return _(value) if is_ours else value
