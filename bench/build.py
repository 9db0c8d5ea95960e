"""Build the benchmark databases once: python -m bench.build [sqlite|postgresql] [customers ...]."""

import random
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import schema
from app.db import make_engine, sqlite_library
from app.domain import folding
from app.services import search_index
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
    "consent_event": "id customer_id store_id channel purpose action method associate_id at recorded_at"
    " source wording language",
    "consent": "customer_id store_id purpose channel state since",
    "extended_attribute": "customer_id name value value_key",
    "customer_order": "id external_order_id order_key customer_id store_id placed_at state channel_type currency"
    " grand_total_minor item_count document recorded_at",
}
# What was declared by those whose opt-in stands so.
DECLARED = {"accepted": "given", "refused": "refused", "withdrawn": "withdrawn", "pending": "requested"}
FITS = ("slim", "regular", "relaxed", "tailored")
COLOURS = "black white navy grey green red blue beige brown pink yellow purple".split()


def url_of(kind: str, customers: int) -> str:
    if kind == "sqlite":
        return f"sqlite:///{DATA / f'bench-{customers}.db'}"
    return f"postgresql+psycopg://postgres@127.0.0.1:{PORT}/bench_{customers}"


def rows(customers: int, seed: int = 1) -> Iterator[tuple[str, list[tuple]]]:
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
        made, links, attributes, orders, events, consents = [], [], [], [], [], []
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
        yield "consent_event", events
        yield "consent", consents
        yield "extended_attribute", attributes
        yield "customer_order", orders


def fill_sqlite(path: Path, customers: int) -> None:
    sqlite_library.register_adapter(uuid.UUID, lambda value: value.hex)
    sqlite_library.register_adapter(datetime, lambda value: value.strftime("%Y-%m-%d %H:%M:%S.%f"))
    connection = sqlite_library.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    for table, values in rows(customers):
        names = COLUMNS[table].split()
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)
    connection.commit()
    connection.close()


def fill_postgresql(engine, customers: int) -> None:
    with engine.connect() as connection:
        cursor = connection.connection.driver_connection.cursor()
        for table, values in rows(customers):
            with cursor.copy(f"COPY {table} ({', '.join(COLUMNS[table].split())}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        connection.connection.driver_connection.commit()


def build(kind: str, customers: int) -> None:
    url = url_of(kind, customers)
    engine = make_engine(url, bulk=True)
    started = time.perf_counter()
    schema.upgrade(engine)
    if kind == "sqlite":
        fill_sqlite(Path(url.removeprefix("sqlite:///")), customers)
    else:
        fill_postgresql(engine, customers)
    print(f"{kind} {customers}: rows in {time.perf_counter() - started:.0f} s", flush=True)
    started = time.perf_counter()
    with Session(engine) as session:
        if kind == "sqlite":
            session.execute(text("PRAGMA cache_size = -500000"))
        else:
            session.execute(text("DROP INDEX customer_search_tokens"))
        search_index.rebuild(session)
        if kind == "postgresql":
            session.execute(text("SET maintenance_work_mem = '1GB'"))
            session.execute(
                text(
                    "CREATE INDEX customer_search_tokens ON customer_search USING gin (tokens) WITH (fastupdate = off)"
                )
            )
        session.commit()
    print(f"{kind} {customers}: search index in {time.perf_counter() - started:.0f} s", flush=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if kind == "postgresql":
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


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
    """Build the database unless it is there, and return its URL."""
    DATA.mkdir(exist_ok=True)
    url = url_of(kind, customers)
    done = DATA / f"{kind}-{customers}.done"
    if kind == "postgresql":
        start_postgresql()
    if done.exists():
        return url
    if kind == "sqlite":
        for leftover in DATA.glob(f"bench-{customers}.db*"):
            leftover.unlink()
    else:
        engine = make_engine(f"postgresql+psycopg://postgres@127.0.0.1:{PORT}/postgres")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS bench_{customers}"))
            connection.execute(text(f"CREATE DATABASE bench_{customers}"))
        engine.dispose()
    build(kind, customers)
    done.touch()
    return url


if __name__ == "__main__":
    kinds = [a for a in sys.argv[1:] if not a.isdigit()] or ["sqlite", "postgresql"]
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or list(SIZES)
    for size in sizes:
        for kind in kinds:
            ensure(kind, size)
