"""Keeps the search tables right: called by every act that changes what lists and searches need.

That is: a customer, its links to stores (customer_store), attributes, and orders (last purchase).
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import search_tokens, searches
from app.models import Customer
from app.models import search as tables
from app.queries import search_lookup as lookup
from app.services import search_entries, search_statistics, upserts
from app.services.rows import insert_rows, update_rows
from app.services.search_entries import Reading

BATCH = 500


def refresh(session: Session, customer_ids: Iterable[uuid.UUID]) -> None:
    """Rewrite the entries of these customers in the running transaction.

    Ids without a customer, or whose customer is on hold, are removed.
    """
    session.flush()
    wanted = sorted(set(customer_ids))
    starts = range(0, len(wanted), BATCH)
    if sum(_refresh(session, wanted[start : start + BATCH]) for start in starts):
        search_statistics.keep_up(session, changed=len(wanted))


def refresh_last_orders(session: Session, customer_ids: Iterable[uuid.UUID]) -> None:
    """Bring the last purchase of these customers up to date, of whom nothing else changed.

    In a fraction of the time of `refresh`, since no words, names and stores are looked at.
    """
    session.flush()
    wanted = sorted(set(customer_ids))
    connection, held = session.connection(), tables.documents.c
    for start in range(0, len(wanted), BATCH):
        found = connection.execute(
            select(held.doc, held.last_order_ms, Customer.last_order_at)
            .join_from(tables.documents, Customer, Customer.id == held.customer_id)
            .where(held.customer_id.in_(wanted[start : start + BATCH]))
            .order_by(held.doc)
        )
        changed = [
            {"doc": doc, "last_order_ms": at}
            for doc, before, last_order_at in found
            if (at := search_entries.milliseconds(last_order_at)) != before
        ]
        for table in (tables.documents, tables.entries):
            update_rows(session, table, "doc", changed)


def remove(session: Session, customer_ids: Iterable[uuid.UUID]) -> None:
    """Take these customers out of all lists and searches, in the running transaction."""
    session.flush()
    wanted = sorted(set(customer_ids))
    for start in range(0, len(wanted), BATCH):
        known = _known(session, wanted[start : start + BATCH])
        docs = [row.doc for row in known.values()]
        _drop(session, docs)
        if docs:
            session.execute(delete(tables.documents).where(tables.documents.c.doc.in_(docs)))
        _forget_words(session, {word for row in known.values() for word in _may_be_names(row.haystack)})


def rebuild(session: Session, progress: Callable[[int], None] | None = None) -> int:
    """Write all entries anew in the running transaction and return their number.

    `progress` is called with the number done so far. Afterwards equal names stand in the order of
    the customers' ids.
    """
    session.flush()
    # A store keeps its number: every process knows those that it has asked for.
    tables_of_index = (tables.documents, tables.entries, tables.words, tables.frequencies)
    for table in tables_of_index:
        session.execute(delete(table))
    if lookup.on_sqlite(session):
        index = tables.sqlite_index
        session.execute(insert(index).values(customer_search_index="delete-all"))
    done = 0
    last: uuid.UUID | None = None
    while True:
        query = select(Customer.id).order_by(Customer.id).limit(BATCH)
        ids = list(session.scalars(query if last is None else query.where(Customer.id > last)))
        if not ids:
            break
        _refresh(session, ids)
        last = ids[-1]
        done += len(ids)
        if progress:
            progress(done)
    search_statistics.count(session)
    return done


def _refresh(session: Session, ids: Sequence[uuid.UUID]) -> int:
    """Write what differs from what stands there, and return how many customers are new."""
    readings = search_entries.read(session, ids)
    gone = [customer_id for customer_id in ids if customer_id not in readings]
    if gone:
        remove(session, gone)
    if not readings:
        return 0
    place_of = _places_of(session, readings.values())
    tokens = {customer_id: reading.tokens(place_of) for customer_id, reading in readings.items()}
    known = {key: reading.row.doc for key, reading in readings.items() if reading.row.doc is not None}
    docs = known | _write_documents(session, readings, tokens)
    if lookup.on_sqlite(session):
        # The index keeps no tokens to compare with.
        session.connection().execute(
            insert(tables.sqlite_index).prefix_with("OR REPLACE"),
            [{"rowid": docs[key], "tokens": _written(values)} for key, values in tokens.items()],
        )
    wanted = [entry for key, reading in readings.items() for entry in reading.entries(docs[key], place_of)]
    held = [entry for reading in readings.values() for entry in reading.held_entries]
    _write_entries(session, wanted, held, set(known.values()))
    _write_words(session, readings.values())
    return len(docs) - len(known)


def _places_of(session: Session, readings: Iterable[Reading]) -> dict[uuid.UUID, int]:
    links = [link for reading in readings for link in reading.links]
    known = {link.store_id: link.place for link in links if link.place is not None}
    missing = {link.store_id for link in links} - known.keys()
    return known | places(session, missing) if missing else known


def _write_entries(
    session: Session, wanted: list[dict[str, Any]], held: Sequence[Any], known: set[int]
) -> None:
    """Write the entries that differ from those held; `known` are the customers that may have some."""
    connection, table = session.connection(), tables.entries
    old = {(row.doc, row.place): row for row in held}
    kept = {(entry["doc"], entry["place"]) for entry in wanted}
    gone = [key for key in old if key not in kept]
    if gone:
        connection.execute(delete(table).where(tuple_(table.c.doc, table.c.place).in_(gone)))
    new = [entry for entry in wanted if entry["doc"] not in known]
    insert_rows(session, table, new)
    changed = [
        entry
        for entry in wanted
        if entry["doc"] in known and not _is_held(entry, old.get((entry["doc"], entry["place"])))
    ]
    if changed:
        connection.execute(_upsert_entry(on_sqlite=lookup.on_sqlite(session)), changed)


def _is_held(entry: dict[str, Any], row: Any) -> bool:
    return row is not None and all(getattr(row, name) == value for name, value in entry.items())


@cache
def _upsert_entry(*, on_sqlite: bool) -> Any:
    table = tables.entries
    statement = upserts.insert_on(table, on_sqlite=on_sqlite)
    values = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    statement = statement.on_conflict_do_update(index_elements=["doc", "place"], set_=values)
    return statement.execution_options(**PLANNED_ONCE)


def _write_words(session: Session, readings: Iterable[Reading]) -> None:
    """Learn the names that came, and forget the words that nobody has any more."""
    came: set[str] = set()
    went: set[str] = set()
    for reading in readings:
        old = reading.row.held_haystack or ""
        # A word of an e-mail address may become a name.
        came |= set(searches.name_words(reading.person)) - set(old.partition(searches.AFTER_NAMES)[0].split())
        went |= _may_be_names(old) - set(reading.haystack.split())
    _learn_words(session, came)
    _forget_words(session, went - came)


def _may_be_names(haystack: str) -> set[str]:
    """Return the words of a haystack that are among the words of names, or once were: no phone number."""
    return set(haystack.partition(searches.BEFORE_PHONES)[0].split())


def _known(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    table = tables.documents.c
    found = session.execute(
        select(table.customer_id, table.doc, table.haystack).where(table.customer_id.in_(ids))
    )
    return {row.customer_id: row for row in found}


def _write_documents(
    session: Session, readings: dict[uuid.UUID, Reading], tokens: dict[uuid.UUID, list[int]]
) -> dict[uuid.UUID, int]:
    """Write the documents that are new or differ, and return the numbers of the new ones."""
    # SQLite keeps the tokens in its index, PostgreSQL beside the haystack.
    connection = session.connection()
    table = tables.documents if lookup.on_sqlite(session) else tables.postgresql_documents
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for customer_id, reading in readings.items():
        row = {"created_by_id": reading.row.created_by_id, "haystack": reading.haystack, **reading.keys()}
        if not lookup.on_sqlite(session):
            row["tokens"] = tokens[customer_id]
        if reading.row.doc is None:
            new.append({"customer_id": customer_id, **row})
        elif any(getattr(reading.row, f"held_{name}") != value for name, value in row.items()):
            changed.append({"b_doc": reading.row.doc, **{f"b_{name}": row[name] for name in row}})
    if changed:
        connection.execute(_update_document(on_sqlite=lookup.on_sqlite(session)), changed)
    if not new:
        return {}
    insert_rows(session, table, new)
    found = connection.execute(
        select(table.c.customer_id, table.c.doc).where(
            table.c.customer_id.in_([row["customer_id"] for row in new])
        )
    )
    return {row.customer_id: row.doc for row in found}


@cache
def _update_document(*, on_sqlite: bool) -> Any:
    table = tables.documents if on_sqlite else tables.postgresql_documents
    values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in search_entries.HELD if name in table.c}
    statement = update(table).where(table.c.doc == bindparam("b_doc")).values(values)
    return statement.execution_options(**PLANNED_ONCE)


def _drop(session: Session, docs: Sequence[int]) -> None:
    if not docs:
        return
    session.execute(delete(tables.entries).where(tables.entries.c.doc.in_(docs)))
    if lookup.on_sqlite(session):
        session.execute(delete(tables.sqlite_index).where(tables.sqlite_index.c.rowid.in_(docs)))


def places(session: Session, store_ids: set[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the number of each store, giving one to those that have none yet."""
    table = tables.places
    query = select(table.c.store_id, table.c.place).where(table.c.store_id.in_(store_ids))
    known = {row.store_id: row.place for row in session.execute(query)}
    missing = sorted(store_ids - known.keys())
    if missing:
        # Another transaction may number the same store at the same time.
        statement = upserts.insert(session, table).on_conflict_do_nothing(index_elements=["store_id"])
        session.execute(statement, [{"store_id": store_id} for store_id in missing])
        known = {row.store_id: row.place for row in session.execute(query)}
    return known


def _learn_words(session: Session, found: set[str]) -> None:
    names = {word for word in found if 3 < len(word) <= searches.LONGEST_WITH_TYPO and not word.isdecimal()}
    if not names:
        return
    connection, table = session.connection(), tables.words
    known = set(
        connection.scalars(
            select(table.c.word).where(table.c.variant == table.c.word, table.c.variant.in_(names))
        )
    )
    new = [
        {"variant": variant, "word": word}
        for word in sorted(names - known)
        for variant in searches.variants(word)
    ]
    if new:
        connection.execute(upserts.insert(session, table).on_conflict_do_nothing(), new)


def _forget_words(session: Session, dropped: set[str]) -> None:
    # A rare name must not outlive its last bearer.
    if not dropped:
        return
    connection, table = session.connection(), tables.words
    listed = connection.scalars(
        select(table.c.word).where(table.c.variant == table.c.word, table.c.variant.in_(dropped))
    ).all()
    for word in sorted(listed):
        if not lookup.has_word(session, word):
            connection.execute(
                delete(table).where(table.c.variant.in_(searches.variants(word)), table.c.word == word)
            )


def _written(tokens: Iterable[int]) -> str:
    return " ".join(map(search_tokens.written, tokens))
