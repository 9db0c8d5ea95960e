"""Customers, one by one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.db import PLANNED_ONCE, SEEN
from app.domain.actor import Actor
from app.domain.addresses import FIELD_LABELS
from app.errors import NotFound
from app.models import (
    Address,
    Associate,
    AssociateStore,
    Customer,
    CustomerStore,
    ExtendedAttribute,
    Store,
)
from app.models.associate import full_name
from app.queries import scope, together

# How `Session.get` locks a customer: acts wait for each other and for an erasure, but rows that only
# point to the customer can be written meanwhile. Else two acts that have both written one would wait
# for each other. An erasure takes the whole lock, and so waits for those rows too.
LOCK = {"key_share": True}


def get(
    session: Session,
    actor: Actor,
    customer_id: uuid.UUID,
    *parts: InstrumentedAttribute[object],
    for_update: bool = False,
) -> Customer:
    """Return the customer with the named relationships loaded, to be changed or shown.

    `for_update` reads fresh values and locks the row until the transaction ends.
    Raises NotFound when there is none or the actor may not see it.
    """
    seen = _seen(session)
    known = seen.get((actor, customer_id))
    if isinstance(known, Customer) and not parts and not for_update:
        return known
    single = tuple(part for part in parts if not part.property.uselist)
    query = _by_id(single, scope.bounds(actor), for_update=for_update)
    customer = session.scalars(query, {"customer_id": customer_id}).one_or_none()
    if customer is None:
        raise NotFound
    for part in parts:
        if part.property.uselist:
            # What selectinload does, in half the time for one customer.
            rows = session.scalars(_all_of(part, for_update=for_update), {"customer_id": customer_id}).all()
            set_committed_value(customer, part.key, rows)
    _seen(session)[actor, customer_id] = customer
    return customer


@lru_cache(maxsize=256)
def _by_id(
    parts: tuple[InstrumentedAttribute[object], ...], kept_to: scope.Bounds, *, for_update: bool
) -> Select[Customer]:
    query = select(Customer).where(Customer.id == bindparam("customer_id"), scope.within(kept_to))
    query = query.options(*map(joinedload, parts)).execution_options(**PLANNED_ONCE)
    if for_update:
        query = query.with_for_update(of=Customer, key_share=True).execution_options(populate_existing=True)
    return query


@lru_cache
def _all_of(part: InstrumentedAttribute[object], *, for_update: bool) -> Select[Any]:
    """Select the rows of one of a customer's collections, in its order."""
    kind: Any = part.property.mapper.class_
    query = select(kind).where(kind.customer_id == bindparam("customer_id")).order_by(*part.property.order_by)
    return query.execution_options(populate_existing=True) if for_update else query


class Shown(NamedTuple):
    """A customer as their profile shows them."""

    id: uuid.UUID
    display_id: str
    email: str
    first_name: str
    last_name: str
    phone_number: str
    country_code: str
    order_count: int
    last_order_at: datetime | None
    created_at: datetime
    created_by_client: str
    creator_first_name: str | None
    creator_last_name: str | None

    @property
    def name(self) -> str:
        """The name as people say it; the e-mail address where no name is known."""
        return full_name(self.first_name, self.last_name) or self.email

    @property
    def created_by_name(self) -> str:
        """The associate who created the customer, or else the API client."""
        return (
            full_name(self.creator_first_name or "", self.creator_last_name or "") or self.created_by_client
        )


_own, _creator = Customer.__table__.c, Associate.__table__.alias("creator")


@lru_cache(maxsize=256)
def _shown(kept_to: scope.Bounds) -> Select[Any]:
    return (
        select(
            *(_own[name] for name in Shown._fields if name in _own),
            _creator.c.first_name.label("creator_first_name"),
            _creator.c.last_name.label("creator_last_name"),
        )
        .outerjoin_from(Customer.__table__, _creator, _creator.c.id == _own.created_by_id)
        .where(_own.id == bindparam("customer_id"), scope.within(kept_to))
        .execution_options(**PLANNED_ONCE)
    )


def show(
    session: Session, actor: Actor, customer_id: uuid.UUID, *, ahead: Sequence[together.Read] = ()
) -> Shown:
    """Return the customer to be shown, which takes a fraction of what `get` takes.

    `ahead` is what will be asked next of the customer, and is read in the same statement.
    Raises NotFound when there is none or the actor may not see it.
    """
    own = together.Read(_shown(scope.bounds(actor)), {"customer_id": customer_id})
    found, *parts = together.read(session, [own, *ahead])
    if not found:
        raise NotFound
    together.keep(session, ahead, parts)
    customer = Shown._make(found[0])
    _seen(session)[actor, customer_id] = customer
    return customer


def is_known(session: Session, customer_id: uuid.UUID) -> bool:
    """True while there is such a customer, whoever may see them."""
    return session.scalar(select(Customer.id).where(Customer.id == customer_id)) is not None


def seen(session: Session, actor: Actor, customer_id: uuid.UUID) -> Customer | Shown:
    """Return the customer as it was found in the running transaction, or now. Raises NotFound."""
    return _seen(session).get((actor, customer_id)) or get(session, actor, customer_id)


def _seen(session: Session) -> dict[tuple[Actor, uuid.UUID], Customer | Shown]:
    """Return the customers that were found in the running transaction, unless it writes, until an act.

    Each part of a page asks for its customer, so that none can forget to.
    """
    transaction = session.get_transaction()
    if transaction is None or session.info.get("writing"):
        return {}
    of_transaction: object
    seen: dict[tuple[Actor, uuid.UUID], Customer | Shown]
    of_transaction, seen = session.info.get(SEEN, (None, {}))
    if of_transaction is not transaction:
        seen = {}
        session.info[SEEN] = (transaction, seen)
    return seen


@dataclass(frozen=True, kw_only=True)
class KnownAt:
    """A store that knows a customer, and how the opt-in stands there."""

    store_id: uuid.UUID
    store_name: str
    opt_in_state: str


# Each profile asks, so it is made once, and of tables, whose rows take half as long as of classes.
_stores, _links = Store.__table__.c, CustomerStore.__table__.c
_KNOWN_AT = (
    select(_stores.id, _stores.name, _links.opt_in_state)
    .join(CustomerStore.__table__, _links.store_id == _stores.id)
    .where(_links.customer_id == bindparam("customer_id"))
    .order_by(_stores.name)
    .execution_options(**PLANNED_ONCE)
)


@lru_cache(maxsize=256)
def _known_at_in(store_ids: frozenset[uuid.UUID]) -> Select[Any]:
    return _KNOWN_AT.where(scope.among(_stores.id, store_ids))


def known_at(session: Session, actor: Actor, customer_id: uuid.UUID) -> list[KnownAt]:
    """Return the stores that know the customer and that the actor may see, by name."""
    return [
        KnownAt(store_id=store_id, store_name=name, opt_in_state=state)
        for store_id, name, state in together.rows(session, read_of_known_at(actor, customer_id))
    ]


def read_of_known_at(actor: Actor, customer_id: uuid.UUID) -> together.Read:
    """Return what `known_at` asks."""
    query = _KNOWN_AT if actor.has_every_store else _known_at_in(actor.store_ids)
    return together.Read(query, {"customer_id": customer_id})


_addresses = Address.__table__.c
_ADDRESSES = (
    select(_addresses.id, *(_addresses[name] for name in FIELD_LABELS))
    .where(_addresses.customer_id == bindparam("customer_id"))
    .order_by(_addresses.type, _addresses.is_default.desc(), _addresses.created_at)
    .execution_options(**PLANNED_ONCE)
)


def addresses(session: Session, actor: Actor, customer_id: uuid.UUID) -> Sequence[Any]:
    """Return the id and the fields by name of the addresses, defaults first. Raises NotFound."""
    seen(session, actor, customer_id)
    return together.rows(session, read_of_addresses(customer_id))


def read_of_addresses(customer_id: uuid.UUID) -> together.Read:
    """Return what `addresses` asks."""
    return together.Read(_ADDRESSES, {"customer_id": customer_id})


_values = ExtendedAttribute.__table__.c
_ATTRIBUTES = (
    select(_values.name, _values.value)
    .where(_values.customer_id == bindparam("customer_id"))
    .order_by(_values.name)
    .execution_options(**PLANNED_ONCE)
)


def attribute_values(session: Session, actor: Actor, customer_id: uuid.UUID) -> dict[str, str]:
    """Return the extended attributes by name, as they are stored. Raises NotFound."""
    seen(session, actor, customer_id)
    return {row.name: row.value for row in together.rows(session, read_of_attributes(customer_id))}


def read_of_attributes(customer_id: uuid.UUID) -> together.Read:
    """Return what `attribute_values` asks."""
    return together.Read(_ATTRIBUTES, {"customer_id": customer_id})


_associates, _places = Associate.__table__.c, AssociateStore.__table__.c
_ASSOCIATES = (
    select(_associates.id, _associates.first_name, _associates.last_name)
    .join(AssociateStore.__table__, _places.associate_id == _associates.id)
    .where(_places.store_id == bindparam("store_id"))
    .order_by(_associates.first_name, _associates.last_name)
    .execution_options(**PLANNED_ONCE)
)


def associates_of(session: Session, actor: Actor, store_id: uuid.UUID | None) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of the associates of a store, for the filter of the list."""
    if not actor.works_in(store_id):
        return []
    found = session.execute(_ASSOCIATES, {"store_id": store_id})
    return [(associate_id, full_name(first, last)) for associate_id, first, last in found]
