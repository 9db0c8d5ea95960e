"""Measure the customer list of API v0: python -m bench.api [sqlite|postgresql] [customers ...].

Ten full customers with addresses and attributes, by `q`, by filter and plain: in process, and from
the real server beside a constant JSON of the same size, and beside the least that any Flask
application would do for the same rows (one statement by key, written as JSON).
"""

import json
import os
import random
import sys
import uuid
from urllib.parse import urlencode

from flask import Flask, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import config
from app.cli.serve import Server
from app.db import make_engine
from app.domain.profile_lists import ATTRIBUTE_NAME, ATTRIBUTE_VALUE, CREATED_BY
from app.models import Address, Associate, Customer, ExtendedAttribute
from bench.build import SIZES, ensure
from bench.http import CLIENTS, load, request, serving
from bench.measure import (
    HEADING,
    ROUNDS,
    Clock,
    Figures,
    Goal,
    chosen,
    line,
    machine,
    measure,
    percentile,
    print_goals,
)
from bench.search import people_of
from bench.visitor import Program, prepare

LIST = "/v0/d/consumer_profiles"
# What a connected program asks all day, and what a person types into its form.
GOALS = (
    "plain",
    "page 100",
    "q: e-mail",
    "q: phone",
    "q: whole name",
    "q: last name",
    "by attribute",
    "by creator",
)


def questions(session: Session) -> dict[str, list[str]]:
    """Return the queries of each kind, round by round."""
    r = random.Random(5)
    people = people_of(session, r)
    creators = session.scalars(
        select(Associate.id).where(Associate.email != "a0@shop.example").limit(ROUNDS)
    ).all()

    def ask(**query: str) -> str:
        return f"{LIST}?{urlencode(query)}"

    def each(part: str) -> list[str]:
        return [
            ask(q=text)
            for person in (r.choice(people) for _ in range(ROUNDS))
            for text in [{
                "e-mail": person.email, "phone": person.phone_number,
                "whole name": f"{person.first_name} {person.last_name}".strip() or "a",
                "last name": person.last_name or "b", "three letters": (person.last_name or "mar")[:3],
                "one letter": r.choice("aeimrst"),
            }[part]]
        ]  # fmt: skip

    kinds = ("e-mail", "phone", "whole name", "last name", "three letters", "one letter")
    return {
        "plain": [LIST] * ROUNDS,
        "page 100": [ask(offset="990")] * ROUNDS,
        **{f"q: {kind}": each(kind) for kind in kinds},
        "by attribute": [
            ask(**{ATTRIBUTE_NAME: "shirt_fit", ATTRIBUTE_VALUE: "slim"})
        ] * ROUNDS,
        "by creator": [ask(**{CREATED_BY: str(creators[number % len(creators)])}) for number in range(ROUNDS)],
        **{
            f"sorted by {sort}": [ask(sort=sort)] * ROUNDS
            for sort in ("created_at|asc", "updated_at|desc", "last_name|asc", "email|asc", "store_name|asc")
        },
    }  # fmt: skip


def run(kind: str, customers: int) -> list[Goal]:
    """Measure one database, print the figures and return the goals."""
    url = ensure(kind, customers)
    prepare(url)
    program = Program(url)
    clock = Clock(program.engine)
    with Session(program.engine) as session:
        asked = questions(session)
    print(f"\n{kind}, {customers} customers; {machine()}\n{HEADING}", flush=True)
    mix = Figures()
    for name, paths in asked.items():
        found = measure(lambda n, p=paths: program.get(p[n]), clock)
        print(line(name, found), flush=True)
        if name in GOALS:
            mix.add(found)
    print(line("q, filter and plain together", mix), flush=True)
    answer = program.get(LIST)
    program.close()
    rates = _rates(url, program.token, [path for name in GOALS for path in asked[name]], answer)
    where = f"{kind} {customers}"
    return [
        Goal(what=f"{where}: list of 10 by q, filter and plain, p95", measured=mix.p(95), limit=15, cpu=mix.cpu(95) if kind == "sqlite" else None),
        *(
            Goal(
                what=f"{where}: list of 10 against a constant JSON, {clients} clients",
                measured=100 * rates["list of 10", clients] / rates["constant JSON", clients],
                limit=60, unit="%", at_least=True,
            )
            for clients in CLIENTS
        ),
    ]  # fmt: skip


def _rates(url: str, token: str, paths: list[str], answer: bytes) -> dict[tuple[str, int], float]:
    rates: dict[tuple[str, int], float] = {}
    headers = {"Authorization": f"Bearer {token}"}

    def ask(port: int, name: str, sent: list[bytes]) -> None:
        load(port, sent, 4)
        for clients in CLIENTS:
            rates[name, clients], took = load(port, sent, clients)
            print(
                f"{name:30} {clients:3} clients {rates[name, clients]:8.0f} requests/s"
                f"  p50 {percentile(took, 50):7.2f} p95 {percentile(took, 95):7.2f} ms",
                flush=True,
            )

    beside = "from bench.api import serve_beside as run; run()"
    with serving(beside, url, BENCH_ANSWER=answer.decode()) as (port, _):
        ask(port, "constant JSON", [request("/constant", {})])
        ask(port, "the same rows by key, ORM", [request("/rows", {})])
    with serving("from app.cli import main; main(['run'])", url, API_LISTS_PER_MINUTE="1000000") as (port, _):
        ask(port, "list of 10", [request(LIST, headers)])
        ask(port, "q, filter and plain", [request(path, headers) for path in paths])
    return rates


class Beside(Server):
    """The same server with a constant JSON, and with ten customers read by key and written as JSON."""

    def load(self) -> Flask:
        app = Flask("beside")
        answer = os.environ["BENCH_ANSWER"]
        engine = make_engine(os.environ["DATABASE_URL"])
        ids = [uuid.UUID(item["id"]) for item in json.loads(answer)["items"]]

        def rows() -> Response:
            with Session(engine) as session:
                people = session.scalars(select(Customer).where(Customer.id.in_(ids))).all()
                parts = [
                    session.scalars(select(model).where(model.customer_id.in_(ids))).all()
                    for model in (Address, ExtendedAttribute)
                ]
                body = {"items": [row.email for row in people], "parts": [len(part) for part in parts]}
            return Response(json.dumps(body), content_type="application/json")

        app.add_url_rule("/livez", "livez", lambda: "ok")
        app.add_url_rule("/constant", "constant", lambda: Response(answer, content_type="application/json"))
        app.add_url_rule("/rows", "rows", rows)
        return app


def serve_beside() -> None:
    Beside(config.load()).run()


def main(arguments: list[str]) -> list[Goal]:
    kinds, sizes = chosen(arguments, ("sqlite", "postgresql"), [max(SIZES)])
    return [goal for kind in kinds for size in sizes for goal in run(kind, size)]


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
