"""Measure the customer list of API v0: python -m bench.api [sqlite|postgresql] [customers ...].

Ten full customers with addresses and attributes, by `q`, by filter and plain: in process, and from
the real server beside a constant JSON of the same size, and beside the least that any Flask
application would do for the same rows: three statements by key, through the ORM, as plain columns and
through the bare driver. `the driver alone` is the same questions' statements without anything around.
"""

import json
import os
import random
import sys
import uuid
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response
from sqlalchemy import Engine, bindparam, event, select
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
    paths = [path for name in GOALS for path in asked[name]]
    print(line("the driver alone", alone(program, paths)), flush=True)
    answer = program.get(LIST)
    program.close()
    rates = _rates(url, program.token, paths, answer)
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


def alone(program: Program, paths: list[str]) -> Figures:
    """Measure the statements of these questions through the driver, without SQLAlchemy and Flask."""
    found = Figures()
    sent: list[tuple[str, Any]] = []

    # One listener for all: the thread of the access log may write while one comes or goes.
    @event.listens_for(program.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        # What that thread writes is no part of the answer.
        if sql.startswith("SELECT"):
            sent.append((sql, values))

    with program.engine.connect() as connection:
        cursor = connection.connection.cursor()
        for path in paths:
            sent.clear()
            program.get(path)
            asked = list(sent)

            def ask(_number: int, asked: list[Any] = asked) -> None:
                for sql, values in asked:
                    cursor.execute(sql, values)
                    cursor.fetchall()

            found.add(measure(ask, rounds=1))
    return found


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
        ask(port, "as plain columns", [request("/columns", {})])
        ask(port, "through the driver", [request("/driver", {})])
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

        queries = [
            select(model.__table__).where(key.in_(bindparam("ids", expanding=True)))
            for model, key in _KEYS.items()
        ]
        statements, values = _bare(engine, ids)

        def rows() -> Response:
            with Session(engine) as session:
                return _parts(
                    [session.scalars(select(model).where(key.in_(ids))).all() for model, key in _KEYS.items()]
                )

        def columns() -> Response:
            with engine.connect() as connection:
                return _parts([connection.execute(query, {"ids": ids}).all() for query in queries])

        def driver() -> Response:
            with engine.connect() as connection:
                cursor = connection.connection.cursor()
                return _parts([cursor.execute(sql, values).fetchall() for sql in statements])

        app.add_url_rule("/columns", "columns", columns)
        app.add_url_rule("/driver", "driver", driver)
        app.add_url_rule("/livez", "livez", lambda: "ok")
        app.add_url_rule("/constant", "constant", lambda: Response(answer, content_type="application/json"))
        app.add_url_rule("/rows", "rows", rows)
        return app


_KEYS: dict[Any, Any] = {
    Customer: Customer.__table__.c.id,
    Address: Address.__table__.c.customer_id,
    ExtendedAttribute: ExtendedAttribute.__table__.c.customer_id,
}


def _bare(engine: Engine, ids: list[uuid.UUID]) -> tuple[list[str], list[Any]]:
    """Return the three statements in the driver's own words, and the values of each."""
    on_sqlite = engine.dialect.name == "sqlite"
    marks = ", ".join(["?" if on_sqlite else "%s"] * len(ids))
    statements = [f"SELECT * FROM {key.table.name} WHERE {key.name} IN ({marks})" for key in _KEYS.values()]
    return statements, [one.hex if on_sqlite else one for one in ids]


def _parts(parts: list[Any]) -> Response:
    body = {
        "items": [row.email if hasattr(row, "email") else row[2] for row in parts[0]],
        "parts": list(map(len, parts)),
    }
    return Response(json.dumps(body), content_type="application/json")


def serve_beside() -> None:
    Beside(config.load()).run()


def main(arguments: list[str]) -> list[Goal]:
    kinds, sizes = chosen(arguments, ("sqlite", "postgresql"), [max(SIZES)])
    return [goal for kind in kinds for size in sizes for goal in run(kind, size)]


if __name__ == "__main__":
    print_goals(main(sys.argv[1:]))
