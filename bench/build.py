"""Build the benchmark databases once: python -m bench.build [sqlite|postgresql] [customers ...]."""

import fcntl
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uuid_utils.compat
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app import schema
from app.db import make_engine, sqlite_library
from app.domain import folding
from app.models import Base
from app.models import search as tables
from app.services import search_entries, search_index
from bench.people import People, display_id

DATA = Path(__file__).parent / "data"
PORT = 55440
SIZES = (100_000, 1_000_000)
STORES = 200
BATCH = 10_000
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

COLUMNS = {
    "store": "id name country_code currency time_zone is_active created_at updated_at revision",
    "associate": "id email email_key first_name last_name role locale theme is_active created_at updated_at revision",
    "attribute_definition": "id key label type choices group_name position is_in_list is_sensitive is_active"
    " created_at updated_at revision",
    "customer": "id display_id email email_key first_name last_name phone_number phone_e164 country_code"
    " created_by_id store_id order_count last_order_at created_at updated_at revision",
    "customer_store": "store_id customer_id since reason opt_in_state opted_in_at",
    "address": "id customer_id type is_default first_name last_name address_1 zip_code city country_code"
    " created_at updated_at",
    "consent_event": "id customer_id store_id channel purpose action method associate_id at recorded_at"
    " source wording language",
    "consent": "customer_id store_id purpose channel state since",
    "extended_attribute": "customer_id name value value_key",
    "customer_order": "id external_order_id order_key customer_id store_id placed_at state channel_type currency"
    " grand_total_minor item_count document recorded_at",
}
# What was declared by those whose opt-in stands so.
DECLARED = {"accepted": "given", "refused": "refused", "withdrawn": "withdrawn", "pending": "requested"}
# What the search keeps; PostgreSQL holds the tokens in its documents, SQLite in an index of its own.
SEARCH_TABLES = (
    "customer_search_place", "customer_search_entry", "customer_search_word", "customer_search_frequency",
)  # fmt: skip
FITS = ("slim", "regular", "relaxed", "tailored")
COLOURS = "black white navy grey green red blue beige brown pink yellow purple".split()


def url_of(kind: str, customers: int) -> str:
    if kind == "sqlite":
        return f"sqlite:///{DATA / f'bench-{customers}.db'}"
    return f"postgresql+psycopg://postgres@127.0.0.1:{PORT}/bench_{customers}"


def addresses(
    number: int, customer: uuid.UUID, first: str, last: str, created: object
) -> list[tuple[Any, ...]]:
    """Return an address for each customer, and for every third another one to send the bill to."""
    street, code = f"{1 + number % 180} rue de la Paix", f"{1_000 + number % 95_000:05d}"
    return [
        (uuid_utils.compat.uuid7(), customer, kind, True, first, last, street, code, "Paris", "FR", created, created)
        for kind in (("shipping", "billing") if number % 3 == 0 else ("shipping",))
    ]  # fmt: skip


def rows(customers: int, seed: int = 1) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Give (table, rows) in an order that keeps every foreign key."""
    r, people = random.Random(seed), People(seed)
    stores = [uuid_utils.compat.uuid7() for _ in range(STORES)]
    yield (
        "store",
        [(s, f"Store {n}", "FR", "EUR", "Europe/Paris", True, NOW, NOW, 1) for n, s in enumerate(stores)],
    )
    associates = [uuid_utils.compat.uuid7() for _ in range(STORES * 10)]
    yield (
        "associate",
        [
            (
                a,
                f"a{n}@shop.example",
                f"a{n}@shop.example",
                "Ada",
                f"N{n}",
                "associate",
                "en",
                "system",
                True,
                NOW,
                NOW,
                1,
            )
            for n, a in enumerate(associates)
        ],
    )
    yield (
        "attribute_definition",
        [
            (uuid_utils.compat.uuid7(), key, key, "text", "[]", "", n, True, False, True, NOW, NOW, 1)
            for n, key in enumerate(("shirt_fit", "shoe_size", "colour"))
        ],
    )
    # The first store is the largest: one customer of forty. One associate imported a tenth of all.
    weights = [STORES / 39] + [1.0] * (STORES - 1)
    for start in range(0, customers, BATCH):
        made, links, attributes, orders, events, consents, homes = [], [], [], [], [], [], []
        size = min(BATCH, customers - start)
        chosen = r.choices(range(STORES), weights, k=size)
        for at, person in enumerate(people.batch(start, size)):
            customer, home = uuid_utils.compat.uuid7(), chosen[at]
            created = NOW - timedelta(minutes=r.randrange(2_000_000))
            bought = sorted(min(created + timedelta(minutes=r.randrange(400_000)), NOW) for _ in range(3))
            creator = associates[0] if r.random() < 0.1 else associates[home * 10 + r.randrange(10)]
            made.append(
                (customer, display_id(start + at), person.email, person.email, person.first, person.last, person.phone,
                 person.e164, "FR", creator, stores[home], 3, bought[-1], created, created, 1)
            )  # fmt: skip
            homes += addresses(start + at, customer, person.first, person.last, created)
            for place in {home, r.randrange(STORES)} if r.random() < 0.1 else {home}:
                is_in = r.random() < 0.3
                state = (
                    "accepted"
                    if is_in
                    else r.choices(("not_asked", "refused", "withdrawn", "pending"), (8, 1, 1, 1))[0]
                )
                links.append(
                    (stores[place], customer, created, "created", state, bought[0] if is_in else None)
                )
                if state in DECLARED:
                    events.append(
                        (uuid_utils.compat.uuid7(), customer, stores[place], "email", "clienteling",
                         DECLARED[state], "spoken", creator, bought[0], bought[0], "", "", "")
                    )  # fmt: skip
                    consents.append((customer, stores[place], "clienteling", "email", state, bought[0]))
            for name, values, share in (
                ("shirt_fit", FITS, 0.6),
                ("shoe_size", range(34, 48), 0.5),
                ("colour", COLOURS, 0.4),
            ):
                if r.random() < share:
                    value = str(r.choice(values))
                    attributes.append((customer, name, value, folding.fold(value)))
            for n, placed in enumerate(bought):
                number = (start + at) * 3 + n + 10_000
                orders.append(
                    (uuid_utils.compat.uuid7(), f"W-{number}", folding.fold(f"W-{number}"), customer, stores[home], placed,
                     "shipped", "online", "EUR", r.randrange(1_000, 90_000), 2, '{"external_order_id": "W"}', placed)
                )  # fmt: skip
        yield "customer", made
        yield "customer_store", links
        yield "address", homes
        yield "consent_event", events
        yield "consent", consents
        yield "extended_attribute", attributes
        yield "customer_order", orders


def defaults(table: str) -> dict[str, object]:
    """Return by name what the columns hold that must hold something and are not made up here."""
    return {
        column.name: column.default.arg
        for column in Base.metadata.tables[table].columns
        if column.name not in COLUMNS[table].split()
        and not column.nullable
        and column.server_default is None
        and isinstance(column.default, ScalarElementColumnDefault)
    }


def fill_sqlite(path: Path, customers: int) -> None:
    sqlite_library.register_adapter(uuid.UUID, lambda value: value.hex)
    sqlite_library.register_adapter(datetime, lambda value: value.strftime("%Y-%m-%d %H:%M:%S.%f"))
    connection = sqlite_library.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    for table, values in rows(customers):
        rest = defaults(table)
        names = [*COLUMNS[table].split(), *rest]
        marks = ", ".join("?" * len(names))
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
            [(*row, *rest.values()) for row in values],
        )
    connection.commit()
    connection.close()


def fill_postgresql(engine: Engine, url: str) -> None:
    """Copy the rows of the SQLite database, its search tables too; only the tokens are computed again."""
    source = sqlite_library.connect(url.removeprefix("sqlite:///"))
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    for table in (*COLUMNS, *SEARCH_TABLES):
        found = source.execute(
            f"SELECT {', '.join((*COLUMNS[table].split(), *defaults(table))) if table in COLUMNS else '*'}"
            f" FROM {table}"
        )
        columns = ", ".join(column[0] for column in found.description)
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in found:
                copy.write_row(row)
    with cursor.copy(
        f"COPY customer_search ({', '.join(column.name for column in tables.documents.c)}, tokens) FROM STDIN"
    ) as copy:
        for row in _documents(url):
            copy.write_row(row)
    # Replicas run no triggers.
    cursor.execute("INSERT INTO customer_count (change) SELECT count(*) FROM customer")
    for table, column in (("customer_search", "doc"), ("customer_search_place", "place")):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT max({column}) FROM {table}))"
        )
    for _, definition in indexes:
        cursor.execute(definition)
    connection.commit()
    connection.close()
    source.close()


def _documents(url: str) -> Iterator[tuple[object, ...]]:
    """Give the rows of PostgreSQL's documents: those of SQLite, and their tokens beside them."""
    engine = make_engine(url, bulk=True)
    table = tables.documents.c
    with Session(engine) as session:
        place_of = {row.store_id: row.place for row in session.execute(select(tables.places))}
        last = 0
        while found := session.execute(
            select(tables.documents).where(table.doc > last).order_by(table.doc).limit(5_000)
        ).all():
            readings = search_entries.read(session, [row.customer_id for row in found])
            for row in found:
                yield *row, readings[row.customer_id].tokens(place_of)
            last = found[-1].doc
    engine.dispose()


def build(kind: str, customers: int) -> None:
    """Fill an empty database; PostgreSQL gets the very rows of SQLite."""
    source = ensure("sqlite", customers) if kind == "postgresql" else ""
    url = url_of(kind, customers)
    engine = make_engine(url, bulk=True)
    started = time.perf_counter()
    schema.upgrade(engine)
    if kind == "postgresql":
        fill_postgresql(engine, source)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    else:
        fill_sqlite(Path(url.removeprefix("sqlite:///")), customers)
        with Session(engine) as session:
            session.execute(text("PRAGMA cache_size = -500000"))
            search_index.rebuild(session)
            session.commit()
    engine.dispose()
    print(f"{kind}, {customers} customers: built in {time.perf_counter() - started:.0f} s", flush=True)


def start_postgresql() -> None:
    """Start the private cluster, making it if there is none."""
    cluster = DATA / "postgresql"
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]  # noqa: FURB192
    as_user = (
        ["runuser", "-u", "postgres", "--"]
        if shutil.which("runuser") and Path("/root").owner() == "root"
        else []
    )
    if not (cluster / "PG_VERSION").exists():
        cluster.mkdir(parents=True, exist_ok=True)
        shutil.chown(cluster, "postgres")
        subprocess.run(
            [*as_user, binaries / "initdb", "-D", cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
    running = subprocess.run(  # noqa: PLW1510
        [*as_user, binaries / "pg_ctl", "-D", cluster, "status"], stdout=subprocess.DEVNULL, cwd="/"
    )
    if running.returncode:
        options = f"-p {PORT} -k /tmp -h 127.0.0.1 -c shared_buffers=1GB -c max_wal_size=8GB"
        # A build that breaks off is made anew; what is measured is reading, mostly.
        options += " -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0"
        subprocess.run(
            [*as_user, binaries / "pg_ctl", "-D", cluster, "-o", options, "-l", cluster / "log", "-w", "start"],
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip


def stop_postgresql() -> None:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]  # noqa: FURB192
    subprocess.run(
        [
            "runuser",
            "-u",
            "postgres",
            "--",
            binaries / "pg_ctl",
            "-D",
            DATA / "postgresql",
            "-m",
            "fast",
            "stop",
        ],
        check=False,
        cwd="/",
    )


def ensure(kind: str, customers: int) -> str:
    """Build the database unless it is there, and return its URL; who asks meanwhile waits for it."""
    DATA.mkdir(exist_ok=True)
    url = url_of(kind, customers)
    done = DATA / f"{kind}-{customers}.done"
    if kind == "postgresql":
        start_postgresql()
    with (DATA / f"{kind}-{customers}.lock").open("w") as lock:
        # A build that is under way is no leftover.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _make(kind, customers)
            done.touch()
    return url


def _make(kind: str, customers: int) -> None:
    if kind == "sqlite":
        for leftover in DATA.glob(f"bench-{customers}.db*"):
            leftover.unlink()
    else:
        engine = make_engine(f"postgresql+psycopg://postgres@127.0.0.1:{PORT}/postgres", bulk=True)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS bench_{customers}"))
            connection.execute(text(f"CREATE DATABASE bench_{customers}"))
        engine.dispose()
    build(kind, customers)


if __name__ == "__main__":
    kinds = [a for a in sys.argv[1:] if not a.isdigit()] or ["sqlite", "postgresql"]
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or list(SIZES)
    for size in sizes:
        for kind in kinds:
            ensure(kind, size)
