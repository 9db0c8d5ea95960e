"""Measure searches and lists: python -m bench.search [sqlite|postgresql] [customers ...].

Each question is asked as the page asks it (whole row values, masked, with chips), in process, and
beside it raw SQL reads the same rows by their keys: the limit that no search can pass.
"""

import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from statistics import quantiles

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.actor import Actor
from app.domain.paging import PageRequest
from app.domain.permissions import Role
from app.domain.searches import CustomerQuery
from app.models import Associate, Customer, CustomerStore, Store
from app.queries import search
from app.services import search_index
from bench.build import SIZES, ensure

ROUNDS = 60


class Clock:
    """Adds up the time spent in the database, of one engine."""

    def __init__(self, engine) -> None:
        self.spent = 0.0
        event.listen(engine, "before_cursor_execute", self._start)
        event.listen(engine, "after_cursor_execute", self._stop)

    def _start(self, *_: object) -> None:
        self.started = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.spent += time.perf_counter() - self.started


def typed(session: Session, kind: str, r: random.Random, people: list) -> str:  # noqa: ARG001
    person = r.choice(people)
    first, last = person.first_name or "a", person.last_name or "b"
    match kind:
        case "one letter":
            return r.choice("abcdefghijklmnoprstvwz")
        case "two letters":
            return last[:2]
        case "three letters":
            return last[:3]
        case "whole name":
            return f"{first} {last}"
        case "two beginnings":
            return f"{last[:3]} {first[:2]}"
        case "very common":
            return r.choice(["gmail", "mar", "com", "martin", "marie", "example", "er"])
        case "e-mail":
            return person.email[: r.randint(4, len(person.email))]
        case "phone":
            return person.phone_number
        case "last four digits":
            return person.phone_number[-5:]
        case "display id":
            return person.display_id
        case "order":
            return f"W-{r.randrange(10_000, 40_000)}"
        case "no match":
            return "".join(r.choices("qxzjkvw", k=r.randint(3, 8)))
        case "as typed":
            return (f"{first} {last}")[: r.randint(1, 12)]
        case _:  # a typo
            word = last if len(last) > 5 else "Schneider"
            at = r.randrange(1, len(word))
            return word[:at] + r.choice("aeiou") + word[at + 1 :]


KINDS = (
    "as typed", "one letter", "two letters", "three letters", "very common", "whole name", "two beginnings", "e-mail", "phone",
    "last four digits", "display id", "order", "no match", "typo",
)  # fmt: skip
SORTS = ("name", "name_reverse", "last_order", "opted_in", "created")


def measure(clock: Clock, ask: Callable[[int], object], rounds: int) -> dict[str, float]:
    whole, inside = [], []
    for number in range(rounds):
        clock.spent, started = 0.0, time.perf_counter()
        ask(number)
        whole.append(1000 * (time.perf_counter() - started))
        inside.append(1000 * clock.spent)
    cut, cut_inside = quantiles(whole, n=100), quantiles(inside, n=100)
    return {
        "p50": cut[49], "p95": cut[94], "p99": cut[98], "max": max(whole), "db_p50": cut_inside[49], "db_p95": cut_inside[94],
    }  # fmt: skip


def questions(session: Session, places: dict[str, uuid.UUID | None]):
    """Give (name, function of the number of the round to a query)."""
    r = random.Random(5)
    newest = session.scalar(select(Customer.id).order_by(Customer.id.desc()).limit(1))
    assert newest is not None
    people = []
    for _ in range(200):
        # Ids are in time order, so that any number between two of them meets somebody.
        oldest = session.scalar(select(Customer.id).order_by(Customer.id).limit(1))
        at = uuid.UUID(int=r.randrange(oldest.int, newest.int))
        people.append(
            session.scalars(select(Customer).where(Customer.id >= at).order_by(Customer.id).limit(1)).one()
        )
    for place, store_id in places.items():
        listed = "store" if store_id else "all"
        for kind in KINDS:
            texts = [typed(session, kind, r, people) for _ in range(ROUNDS)]
            yield (
                f"{place}: {kind}",
                lambda n, t=texts, s=store_id, k=listed: CustomerQuery(text=t[n], list=k, store_id=s),
            )
        for sort in SORTS:
            yield (
                f"{place}: list by {sort}",
                lambda _, o=sort, s=store_id, k=listed: CustomerQuery(list=k, store_id=s, sort=o),
            )
            texts = [typed(session, "as typed", r, people) for _ in range(ROUNDS)]
            yield (
                f"{place}: as typed, by {sort}",
                lambda n, t=texts, o=sort, s=store_id, k=listed: CustomerQuery(
                    text=t[n], list=k, store_id=s, sort=o
                ),
            )
            yield (
                f"{place}: shirt_fit=slim, by {sort}",
                lambda _, o=sort, s=store_id, k=listed: CustomerQuery(
                    list=k, store_id=s, sort=o, attribute_name="shirt_fit", attribute_value="slim"
                ),
            )
            for label, number in (("one associate", 37), ("the importer", 0)):
                associate = session.scalar(
                    select(Associate.id).where(Associate.email == f"a{number}@shop.example")
                )
                yield (
                    f"{place}: {label}, by {sort}",
                    lambda _, o=sort, s=store_id, k=listed, a=associate: CustomerQuery(
                        list=k, store_id=s, sort=o, created_by_id=a
                    ),
                )
        yield (
            f"{place}: opted in",
            lambda _, s=store_id: CustomerQuery(list="opted_in", store_id=s, sort="opted_in"),
        )
        yield (
            f"{place}: page 100",
            lambda _, s=store_id, k=listed: CustomerQuery(
                list=k, store_id=s, sort="name", page=PageRequest(offset=2475)
            ),
        )


def run(kind: str, customers: int) -> dict[str, dict[str, float]]:
    engine = make_engine(ensure(kind, customers))
    clock = Clock(engine)
    figures = {}
    root = Actor(id=uuid.uuid4(), name="Root", role=Role.ADMIN)
    with Session(engine, expire_on_commit=False) as session:
        first = session.scalar(select(Store.id).where(Store.name == "Store 0"))
        size = len(
            session.scalars(select(CustomerStore.customer_id).where(CustomerStore.store_id == first)).all()
        )
        print(f"{kind}, {customers} customers; the one store has {size}", flush=True)
        rows: list[uuid.UUID] = []
        for name, query in list(questions(session, {"company": None, "store": first})):

            def ask(number: int, query=query) -> None:
                page = search.list_page(session, root, query(number))
                rows[:] = [row.id for row in page.items] or rows

            measure(clock, ask, 5)
            figures[name] = measure(clock, ask, ROUNDS)
        figures["limit: the same rows by key"] = measure(
            clock, lambda _: session.execute(select(Customer).where(Customer.id.in_(rows))).all(), ROUNDS
        )
        ids = session.scalars(select(Customer.id).order_by(Customer.id).limit(ROUNDS)).all()
        session.rollback()

        def refresh(number: int) -> None:
            search_index.refresh(session, [ids[number]])

        session.connection(execution_options={"writes": True})
        figures["refresh of one customer"] = measure(clock, refresh, ROUNDS)
        session.rollback()
    engine.dispose()
    return figures


def main() -> None:
    kinds = [a for a in sys.argv[1:] if not a.isdigit()] or ["sqlite", "postgresql"]
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or list(SIZES)
    figures = {(kind, size): run(kind, size) for kind in kinds for size in sizes}
    for kind in kinds:
        smallest, largest = figures[kind, min(sizes)], figures[kind, max(sizes)]
        limit = largest["limit: the same rows by key"]["p50"]
        print(
            f"\n{kind}, {max(sizes)} customers, ms{'':24} p50     p95     p99     max  db p95   x limit  x {min(sizes)}"
        )
        for name, f in largest.items():
            ratio = f["p50"] / smallest[name]["p50"]
            print(
                f"{name:44} {f['p50']:7.2f} {f['p95']:7.2f} {f['p99']:7.2f} {f['max']:7.2f} {f['db_p95']:7.2f}"
                f" {f['p50'] / limit:9.1f} {ratio:8.2f}"
            )
    for (kind, size), found in figures.items():
        for name, f in found.items():
            print(
                json.dumps(
                    {
                        "bench": "search",
                        "database": kind,
                        "customers": size,
                        "what": name,
                        **{k: round(v, 3) for k, v in f.items()},
                    }
                )
            )


if __name__ == "__main__":
    main()
