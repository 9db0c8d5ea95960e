"""One builder per table: fixed, readable defaults; they make what is asked and nothing more."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import folding
from app.domain.actor import Actor
from app.domain.permissions import Role
from app.models import (
    Address,
    Associate,
    AssociateStore,
    AttributeDefinition,
    ConsentWording,
    Customer,
    CustomerStore,
    ExtendedAttribute,
    Order,
    Store,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_store(session: Session, **over: Any) -> Store:
    values = {
        "name": f"Store {next(_numbers)}",
        "country_code": "FR",
        "currency": "EUR",
        "time_zone": "Europe/Paris",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return _save(session, Store(**values | over))


def make_associate(session: Session, *, stores: tuple[Store, ...] = (), **over: Any) -> Associate:
    number = next(_numbers)
    email = over.get("email", f"associate{number}@shop.example")
    values = {
        "email": email,
        "email_key": email.casefold(),
        "first_name": "Ada",
        "last_name": f"Number{number}",
        "role": Role.ASSOCIATE.value,
        "created_at": NOON,
        "updated_at": NOON,
    }
    associate = _save(session, Associate(**values | over))
    for store in stores:
        _save(session, AssociateStore(associate_id=associate.id, store_id=store.id))
    return associate


def make_customer(session: Session, *, stores: tuple[Store, ...] = (), **over: Any) -> Customer:
    number = next(_numbers)
    email = over.get("email", f"customer{number}@mail.example")
    values = {
        "display_id": f"C{number:05d}",
        "email": email,
        "email_key": email.casefold(),
        "first_name": "Marie",
        "last_name": "Lefèvre",
        "created_at": NOON,
        "updated_at": NOON,
        "store_id": stores[0].id if stores else None,
    }
    customer = _save(session, Customer(**values | over))
    for store in stores:
        make_link(session, customer, store)
    return customer


def make_link(session: Session, customer: Customer, store: Store, **over: Any) -> CustomerStore:
    values = {"customer_id": customer.id, "store_id": store.id, "since": NOON, "reason": "created"}
    return _save(session, CustomerStore(**values | over))


def make_address(session: Session, customer: Customer, **over: Any) -> Address:
    values = {
        "customer_id": customer.id,
        "type": "shipping",
        "address_1": "1 rue de la Paix",
        "zip_code": "75002",
        "city": "Paris",
        "country_code": "FR",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return _save(session, Address(**values | over))


def make_definition(session: Session, **over: Any) -> AttributeDefinition:
    values = {
        "key": "shirt_fit",
        "label": "Shirt fit",
        "type": "choice",
        "choices": ["slim", "regular", "relaxed"],
        "group": "Sizes",
        "is_in_list": True,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return _save(session, AttributeDefinition(**values | over))


def make_wording(session: Session, **over: Any) -> ConsentWording:
    values = {
        "key": over.get("purpose", "clienteling"),
        "purpose": "clienteling",
        "channels": [],
        "language": "fr",
        "version": 1,
        "title": "Conseil personnel",
        "text": "J'accepte d'être contacté.",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return _save(session, ConsentWording(**values | over))


def make_attribute(session: Session, customer: Customer, name: str, value: str) -> ExtendedAttribute:
    return _save(
        session,
        ExtendedAttribute(customer_id=customer.id, name=name, value=value, value_key=folding.fold(value)),
    )


def make_order(session: Session, customer: Customer | None, store: Store | None = None, **over: Any) -> Order:
    number = next(_numbers)
    values = {
        "external_order_id": f"WEB-{number}",
        "order_key": f"web {number}",
        "customer_id": customer.id if customer else None,
        "store_id": store.id if store else None,
        "placed_at": NOON,
        "state": "shipped",
        "currency": "EUR",
        "grand_total_minor": 12_345,
        "document": "{}",
        "recorded_at": NOON,
    }
    return _save(session, Order(**values | over))


def make_actor(associate: Associate, *stores: Store, **over: Any) -> Actor:
    values: dict[str, Any] = {
        "id": associate.id,
        "name": associate.name,
        "role": Role(associate.role),
        "store_ids": frozenset(store.id for store in stores),
        "store_id": stores[0].id if stores else None,
        "request_id": uuid.uuid4().hex,
    }
    return Actor(**values | over)


def _save(session: Session, row: Any) -> Any:
    session.add(row)
    session.commit()
    return row
