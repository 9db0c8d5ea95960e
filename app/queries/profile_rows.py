"""What API v0 shows of customers, for a page at once: one statement of plain columns, built once.

Addresses and attributes come as one JSON column each. Through objects of the ORM the same took three
statements and five times as long.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain.actor import Actor
from app.errors import NotFound
from app.models import Address, Associate, Customer, ExtendedAttribute, Store
from app.models.associate import name_label
from app.queries import scope
from app.queries import search_lookup as lookup
from app.queries.together import as_list, moment


class ProfileAddress(NamedTuple):
    """An address, as v0 shows it; the columns by their own names."""

    type: str
    company: str
    first_name: str
    last_name: str
    address_1: str
    address_2: str
    zip_code: str
    city: str
    state: str
    country_code: str
    contact_phone: str
    id: uuid.UUID
    created_at: datetime
    updated_at: datetime


class ProfileAttribute(NamedTuple):
    """What is said of a customer under a name."""

    name: str
    value: str


class Profile(NamedTuple):
    """A customer, as v0 shows it: its own columns by their names, and its parts."""

    id: uuid.UUID
    display_id: str
    email: str
    first_name: str
    last_name: str
    phone_number: str
    country_code: str
    created_by_id: uuid.UUID | None
    created_by_client: str
    store_id: uuid.UUID | None
    created_at: datetime
    updated_at: datetime
    revision: int
    store_name: str | None
    creator_first_name: str | None
    creator_last_name: str | None
    addresses: Sequence[ProfileAddress]
    extended_attributes: Sequence[ProfileAttribute]

    @property
    def created_by_name(self) -> str:
        """The associate who created the customer, or else the API client."""
        if self.created_by_id is None:
            return self.created_by_client
        return name_label(self.creator_first_name or "", self.creator_last_name or "")


def get(session: Session, actor: Actor, customer_id: uuid.UUID) -> Profile:
    """Return the whole customer as it stands in the running transaction. Raises NotFound."""
    session.flush()
    found = page(session, actor, [customer_id], whole=True)
    if not found:
        raise NotFound
    return found[0]


def page(session: Session, actor: Actor, ids: Sequence[uuid.UUID], *, whole: bool) -> list[Profile]:
    """Return those of the customers that the actor may see, in the order of the ids.

    `whole` reads addresses and attributes too.
    """
    if not ids:
        return []
    # The scope is asked here too, so that no error in an index can show another store's customer.
    query = _by_ids(scope.bounds(actor), whole=whole, on_sqlite=lookup.on_sqlite(session))
    rows: Iterable[Sequence[Any]] = session.execute(query, {"ids": ids}).all()
    make = _whole if whole else _short
    found: dict[uuid.UUID, Profile] = {row[0]: make(row) for row in rows}
    return [found[customer_id] for customer_id in ids if customer_id in found]


def _short(row: Sequence[Any]) -> Profile:
    return Profile._make([*row, (), ()])


def _whole(row: Sequence[Any]) -> Profile:
    *own, addresses, attributes = row
    parts = [ProfileAttribute._make(part) for part in attributes or ()]
    return Profile._make([*own, [_address(part) for part in addresses or ()], parts])


def _address(part: Sequence[str]) -> ProfileAddress:
    *texts, address_id, created_at, updated_at = part
    return ProfileAddress._make([*texts, uuid.UUID(address_id), moment(created_at), moment(updated_at)])


_customer, _creator, _store = Customer.__table__, Associate.__table__, Store.__table__
_OWN = [_customer.c[name] for name in Profile._fields if name in _customer.c]


@lru_cache(maxsize=256)
def _by_ids(bounds: scope.Bounds, *, whole: bool, on_sqlite: bool) -> Select[Any]:
    address, attribute = Address.__table__.c, ExtendedAttribute.__table__.c
    columns: list[ColumnElement[Any]] = [*_OWN, _store.c.name, _creator.c.first_name, _creator.c.last_name]
    if whole:
        columns += [
            _listed(
                [address[name] for name in ProfileAddress._fields],
                address.customer_id,
                [address.type, address.is_default.desc(), address.created_at],
                on_sqlite=on_sqlite,
            ),
            _listed(
                [attribute[name] for name in ProfileAttribute._fields],
                attribute.customer_id,
                [attribute.name],
                on_sqlite=on_sqlite,
            ),
        ]
    return (
        select(*columns)
        .select_from(_customer)
        .outerjoin(_store, _store.c.id == _customer.c.store_id)
        .outerjoin(_creator, _creator.c.id == _customer.c.created_by_id)
        .where(_customer.c.id.in_(bindparam("ids", expanding=True)), scope.within(bounds))
        .execution_options(**PLANNED_ONCE)
    )


def _listed(
    columns: list[ColumnElement[Any]],
    owner: ColumnElement[uuid.UUID],
    order: list[ColumnElement[Any]],
    *,
    on_sqlite: bool,
) -> ColumnElement[Any]:
    """Return the rows of one customer as a list of lists, in order."""
    rows = select(*columns).where(owner == _customer.c.id).order_by(*order).correlate(_customer).subquery()
    return as_list(rows, on_sqlite=on_sqlite)
