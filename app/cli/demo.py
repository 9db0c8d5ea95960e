"""Demo data: a small company of invented people, with sign-ins of its own."""

import json
import os
import random
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from app import config, schema
from app.cli import demo_orders, demo_people, demo_wordings
from app.cli.database import open_engine
from app.config import Settings
from app.db import transaction
from app.domain import attributes, clock, orders
from app.domain.actor import Actor
from app.domain.addresses import AddressInput
from app.domain.attributes import AttributeType
from app.domain.audit import AccessAction
from app.domain.consent_reviews import MAX_BULK, Decision, Group
from app.domain.consents import Action, Channel, ConsentInput, Method, Purpose
from app.domain.customers import CustomerChanges, CustomerInput
from app.domain.permissions import Role, Scope
from app.domain.tokens import ApiClientInput
from app.models import (
    AccessEntry,
    Associate,
    AssociateStore,
    AttributeDefinition,
    Consent,
    ConsentEvent,
    Customer,
    CustomerStore,
    Store,
)
from app.services import (
    addresses,
    api_clients,
    consent_reviews,
    consents,
    customers,
    customers_bulk,
    search_index,
    sign_in,
)
from app.services import attributes as attribute_services
from app.services import orders as order_services
from app.services.consent_reviews import Seen, Verdict

CUSTOMERS = 1_500
ORDERS = 5_000
BATCH = 500
FILE_NAME = "demo-sign-ins.json"

STORES = (
    ("New York 5th Avenue", "US", "USD", "America/New_York"),
    ("Paris Le Marais", "FR", "EUR", "Europe/Paris"),
    ("Berlin Mitte", "DE", "EUR", "Europe/Berlin"),
    ("Tokyo Ginza", "JP", "JPY", "Asia/Tokyo"),
    ("Web shop", "DE", "EUR", "Europe/Berlin"),
)
# Name, role, numbers of the stores, and whether a sign-in is handed out.
PEOPLE = (
    ("Ada", "Okafor", Role.ASSOCIATE, (0,), True), ("Ben", "Rivera", Role.ASSOCIATE, (0,), False),
    ("Grace", "Kim", Role.ASSOCIATE, (0,), False), ("Camille", "Rousseau", Role.ASSOCIATE, (1,), True),
    ("Théo", "Lambert", Role.ASSOCIATE, (1,), False), ("Inès", "Haddad", Role.ASSOCIATE, (1, 2), False),
    ("Jonas", "Weiß", Role.ASSOCIATE, (2,), False), ("Leyla", "Öztürk", Role.ASSOCIATE, (2,), False),
    ("Hanna", "Brandt", Role.ASSOCIATE, (2, 4), False), ("Yuki", "Mori", Role.ASSOCIATE, (3,), False),
    ("Ren", "Fujita", Role.ASSOCIATE, (3,), False), ("Sofia", "Nowak", Role.ASSOCIATE, (4,), False),
    ("Mia", "Thompson", Role.MANAGER, (0,), True), ("Marc", "Fontaine", Role.MANAGER, (1, 2), True),
    ("Robin", "Admin", Role.ADMIN, (0, 1, 2, 3, 4), True), ("Noor", "Auditor", Role.AUDITOR, (0, 1), True),
)  # fmt: skip
# Key, label, type, choices, group, shown in lists, sensitive.
DEFINITIONS: tuple[tuple[str, str, AttributeType, tuple[str, ...], str, bool, bool], ...] = (
    ("shirt_fit", "Shirt fit", AttributeType.CHOICE, ("slim", "regular", "relaxed"), "Sizes", True, False),
    ("shoe_size", "Shoe size", AttributeType.NUMBER, (), "Sizes", True, False),
    ("trouser_size", "Trouser size", AttributeType.TEXT, (), "Sizes", False, False),
    ("jacket_size", "Jacket size", AttributeType.CHOICE, ("46", "48", "50", "52", "54"), "Sizes", False, False),
    ("preferred_colour", "Preferred colours", AttributeType.CHOICES, demo_orders.COLOURS, "Preferences", False,
     False),
    ("gift_wrapping", "Likes gift wrapping", AttributeType.YES_NO, (), "Preferences", False, False),
    ("birthday", "Birthday", AttributeType.DATE, (), "Preferences", False, True),
)  # fmt: skip
# Ways to an opt-in state, with how often each occurs.
_PATHS: tuple[tuple[tuple[Action, ...], int], ...] = (
    ((), 24),
    ((Action.REQUESTED,), 10),
    ((Action.GIVEN,), 26),
    ((Action.REQUESTED, Action.CONFIRMED), 16),
    ((Action.REFUSED, Action.REQUESTED, Action.CONFIRMED), 3),
    ((Action.GIVEN, Action.WITHDRAWN, Action.GIVEN), 2),
    ((Action.REQUESTED, Action.EXPIRED), 2),
    ((Action.REFUSED,), 9),
    ((Action.GIVEN, Action.WITHDRAWN), 8),
)
# Every so many customers one is known to a shop in another country too, and opted in there.
TRAVELLER = 100
# So many customers of each of three stores were changed by hand.
CHANGED = 10
# So many of the plain yeses came from another system; managers reviewed what is older than so many days.
IMPORTED = 0.08
REVIEWED_UNTIL = 30

demo_actor = Actor.system("Demo data")


def ensure_demo(engine: Engine, settings: Settings, echo: Callable[[str], object]) -> list[dict[str, str]]:
    """Fill an empty database with the demo and return its sign-ins, none when it was filled before.

    A database with an associate or a store is left as it is. The sign-ins are told each time, and
    kept in `DATA_DIR/demo-sign-ins.json`, which nobody else may read.
    """
    path = settings.data_dir / FILE_NAME
    with Session(engine, expire_on_commit=False) as session:
        is_empty = not any(session.scalar(select(table.id).limit(1)) for table in (Associate, Store))
        sign_ins: list[dict[str, str]] = []
        if is_empty:
            echo(f"Making demo data: {CUSTOMERS:,} customers and {ORDERS:,} orders. This takes some seconds.")
            with transaction(session):
                sign_ins = _build(session)
                # Before the commit: passwords that nobody was told would help nobody.
                _write_private(path, json.dumps(sign_ins, indent=1, ensure_ascii=False) + "\n")
    tell_sign_ins(settings, echo)
    return sign_ins


def tell_sign_ins(settings: Settings, echo: Callable[[str], object]) -> None:
    """Tell the demo sign-ins where there are some."""
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        return
    echo(f"Demo sign-ins (also in {path}):")
    for line in json.loads(path.read_text(encoding="utf-8")):
        if "email" in line:
            echo(f"  {line['role']:<10} {line['store']:<20} {line['email']:<34} {line['password']}")
        if "client_id" in line:
            echo(f"  {'API':<10} client_id {line['client_id']}   client_secret {line['client_secret']}")


def _write_private(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _build(session: Session) -> list[dict[str, str]]:
    # Not for secrets: the demo is to be the same each time, passwords apart.
    dice = random.Random("clienteling demo")  # noqa: S311
    now = clock.utcnow()
    stores = _stores(session, now - timedelta(days=900))
    associates, sign_ins = _associates(session, stores, now - timedelta(days=800))
    _make_definitions(session, now - timedelta(days=800))
    definitions = attribute_services.definitions(session)
    people = demo_people.make(dice, CUSTOMERS)
    rows = _customers(session, dice, people, stores, associates, definitions, now)
    _orders(session, dice, people, rows, stores, now)
    _opt_ins(session, dice, people, rows, stores, associates, now)
    _reviews(session, associates, stores, now)
    _history(session, dice, associates, people, rows, stores)
    _views(session, dice, associates, people, rows, stores, now)
    _silent(session, now)
    return [*sign_ins, _api_client(session)]


def _api_client(session: Session) -> dict[str, str]:
    given = ApiClientInput(name="Demo program", scopes=frozenset(Scope), every_store=True)
    made = api_clients.create(session, demo_actor, given)
    return {"client_id": made.client.client_id, "client_secret": made.secret}


def _stores(session: Session, at: datetime) -> list[Store]:
    stores = [
        Store(
            name=name, country_code=country, currency=currency, time_zone=zone, created_at=at, updated_at=at
        )
        for name, country, currency, zone in STORES
    ]
    session.add_all(stores)
    session.flush()
    return stores


def _associates(
    session: Session, stores: list[Store], at: datetime
) -> tuple[list[Associate], list[dict[str, str]]]:
    associates, sign_ins = [], []
    for first, last, role, numbers, may_sign_in in PEOPLE:
        email = f"{first}.{last}@shop.example".lower()
        email = email.encode("ascii", "ignore").decode() if email.isascii() else _ascii(email)
        associate = Associate(
            email=email, email_key=email, first_name=first, last_name=last, role=role.value,
            is_active=True, created_at=at, updated_at=at,
        )  # fmt: skip
        if may_sign_in:
            password = _password()
            associate.password_hash = sign_in.hash_password(password, email=email)
            sign_ins.append(
                {"role": role.value, "store": stores[numbers[0]].name, "email": email, "password": password}
            )
        session.add(associate)
        session.flush()
        session.add_all(
            AssociateStore(associate_id=associate.id, store_id=stores[number].id) for number in numbers
        )
        associates.append(associate)
    session.flush()
    return associates, sign_ins


def _password() -> str:
    """Return a random password of 60 bits that can be read off one screen and typed on another."""
    # 32 signs, of which no two look alike.
    signs = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(signs) for _ in range(4)) for _ in range(3))


def _ascii(email: str) -> str:
    from_letters = str.maketrans({"é": "e", "è": "e", "ß": "ss", "ö": "o", "ü": "u"})
    return email.translate(from_letters)


def _make_definitions(session: Session, at: datetime) -> None:
    session.add_all(
        AttributeDefinition(
            key=key, label=label, type=kind.value, choices=list(choices), group=group, position=position,
            is_in_list=in_list, is_sensitive=sensitive, created_at=at, updated_at=at,
        )
        for position, (key, label, kind, choices, group, in_list, sensitive) in enumerate(DEFINITIONS)
    )  # fmt: skip
    session.flush()


def _customers(
    session: Session,
    dice: random.Random,
    people: list[demo_people.Person],
    stores: list[Store],
    associates: list[Associate],
    definitions: Mapping[str, attributes.Definition],
    now: datetime,
) -> list[Customer]:
    by_store = [
        [person for person, (_, _, role, numbers, _) in zip(associates, PEOPLE, strict=True)
         if number in numbers and role is Role.ASSOCIATE]
        for number in range(len(stores))
    ]  # fmt: skip
    rows: list[Customer] = []
    for start in range(0, len(people), BATCH):
        batch = []
        for person in people[start : start + BATCH]:
            store = stores[person.land.store]
            columns = CustomerInput(
                email=person.email,
                first_name=person.first_name,
                last_name=person.last_name,
                phone_number=person.phone,
                country_code=person.land.code,
            ).check(region=store.country_code)
            batch.append(
                customers_bulk.NewCustomer(
                    columns=columns,
                    store_id=store.id,
                    created_by_id=dice.choice(by_store[person.land.store]).id,
                    created_at=now - timedelta(days=dice.uniform(1, 760)),
                    addresses=_addresses(dice, person),
                    attributes=attributes.check(definitions, _attributes(dice)),
                )
            )
        made = customers_bulk.create(session, demo_actor, batch)
        search_index.refresh(session, made)
        found = {row.id: row for row in session.scalars(select(Customer).where(Customer.id.in_(made)))}
        rows += [found[customer_id] for customer_id in made]
    return rows


def _addresses(dice: random.Random, person: demo_people.Person) -> list[dict[str, Any]]:
    kinds = dice.choices((("shipping",), ("billing", "shipping"), ()), (55, 30, 15))[0]
    # The towns are known to be right (a test sees to it), and the country's rules are slow to read.
    return [_address(person, kind).check(strict=False) for kind in kinds]


def _address(person: demo_people.Person, kind: str) -> AddressInput:
    zip_code, city, state = person.town
    return AddressInput(
        type=kind,
        country_code=person.land.code,
        first_name=person.first_name,
        last_name=person.last_name,
        address_1=person.street,
        zip_code=zip_code,
        city=city,
        state=state,
    )


def _attributes(dice: random.Random) -> dict[str, object]:
    colours = dice.sample(demo_orders.COLOURS, dice.randint(1, 3))
    given = {
        "shirt_fit": dice.choice(("slim", "regular", "relaxed")),
        "shoe_size": str(dice.randint(36, 46)),
        "trouser_size": f"{dice.randint(28, 38)}/{dice.choice((30, 32, 34))}",
        "jacket_size": dice.choice(("46", "48", "50", "52", "54")),
        "preferred_colour": ", ".join(colours),
        "gift_wrapping": dice.choice(("yes", "no")),
        "birthday": f"{dice.randint(1945, 2006)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}",
    }
    return {name: value for name, value in given.items() if dice.random() < 0.45}


def _orders(
    session: Session,
    dice: random.Random,
    people: list[demo_people.Person],
    rows: list[Customer],
    stores: list[Store],
    now: datetime,
) -> None:
    web = stores[-1]
    # A few buy a lot, as everywhere.
    buyers = sorted(
        dice.choices(range(len(rows)), [1 / (1 + number % 40) for number in range(len(rows))], k=ORDERS)
    )
    for start in range(0, ORDERS, BATCH):
        batch = []
        for number, buyer in enumerate(buyers[start : start + BATCH], start):
            person = people[buyer]
            home = stores[person.land.store]
            shop = demo_orders.SHOPS[home.country_code]
            since = rows[buyer].created_at
            document = orders.parse(demo_orders.make(dice, number, person, shop, since, now))
            store = web if document.channel_type == "web" else home
            batch.append(
                order_services.OrderInput(order=document, store_id=store.id, customer_id=rows[buyer].id)
            )
        for outcome in order_services.record_batch(session, demo_actor, batch):
            if isinstance(outcome, Exception):
                raise outcome


def _opt_ins(
    session: Session,
    dice: random.Random,
    people: list[demo_people.Person],
    rows: list[Customer],
    stores: list[Store],
    associates: list[Associate],
    now: datetime,
) -> None:
    given: list[ConsentInput] = []
    wordings = demo_wordings.Wordings(session, now - timedelta(days=800), now - timedelta(days=240))

    def say(row: Customer, store: Store, country: str, associate_id: uuid.UUID, **told: Any) -> None:
        wording = wordings.at(country, told["purpose"], told["at"])
        is_yes = told["action"] in (Action.GIVEN, Action.CONFIRMED)
        proof = (
            demo_wordings.evidence(session, dice, (row.id, row.name), told["method"], told["at"])
            if is_yes
            else None
        )
        given.append(
            ConsentInput(
                customer_id=row.id, store_id=store.id, associate_id=associate_id, source="Tablet",
                wording_id=wording.id, device=proof.device if proof else "",
                evidence_id=proof.id if proof else None, **told,
            )
        )  # fmt: skip

    for person, row in zip(people, rows, strict=True):
        path = dice.choices([path for path, _ in _PATHS], [weight for _, weight in _PATHS])[0]
        channel = dice.choice((Channel.EMAIL, Channel.SMS)) if person.phone else Channel.EMAIL
        at = now - timedelta(days=_age(dice))
        purposes = [Purpose.CLIENTELING, Purpose.MARKETING] if dice.random() < 0.25 else [Purpose.CLIENTELING]
        method = dice.choices((Method.SIGNATURE, Method.OWN_PHONE, Method.SPOKEN), (5, 4, 2))[0]
        if path == (Action.GIVEN,) and dice.random() < IMPORTED:
            method = Method.IMPORT
        for purpose in purposes:
            for step, action in enumerate(path):
                say(
                    row, stores[person.land.store], person.land.code, row.created_by_id or associates[0].id,
                    channel=channel, purpose=purpose, action=action, method=method,
                    at=at + timedelta(days=step),
                )  # fmt: skip
    for number in range(0, len(rows), TRAVELLER):
        abroad = stores[(people[number].land.store + 1) % 4]
        there = next(
            one.id for one, (_, _, _, places, _) in zip(associates, PEOPLE, strict=True)
            if stores.index(abroad) in places
        )  # fmt: skip
        say(
            rows[number], abroad, people[number].land.code, there,
            channel=Channel.EMAIL, purpose=Purpose.CLIENTELING, method=Method.SIGNATURE,
            # Some say no there: that is held against the yes at home.
            action=Action.REFUSED if number % (2 * TRAVELLER) else Action.GIVEN,
            at=now - timedelta(days=dice.uniform(0, 3)),
        )  # fmt: skip
    session.flush()
    for start in range(0, len(given), BATCH):
        for outcome in consents.record_batch(session, demo_actor, given[start : start + BATCH]):
            if isinstance(outcome, Exception):
                raise outcome


def _age(dice: random.Random) -> float:
    """Return how many days ago a question was asked: most within the last half year, a few long ago."""
    return dice.choices((dice.uniform(3, 182), dice.uniform(182, 700), dice.uniform(735, 790)), (60, 36, 4))[
        0
    ]


def _reviews(session: Session, associates: list[Associate], stores: list[Store], now: datetime) -> None:
    """Let the managers look at what was captured up to some weeks ago."""
    for associate, (_, _, role, places, _) in zip(associates, PEOPLE, strict=True):
        if role is not Role.MANAGER:
            continue
        actor = _actor(associate, *(stores[place] for place in places))
        waiting = session.scalars(
            select(Consent)
            .where(
                Consent.store_id.in_(actor.store_ids),
                Consent.review == Group.NEW.value,
                Consent.since < now - timedelta(days=REVIEWED_UNTIL),
            )
            .order_by(Consent.evidence, Consent.since)
        ).all()
        for _kind, rows in groupby(waiting, lambda row: row.evidence):
            seen = [Seen(event_id=row.event_id) for row in rows if row.event_id]
            for start in range(0, len(seen), MAX_BULK):
                consent_reviews.decide_many(
                    session, actor, seen[start : start + MAX_BULK], Verdict(decision=Decision.SUFFICIENT)
                )
    session.flush()


def _actor(associate: Associate, *stores: Store) -> Actor:
    return Actor(
        id=associate.id, name=associate.name, role=Role(associate.role), store_ids=frozenset(store.id for store in stores),
        store_id=stores[0].id, request_id=uuid.uuid4().hex,
    )  # fmt: skip


def _history(
    session: Session,
    dice: random.Random,
    associates: list[Associate],
    people: list[demo_people.Person],
    rows: list[Customer],
    stores: list[Store],
) -> None:
    """Let people really change some customers, so that there is a history to see."""
    for number, place in ((0, 0), (3, 1), (6, 2)):
        actor = _actor(associates[number], stores[place])
        own = [(person, row) for person, row in zip(people, rows, strict=True) if person.land.store == place]
        for person, row in own[:CHANGED]:
            changed = CustomerChanges(
                email=row.email.replace("@", ".new@"), phone_number=demo_people.phone(dice, person.land)
            )
            customers.update(session, actor, row.id, changed, revision=row.revision)
            for fit in ("regular", "slim"):
                attribute_services.change(
                    session, actor, row.id, {"shirt_fit": fit, "shoe_size": "42"}, revision=row.revision
                )
            addresses.create(session, actor, row.id, _address(person, "billing"))


def _views(
    session: Session,
    dice: random.Random,
    associates: list[Associate],
    people: list[demo_people.Person],
    rows: list[Customer],
    stores: list[Store],
    now: datetime,
) -> None:
    for associate, (_, _, _, numbers, may_sign_in) in zip(associates, PEOPLE, strict=True):
        own = [row for person, row in zip(people, rows, strict=True) if person.land.store in numbers]
        if not may_sign_in or associate.role == Role.AUDITOR.value:
            continue
        session.add_all(
            AccessEntry(
                at=now - timedelta(minutes=17 * (step + 1)), actor_id=associate.id, actor_name=associate.name,
                channel="web", store_id=stores[numbers[0]].id, customer_id=row.id, action=AccessAction.VIEWED.value,
            )
            for step, row in enumerate(dice.sample(own, 8))
        )  # fmt: skip
    session.flush()


def _silent(session: Session, now: datetime) -> None:
    """Let some who never came again be from before this program: their time is over (`/retention`)."""
    declared = select(ConsentEvent.id).where(ConsentEvent.customer_id == Customer.id).correlate(Customer)
    silent = select(Customer).where(Customer.order_count == 0, Customer.revision == 1, ~declared.exists())
    rows = session.scalars(silent.order_by(Customer.display_id).limit(12)).all()
    for number, row in enumerate(rows):
        row.created_at = row.updated_at = at = now - timedelta(days=1150 + 31 * number)
        row.created_by_id = None
        links = update(CustomerStore).where(CustomerStore.customer_id == row.id)
        session.execute(links.values(since=at))
    search_index.refresh(session, [row.id for row in rows])


@click.command("demo")
def demo_command() -> None:
    """Fill an empty database with demo data and print its sign-ins."""
    settings = config.load()
    with open_engine(settings) as engine:
        schema.upgrade(engine)
        if not ensure_demo(engine, settings, click.echo):
            click.echo("The database holds people or stores already: nothing was added.")
