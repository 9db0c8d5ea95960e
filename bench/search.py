"""Measure searches and lists: python -m bench.search [sqlite|postgresql] [customers ...].

Each question goes through the whole application, as the search form sends it: session, search,
template. Beside it raw SQL reads the same rows by their keys, the limit that no search can pass.
"""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db import make_engine
from app.models import Associate, Customer
from app.models import search as tables
from app.services import search_index
from bench.build import SIZES, ensure
from bench.measure import HEADING, ROUNDS, Clock, Figures, Goal, chosen, line, machine, measure, print_goals
from bench.visitor import Visitor, prepare, warm

Form = dict[str, str]


def typed(kind: str, r: random.Random, people: list[Customer]) -> str:
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
SORTS = ("name", "last_order", "opted_in", "created")
TYPO = "typo"
PLACES = {"store": "store", "company": "all"}


def people_of(session: Session, r: random.Random) -> list[Customer]:
    """Return customers from all over, by their numbers in the search: ids stand in time, with gaps."""
    document = tables.documents.c
    last = session.scalars(select(func.max(document.doc))).one()
    docs = r.sample(range(1, last + 1), 200)
    found = select(Customer).join(tables.documents, document.customer_id == Customer.id)
    return list(session.scalars(found.where(document.doc.in_(docs)).order_by(document.doc)))


def questions(session: Session, listed: str) -> Iterator[tuple[str, list[Form]]]:
    """Give the name of each kind of question and what is sent, round by round."""
    r = random.Random(5)
    people = people_of(session, r)
    associates = {
        label: str(
            session.scalars(select(Associate.id).where(Associate.email == f"a{number}@shop.example")).one()
        )
        for label, number in (("one associate", 37), ("the importer", 0))
    }
    for kind in KINDS:
        yield kind, [{"list": listed, "text": typed(kind, r, people)} for _ in range(ROUNDS)]
    for sort in SORTS:
        base = {"list": listed, "sort": sort}
        yield f"list by {sort}", [base] * ROUNDS
        yield f"as typed, by {sort}", [base | {"text": typed("as typed", r, people)} for _ in range(ROUNDS)]
        yield (
            f"shirt_fit=slim, by {sort}",
            [base | {"attribute_name": "shirt_fit", "attribute_value": "slim"}] * ROUNDS,
        )
        for label, associate in associates.items():
            yield f"{label}, by {sort}", [base | {"associate_id": associate}] * ROUNDS
    yield "opted in, newest first", [{"list": "opted_in", "sort": "opted_in"}] * ROUNDS
    yield "page 100", [{"list": listed, "sort": "name", "offset": "2475"}] * ROUNDS


def steps(kind: str, customers: int) -> Iterator[tuple[str, Figures]]:
    """Measure one database question by question: give the name and figures of each."""
    url = ensure(kind, customers)
    prepare(url)
    warm(url)

    for place, listed in PLACES.items():
        visitor = Visitor(url, whole_company=place == "company")
        clock = Clock(visitor.engine)
        with Session(visitor.engine) as session:
            asked = list(questions(session, listed))
        for name, forms in asked:
            # Warm, as a worker that serves since a while: the statements of each shape of question are built.
            for form in forms:
                visitor.post("/customers/search", form)
            found = measure(lambda n, v=visitor, f=forms: v.post("/customers/search", f[n]), clock)
            yield f"{place}: {name}", found
        path = f"/customers?list={listed}"
        yield f"{place}: the whole page", measure(lambda _, v=visitor, p=path: v.get(p), clock)
        visitor.close()
    engine = make_engine(url, bulk=True)
    clock = Clock(engine)
    with Session(engine) as session:
        ids = session.scalars(select(Customer.id).order_by(Customer.id).limit(ROUNDS)).all()
        by_key = select(Customer.__table__).where(Customer.id.in_(ids[:25]))
        yield "limit: the same rows by key", measure(lambda _: session.execute(by_key).all(), clock)
        session.rollback()
        session.connection(execution_options={"writes": True})

        def rewrite(n: int, **changed: object) -> None:
            if changed:
                session.execute(update(Customer).where(Customer.id == ids[n]).values(changed))
            search_index.refresh(session, [ids[n]])

        yield "search entry, nothing changed", measure(rewrite, clock)
        bought = datetime(2026, 5, 5, tzinfo=UTC)
        yield "search entry after an order", measure(lambda n: rewrite(n, last_order_at=bought), clock)
        yield (
            "search entry, phone number changed",
            measure(lambda n: rewrite(n, phone_number=f"06 00 00 {n:02} 11"), clock),
        )
        yield "search entry, name changed", measure(lambda n: rewrite(n, last_name=f"Maier{n}x"), clock)
        session.rollback()
    engine.dispose()


def run(kind: str, sizes: list[int]) -> dict[tuple[str, int], dict[str, Figures]]:
    """Measure each question on all sizes in turns, print and return the figures by database and question.

    In turns, since the machine may be twice as quick a minute later.
    """
    found: dict[tuple[str, int], dict[str, Figures]] = {(kind, size): {} for size in sizes}
    print(f"\n{kind}, {sizes} customers; {machine()}\n{HEADING}", flush=True)
    for step in zip(*(steps(kind, size) for size in sizes), strict=True):
        for size, (name, figures) in zip(sizes, step, strict=True):
            found[kind, size][name] = figures
            of_size = name if len(sizes) == 1 else f"{name} ({size // 1000}k)"
            print(line(of_size, figures), flush=True)
    return found


def together(figures: dict[str, Figures], place: str, *, typos: bool = False) -> Figures:
    """Return all questions of a place as one mix, or those with a typing error."""
    found = Figures()
    for name, one in figures.items():
        if name.startswith(f"{place}: ") and name.endswith(TYPO) == typos:
            found.add(one)
    return found


def goals(found: dict[tuple[str, int], dict[str, Figures]]) -> list[Goal]:
    """Compare with the goals of docs/performance.md."""
    goals = []
    largest, smallest = max(size for _, size in found), min(size for _, size in found)
    for kind in dict.fromkeys(kind for kind, _ in found):
        figures = found[kind, largest]
        for place in PLACES:
            mix, typo = together(figures, place), together(figures, place, typos=True)
            limits = ((50, 3), (95, 10), (99, 20)) if kind == "sqlite" else ((50, 7), (95, 14), (99, 30))
            goals += [
                Goal(what=f"{kind} {place}: search and list, database p{p}", measured=mix.db(p), limit=limit)
                for p, limit in limits
            ]
            goals += [
                Goal(
                    what=f"{kind} {place}: search and list, whole p95",
                    measured=mix.p(95),
                    limit=25,
                    cpu=mix.cpu(95),
                ),
                Goal(
                    what=f"{kind} {place}: typing error, whole p95",
                    measured=typo.p(95),
                    limit=60,
                    cpu=typo.cpu(95),
                ),
            ]
            if largest != smallest:
                small = together(found[kind, smallest], place)
                goals += [
                    Goal(
                        what=f"{kind} {place}: {largest} against {smallest} customers, p{p}", measured=mix.p(p) / small.p(p),
                        limit=1.5, unit="x", cpu=mix.cpu(p) / small.cpu(p),
                    )
                    for p in (50, 95)
                ]  # fmt: skip
        entry = figures["search entry, phone number changed"]
        goals.append(
            Goal(
                what=f"{kind}: search entry rewritten p95",
                measured=entry.p(95),
                limit=5,
                cpu=entry.cpu(95),
            )
        )
    return goals


def main(arguments: list[str]) -> list[Goal]:
    kinds, sizes = chosen(arguments, ("sqlite", "postgresql"), SIZES)
    return goals({key: figures for kind in kinds for key, figures in run(kind, sizes).items()})


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
