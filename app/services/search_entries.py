"""What the search tables hold of a customer, computed from the customer's own tables."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from app.domain import consents, search_tokens, searches
from app.domain.searches import Searchable
from app.models import Customer, CustomerStore, ExtendedAttribute
from app.models import search as tables
from app.queries import scope, together
from app.queries import search_lookup as lookup

# What is read of a customer itself.
_COLUMNS = (
    "id", "first_name", "last_name", "email", "phone_number", "phone_e164", "display_id", "created_by_id",
    "last_order_at", "created_at",
)  # fmt: skip

# What a document holds of a customer; only PostgreSQL's has tokens.
KEYS = ("last_key", "first_key", "last_order_ms", "opted_in_ms", "created_ms")
HELD = ("created_by_id", "haystack", *KEYS, "tokens")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One customer as the search tables will hold it; `links` and `attributes` are its rows.

    `row` has what they hold now as well: `doc`, None where they do not know the customer, and each of
    HELD with `held_` before its name, tokens on PostgreSQL only; `held_entries` are the rows of the entry
    table. A link has the number of its store as `place`, if there is one.
    """

    row: Any
    links: Sequence[Any]
    attributes: Sequence[Any]
    held_entries: Sequence[Any]
    person: Searchable
    haystack: str

    def keys(self) -> dict[str, Any]:
        """Return the keys by which the company's hits are sorted."""
        return _keys(self)

    def tokens(self, place_of: dict[uuid.UUID, int]) -> list[int]:
        """Return all tokens, given the number of each store."""
        return sorted(search_tokens.of_haystack(self.haystack) | _markers(self, place_of))

    def entries(self, doc: int, place_of: dict[uuid.UUID, int]) -> list[dict[str, Any]]:
        """Return the rows of the entry table: the company's and one for each store."""
        return _entries(self, doc, place_of)


def read(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Reading]:
    """Return what there is to hold of these customers, in the order of their ids; none on hold."""
    reads = _reads(on_sqlite=lookup.on_sqlite(session))
    # In one statement: every change of a customer asks, and each way to a server costs.
    customers, *parts = together.read(
        session, [together.Read(statement, {"ids": ids}) for statement in reads]
    )
    links, attributes, entries = map(_by_customer, parts)
    found: dict[uuid.UUID, Reading] = {}
    for row in customers:
        person = Searchable.of(row)
        found[row.id] = Reading(
            row=row,
            links=links.get(row.id, ()),
            attributes=attributes.get(row.id, ()),
            held_entries=entries.get(row.id, ()),
            person=person,
            haystack=searches.haystack(person),
        )
    return found


def _markers(reading: Reading, place_of: dict[uuid.UUID, int]) -> set[int]:
    found: set[int] = set()
    for link in reading.links:
        place = place_of[link.store_id]
        found |= {
            search_tokens.of_store(place),
            search_tokens.of_opt_in(place, link.opt_in_state),
            search_tokens.of_opt_in(tables.COMPANY, link.opt_in_state),
        }
    for attribute in reading.attributes:
        found |= search_tokens.of_attribute(attribute.name, attribute.value_key)
    if reading.row.created_by_id:
        found.add(search_tokens.of_creator(reading.row.created_by_id))
    return found


def _keys(reading: Reading) -> dict[str, Any]:
    last_key, first_key = searches.keys(reading.person)
    return {
        "last_key": last_key,
        "first_key": first_key,
        "last_order_ms": milliseconds(reading.row.last_order_at),
        "opted_in_ms": max((milliseconds(link.opted_in_at) for link in reading.links), default=0),
        "created_ms": milliseconds(reading.row.created_at),
    }


def _entries(reading: Reading, doc: int, place_of: dict[uuid.UUID, int]) -> list[dict[str, Any]]:
    shared = {"doc": doc, **reading.keys()}
    most_telling = consents.summary(link.opt_in_state for link in reading.links).value
    return [
        shared | {"place": tables.COMPANY, "opt_in_state": most_telling},
        *(
            shared
            | {
                "place": place_of[link.store_id],
                "opt_in_state": link.opt_in_state,
                "opted_in_ms": milliseconds(link.opted_in_at),
            }
            for link in reading.links
        ),
    ]


def milliseconds(at: datetime | None) -> int:
    """Return the milliseconds since 1970 as the search tables hold a time, 0 for never."""
    return int(at.timestamp() * 1000) if at else 0


@cache
def _reads(*, on_sqlite: bool) -> tuple[Select[Any], ...]:
    """Return the statements for customers, links, attributes and entries of the customers `ids`."""
    ids: Any = bindparam("ids", expanding=True)
    # Of the tables, not the mapped classes: the ORM takes as long again, with each change of a customer.
    customer, source = Customer.__table__.c, lookup.source_of(on_sqlite=on_sqlite)
    link, place = CustomerStore.__table__, tables.places
    attribute, entry = ExtendedAttribute.__table__.c, tables.entries
    held = [column.label(f"held_{column.name}") for column in source.c if column.name in HELD]
    return (
        select(*(customer[name] for name in _COLUMNS), source.c.doc, *held)
        .outerjoin_from(Customer.__table__, source, source.c.customer_id == customer.id)
        .where(customer.id.in_(ids), customer.id.not_in(scope.on_hold()))
        .order_by(customer.id),
        select(link.c.customer_id, link.c.store_id, link.c.opt_in_state, link.c.opted_in_at, place.c.place)
        .outerjoin_from(link, place, place.c.store_id == link.c.store_id)
        .where(link.c.customer_id.in_(ids))
        .order_by(link.c.customer_id, link.c.store_id),
        select(attribute.customer_id, attribute.name, attribute.value_key)
        .where(attribute.customer_id.in_(ids))
        .order_by(attribute.customer_id),
        select(source.c.customer_id, *entry.c)
        .join_from(source, entry, entry.c.doc == source.c.doc)
        .where(source.c.customer_id.in_(ids))
        .order_by(source.c.customer_id),
    )


def _by_customer(rows: Iterable[Any]) -> dict[uuid.UUID, list[Any]]:
    return {key: list(group) for key, group in groupby(rows, key=lambda row: row.customer_id)}
