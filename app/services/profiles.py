"""Customers whole, as API v0 writes them: one act, one revision, no merging."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import attributes as attribute_rules
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.domain.customers import CustomerChanges, CustomerInput
from app.domain.permissions import Permission
from app.errors import Conflict, Invalid
from app.models import Customer, Store
from app.services import attributes, customers, customers_bulk, search_index


def create(
    session: Session,
    actor: Actor,
    given: CustomerInput,
    *,
    addresses: Sequence[AddressInput] = (),
    attribute_values: Mapping[str, object] | None = None,
) -> Customer:
    """Create a customer with addresses and attributes; it belongs to the actor's store.

    For who works for all stores it belongs to none until somebody adds it to one or it orders.
    Raises Invalid with every reason (`billing_address.city`, `attribute.NAME`), and Conflict when
    the e-mail address is taken or the actor has no open store.
    """
    actor.require(Permission.CUSTOMER_EDIT)
    store = _home(session, actor)
    reasons: dict[str, list[str]] = {}
    columns: dict[str, str | None] = {}
    kept: dict[str, str] = {}
    try:
        columns = given.check(region=store.country_code if store else None, strict=False)
    except Invalid as refused:
        reasons |= refused.fields
    parts = []
    for address in addresses:
        try:
            parts.append(address.check(strict=False, may_be_empty=True))
        except Invalid as refused:
            reasons |= {f"{address.type}_address.{name}": why for name, why in refused.fields.items()}
    try:
        kept = attribute_rules.check(attributes.definitions(session), attribute_values or {})
    except Invalid as refused:
        reasons |= refused.fields
    if reasons:
        raise Invalid(reasons)
    customers.refuse_taken_email(session, actor, columns["email_key"], None)
    new = customers_bulk.NewCustomer(
        columns=columns, store_id=store.id if store else None, addresses=parts, attributes=kept
    )
    [customer_id] = customers_bulk.create(session, actor, [new])
    search_index.refresh(session, [customer_id])
    return session.get_one(Customer, customer_id)


def replace(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    changes: CustomerChanges,
    attribute_values: Mapping[str, object],
    *,
    revision: int,
) -> Customer:
    """Change a customer's own fields and make the attributes exactly these, as one revision.

    Raises Invalid, NotFound, Conflict (e-mail taken), and Stale for any revision but the newest.
    """
    customer = customers.update(
        session, actor, customer_id, changes, revision=revision, merge=False, strict=False
    )
    return attributes.replace(
        session,
        actor,
        customer_id,
        attribute_values,
        revision=customer.revision,
        merge=False,
        is_counted=customer.revision != revision,
    )


def _home(session: Session, actor: Actor) -> Store | None:
    if actor.has_every_store:
        return None
    found = select(Store).where(Store.id.in_(actor.store_ids), Store.is_active)
    store = session.scalars(found.order_by(Store.id != actor.store_id, Store.name).limit(1)).one_or_none()
    if store is None:
        raise Conflict(
            message="No store of this client is open, so nobody new can be kept. Ask an administrator."
        )
    return store
