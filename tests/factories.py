"""One builder per table: fixed, readable defaults; they make what is asked and nothing more."""

import itertools
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain import clock, digests, folding, tokens
from app.domain.actor import Actor
from app.domain.permissions import Role, Scope
from app.domain.tokens import TOKEN_BEGINS, TokenKind
from app.models import (
    Address,
    ApiClient,
    ApiClientStore,
    ApiToken,
    Associate,
    AssociateStore,
    AttributeDefinition,
    ConsentAsk,
    ConsentWording,
    Customer,
    CustomerStore,
    DataRequest,
    Delivery,
    Event,
    ExtendedAttribute,
    Job,
    Order,
    Store,
    Webhook,
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


def make_ask(session: Session, customer: Customer, store: Store, **over: Any) -> ConsentAsk:
    values = {
        "kind": "own_phone",
        "state": "open",
        "customer_id": customer.id,
        "store_id": store.id,
        "language": "fr",
        "offers": [],
        "created_at": NOON,
        "expires_at": NOON,
    }
    return _save(session, ConsentAsk(**values | over))


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


def make_api_client(
    session: Session,
    *,
    scopes: Iterable[str] = tuple(Scope),
    stores: tuple[Store, ...] | None = None,
    **over: Any,
) -> ApiClient:
    """An API client of the given stores; None: of all."""
    number = next(_numbers)
    name = over.get("name", f"Client {number}")
    values = {
        "name": name,
        "name_key": name.casefold(),
        "client_id": f"client-{number}",
        "secret_hash": digests.sha256("secret"),
        "secret_prefix": "clks_test",
        "scopes": tokens.join_scopes(frozenset(scopes)),
        "every_store": stores is None,
        "created_at": NOON,
        "updated_at": NOON,
    }
    client = _save(session, ApiClient(**values | over))
    for store in stores or ():
        _save(session, ApiClientStore(api_client_id=client.id, store_id=store.id))
    return client


def make_token(
    session: Session, client: ApiClient, *, kind: TokenKind = TokenKind.ACCESS, **over: Any
) -> str:
    """A token of the client, good for a day from now; returns what the client sends."""
    token = tokens.generate(TOKEN_BEGINS[kind])
    now = clock.utcnow()
    values = {
        "kind": kind.value,
        "token_hash": digests.sha256(token),
        "prefix": tokens.prefix(token),
        "api_client_id": client.id,
        "family_id": uuid.uuid4(),
        "grant": "client_credentials",
        "scopes": client.scopes,
        "issued_at": now,
        # As if it had been used just now: what a test counts is not the first use.
        "last_used_at": now,
        "expires_at": now + timedelta(days=1),
    }
    _save(session, ApiToken(**values | over))
    return token


def make_delivery(session: Session, **over: Any) -> Delivery:
    """A delivery that was given up, of an event and to an address of its own."""
    times = {"created_at": NOON, "updated_at": NOON}
    webhook = _save(
        session,
        Webhook(
            name=f"CRM {next(_numbers)}",
            url="https://crm.example/",
            kinds=["consent.changed"],
            sealed_secret="x",
            **times,
        ),
    )
    event = _save(session, Event(kind="webhook.test", at=NOON, data={}))
    values = {
        "webhook_id": webhook.id,
        "event_number": event.number,
        "state": "dead",
        "attempts": 9,
        "status": 503,
        "due_at": NOON,
        "created_at": NOON,
    }
    return _save(session, Delivery(**values | over))


def make_job(session: Session, **over: Any) -> Job:
    values = {
        "kind": "jobs.tidy",
        "state": "dead",
        "subject_type": "thing",
        "subject_id": "1",
        "run_after": NOON,
        "attempts": 5,
        "error": "OSError",
        "created_at": NOON,
        "finished_at": NOON,
    }
    return _save(session, Job(**values | over))


def make_data_request(session: Session, customer: Customer, store: Store, **over: Any) -> DataRequest:
    """A request for a copy that was made ready just now, by default."""
    now = clock.utcnow()
    values = {
        "kind": "export",
        "state": "open",
        "customer_id": customer.id,
        "store_id": store.id,
        "channel": "web",
        "received_by_name": "Mia Cast",
        "received_at": now,
        "due_at": now + timedelta(days=30),
        "identity": "in_person",
        "export_until": now + timedelta(hours=24),
    }
    return _save(session, DataRequest(**values | over))


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
