"""Keeps the search tables right: called by every act that changes what lists and searches need.

That is: a customer, its links to stores (customer_store), attributes, and orders (last purchase).
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.domain import searches
from app.models import Customer
from app.models import search as tables
from app.queries import search_lookup
from app.services import search_entries, search_statistics

BATCH = 500


def refresh(session: Session, customer_ids: Iterable[uuid.UUID]) -> None:
    """Rewrite the entries of these customers in the running transaction.

    Ids without a customer, or whose customer is on hold, are removed.
    """
    session.flush()
    wanted = sorted(set(customer_ids))
    for start in range(0, len(wanted), BATCH):
        _refresh(session, wanted[start : start + BATCH])
    search_statistics.keep_up(session, changed=len(wanted))


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
        _forget_words(session, {word for row in known.values() for word in row.haystack.split()})


def rebuild(session: Session, progress: Callable[[int], None] | None = None) -> int:
    """Write all entries anew in the running transaction and return their number.

    `progress` is called with the number done so far. Afterwards equal names stand in the order of
    the customers' ids.
    """
    session.flush()
    tables_of_index = (tables.documents, tables.entries, tables.words, tables.frequencies, tables.places)
    for table in tables_of_index:
        session.execute(delete(table))
    if _on_sqlite(session):
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


def _refresh(session: Session, ids: Sequence[uuid.UUID]) -> None:
    readings = search_entries.read(session, ids)
    known = _known(session, ids)
    gone = [customer_id for customer_id in known if customer_id not in readings]
    if gone:
        remove(session, gone)
        known = {customer_id: row for customer_id, row in known.items() if customer_id in readings}
    if not readings:
        return
    place_of = places(session, {link.store_id for reading in readings.values() for link in reading.links})
    tokens = {customer_id: reading.tokens(place_of) for customer_id, reading in readings.items()}
    docs = _write_documents(session, readings, tokens, known)
    _drop(session, [row.doc for row in known.values()])
    if _on_sqlite(session):
        session.execute(
            insert(tables.sqlite_index),
            [{"rowid": docs[key], "tokens": _written(values)} for key, values in tokens.items()],
        )
    session.execute(
        insert(tables.entries),
        [entry for key, reading in readings.items() for entry in reading.entries(docs[key], place_of)],
    )
    _learn_words(
        session, {word for reading in readings.values() for word in searches.name_words(reading.person)}
    )
    old = {word for row in known.values() for word in row.haystack.split()}
    _forget_words(session, old - {word for r in readings.values() for word in r.haystack.split()})


def _known(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    table = tables.documents.c
    found = session.execute(
        select(table.customer_id, table.doc, table.haystack).where(table.customer_id.in_(ids))
    )
    return {row.customer_id: row for row in found}


def _write_documents(
    session: Session,
    readings: dict[uuid.UUID, search_entries.Reading],
    tokens: dict[uuid.UUID, list[int]],
    known: dict[uuid.UUID, Any],
) -> dict[uuid.UUID, int]:
    # SQLite keeps the tokens in its index, PostgreSQL beside the haystack.
    table = tables.documents if _on_sqlite(session) else tables.postgresql_documents
    rows = [
        {
            "customer_id": customer_id,
            "created_by_id": reading.row.created_by_id,
            "haystack": reading.haystack,
        }
        | ({} if _on_sqlite(session) else {"tokens": tokens[customer_id]})
        for customer_id, reading in readings.items()
    ]
    new = [row for row in rows if row["customer_id"] not in known]
    if new:
        session.execute(insert(table), new)
    changed = [
        {"b_doc": known[row["customer_id"]].doc, **{f"b_{name}": value for name, value in row.items()}}
        for row in rows
        if row["customer_id"] in known
    ]
    if changed:
        values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in rows[0]}
        statement = update(table).where(table.c.doc == bindparam("b_doc")).values(values)
        session.connection().execute(statement, changed)
    docs = {customer_id: row.doc for customer_id, row in known.items()}
    if new:
        found = session.execute(
            select(table.c.customer_id, table.c.doc).where(
                table.c.customer_id.in_([row["customer_id"] for row in new])
            )
        )
        docs.update((row.customer_id, row.doc) for row in found)
    return docs


def _drop(session: Session, docs: Sequence[int]) -> None:
    if not docs:
        return
    session.execute(delete(tables.entries).where(tables.entries.c.doc.in_(docs)))
    if _on_sqlite(session):
        session.execute(delete(tables.sqlite_index).where(tables.sqlite_index.c.rowid.in_(docs)))


def places(session: Session, store_ids: set[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the number of each store, giving one to those that have none yet."""
    table = tables.places
    query = select(table.c.store_id, table.c.place).where(table.c.store_id.in_(store_ids))
    known = {row.store_id: row.place for row in session.execute(query)}
    missing = sorted(store_ids - known.keys())
    if missing:
        # Another transaction may number the same store at the same time.
        statement = _upsert(session)(table).on_conflict_do_nothing(index_elements=["store_id"])
        session.execute(statement, [{"store_id": store_id} for store_id in missing])
        known = {row.store_id: row.place for row in session.execute(query)}
    return known


def _learn_words(session: Session, found: set[str]) -> None:
    names = {word for word in found if 3 < len(word) <= searches.LONGEST_WITH_TYPO}
    table = tables.words
    known = set(
        session.scalars(
            select(table.c.word).where(table.c.variant == table.c.word, table.c.variant.in_(names))
        )
    )
    new = [
        {"variant": variant, "word": word}
        for word in sorted(names - known)
        for variant in searches.variants(word)
    ]
    if new:
        session.execute(_upsert(session)(table).on_conflict_do_nothing(), new)


def _forget_words(session: Session, dropped: set[str]) -> None:
    # A rare name must not outlive its last bearer.
    table = tables.words
    listed = session.scalars(
        select(table.c.word).where(table.c.variant == table.c.word, table.c.variant.in_(dropped))
    )
    for word in sorted(listed):
        if not search_lookup.has_word(session, word):
            session.execute(
                delete(table).where(table.c.variant.in_(searches.variants(word)), table.c.word == word)
            )


def _upsert(session: Session) -> Any:
    return sqlite_insert if _on_sqlite(session) else postgresql_insert


def _on_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _written(tokens: Iterable[int]) -> str:
    return " ".join(f"{token & 0xFFFFFFFF:x}" for token in tokens)
