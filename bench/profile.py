"""Measure the profile of a customer with everything: python -m bench.profile [sqlite|postgresql] [customers ...].

The customer has 12 addresses, all attributes, opt-ins in every channel with their history, and 40
orders like the one of API v0's page.
"""

import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import make_engine, transaction
from app.domain import orders as documents
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.domain.consents import Action, Channel, ConsentInput, Method, Purpose
from app.domain.customers import CustomerChanges, CustomerInput
from app.models import Customer, Store
from app.services import addresses, attributes, consents, customers, orders
from bench.build import SIZES, ensure
from bench.measure import HEADING, Clock, Figures, Goal, chosen, line, machine, measure, print_goals
from bench.visitor import Visitor, prepare

EMAIL = "with.everything@mail.example"
ORDER = Path(__file__).parents[1] / "tests" / "data" / "order_v0.json"
START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def make_customer(url: str) -> uuid.UUID:
    """Make the customer unless it is there, and return its id."""
    engine = make_engine(url, bulk=True)
    actor = Actor.system("bench")
    with Session(engine, expire_on_commit=False) as session:
        known = session.scalar(select(Customer.id).where(Customer.email_key == EMAIL))
        if known is None:
            with transaction(session):
                known = _make(session, actor)
    engine.dispose()
    return known


def _make(session: Session, actor: Actor) -> uuid.UUID:
    store_id = session.scalars(select(Store.id).where(Store.name == "Store 0")).one()
    given = CustomerInput(
        email=EMAIL, first_name="Zoë", last_name="Lefèvre", phone_number="06 39 98 12 34", country_code="FR"
    )
    customer = customers.create(session, actor, given, store_id=store_id)
    for number in range(12):
        kind = "billing" if number % 2 else "shipping"
        addresses.create(
            session, actor, customer.id,
            AddressInput(
                type=kind, first_name="Zoë", last_name="Lefèvre", address_1=f"{number} rue de Bretagne", zip_code="75003",
                city="Paris", country_code="FR",
            ),
        )  # fmt: skip
    attributes.change(
        session,
        actor,
        customer.id,
        {"shirt_fit": "slim", "shoe_size": "42", "colour": "navy"},
        revision=customer.revision,
    )
    declared = [
        ConsentInput(
            customer_id=customer.id, store_id=store_id, channel=channel, purpose=purpose, action=action,
            method=Method.SPOKEN, at=START + timedelta(days=10 * step + at), source="bench",
        )
        for at, channel in enumerate(Channel)
        for step, action in enumerate((Action.GIVEN, Action.WITHDRAWN, Action.GIVEN))
        for purpose in (Purpose.CLIENTELING, Purpose.MARKETING)
    ]  # fmt: skip
    for outcome in consents.record_batch(session, actor, declared):
        if isinstance(outcome, Exception):
            raise outcome
    document = documents.loads(ORDER.read_bytes())
    for number in range(40):
        one = document | {
            "external_order_id": f"EVERYTHING-{number}", "created_at": f"{START + timedelta(days=number):%Y-%m-%dT%H:%M:%SZ}",
            "customer_uuid": str(customer.id),
        }  # fmt: skip
        orders.record(session, actor, one, store_id=store_id, customer_id=customer.id)
    for number in range(20):
        changes = CustomerChanges(last_name=f"Lefèvre {number}")
        customers.update(session, actor, customer.id, changes, revision=customer.revision)
    return customer.id


def run(kind: str, customers_in: int) -> dict[str, Figures]:
    """Measure one database, and print and return the figures by question."""
    url = ensure(kind, customers_in)
    prepare(url)
    customer_id = make_customer(url)
    visitor = Visitor(url)
    clock = Clock(visitor.engine)
    path = f"/customers/{customer_id}"
    engine = make_engine(url)
    print(f"\n{kind}, {customers_in} customers; {machine()}\n{HEADING}", flush=True)
    figures = {
        "profile, opened from the list": measure(lambda _: visitor.get(path, fragment=True), clock),
        "profile, as a page with the list beside it": measure(lambda _: visitor.get(path), clock),
        "history": measure(lambda _: visitor.get(f"{path}/history", fragment=True), clock),
        "all orders": measure(lambda _: visitor.get(f"{path}/orders"), clock),
    }
    edit_clock = Clock(engine)
    with Session(engine, expire_on_commit=False) as session:
        actor = Actor.system("bench")

        def update(number: int) -> None:
            with transaction(session):
                revision = session.scalar(select(Customer.revision).where(Customer.id == customer_id))
                assert revision
                changes = CustomerChanges(first_name=f"Zoë {number} {revision}")
                customers.update(session, actor, customer_id, changes, revision=revision)

        figures["a changed name, with search entry and log"] = measure(update, edit_clock)
    engine.dispose()
    visitor.close()
    for name, found in figures.items():
        print(line(name, found), flush=True)
    return figures


def goals(found: dict[tuple[str, int], dict[str, Figures]]) -> list[Goal]:
    """Compare with the goals of docs/performance.md."""
    largest = max(size for _, size in found)
    return [
        Goal(
            what=f"{kind}: {name}, whole p95",
            measured=figures[name].p(95),
            limit=limit,
            cpu=figures[name].cpu(95) if kind == "sqlite" else None,
        )
        for (kind, size), figures in found.items()
        if size == largest
        for name, limit in (
            ("profile, opened from the list", 15),
            ("profile, as a page with the list beside it", 15),
            ("a changed name, with search entry and log", 5),
        )
    ]


def main(arguments: list[str]) -> list[Goal]:
    kinds, sizes = chosen(arguments, ("sqlite", "postgresql"), SIZES)
    return goals({(kind, size): run(kind, size) for kind in kinds for size in sizes})


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
