"""What the search tables hold of a customer, computed from the customer's own tables."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.domain import search_tokens, searches
from app.domain.searches import NOT_ASKED, Searchable
from app.models import Customer, CustomerStore, ExtendedAttribute
from app.models import search as tables
from app.queries import scope
from app.queries import search_lookup as lookup

# Of several stores' states, the one that the company list shows: the most telling first.
_TELLING = ("accepted", "pending", "reconfirm", "withdrawn", "refused", NOT_ASKED)

# What a document holds of a customer; only PostgreSQL's has tokens.
HELD = ("created_by_id", "haystack", "tokens")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One customer as the search tables will hold it; `links` and `attributes` are its rows.

    `row` has what they hold now as well: `doc`, None where they do not know the customer,
    `held_haystack`, `held_created_by_id` and, on PostgreSQL, `held_tokens`. A link has the number of
    its store as `place`, if there is one.
    """

    row: Row[Any]
    links: Sequence[Row[Any]]
    attributes: Sequence[Row[Any]]
    person: Searchable
    haystack: str

    def tokens(self, place_of: dict[uuid.UUID, int]) -> list[int]:
        """Return all tokens, given the number of each store."""
        return sorted(search_tokens.of_haystack(self.haystack) | _markers(self, place_of))

    def entries(self, doc: int, place_of: dict[uuid.UUID, int]) -> list[dict[str, Any]]:
        """Return the rows of the entry table: the company's and one for each store."""
        return _entries(self, doc, place_of)


def read(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Reading]:
    """Return what there is to hold of these customers, in the order of their ids; none on hold."""
    connection = session.connection()
    links = _by_customer(connection.execute(_links(ids)))
    attributes = _by_customer(connection.execute(_attributes(ids)))
    found: dict[uuid.UUID, Reading] = {}
    for row in _customers(session, ids):
        person = _searchable(row)
        found[row.id] = Reading(
            row=row,
            links=links.get(row.id, ()),
            attributes=attributes.get(row.id, ()),
            person=person,
            haystack=searches.haystack(person),
        )
    return found


def _searchable(row: Row[Any]) -> Searchable:
    return Searchable(
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone_number=row.phone_number,
        phone_e164=row.phone_e164,
        display_id=row.display_id,
    )


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


def _entries(reading: Reading, doc: int, place_of: dict[uuid.UUID, int]) -> list[dict[str, Any]]:
    last_key, first_key = searches.keys(reading.person)
    shared = {
        "doc": doc,
        "last_key": last_key,
        "first_key": first_key,
        "last_order_ms": _milliseconds(reading.row.last_order_at),
        "created_ms": _milliseconds(reading.row.created_at),
    }
    states = {link.opt_in_state for link in reading.links}
    company = {
        "place": tables.COMPANY,
        "opt_in_state": next((state for state in _TELLING if state in states), NOT_ASKED),
        "opted_in_ms": max((_milliseconds(link.opted_in_at) for link in reading.links), default=0),
    }
    return [
        shared | company,
        *(
            shared
            | {
                "place": place_of[link.store_id],
                "opt_in_state": link.opt_in_state,
                "opted_in_ms": _milliseconds(link.opted_in_at),
            }
            for link in reading.links
        ),
    ]


def _milliseconds(at: datetime | None) -> int:
    return int(at.timestamp() * 1000) if at else 0


def _customers(session: Session, ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    # Of the tables, not the mapped classes: the ORM takes as long again, with each change of a customer.
    customer, source = Customer.__table__.c, lookup.source(session)
    held = [column.label(f"held_{column.name}") for column in source.c if column.name in HELD]
    return (
        session.connection()
        .execute(
            select(
                customer.id,
                customer.first_name,
                customer.last_name,
                customer.email,
                customer.phone_number,
                customer.phone_e164,
                customer.display_id,
                customer.created_by_id,
                customer.last_order_at,
                customer.created_at,
                source.c.doc,
                *held,
            )
            .outerjoin_from(Customer.__table__, source, source.c.customer_id == customer.id)
            .where(customer.id.in_(ids), customer.id.not_in(scope.on_hold()))
            .order_by(customer.id)
        )
        .all()
    )


def _links(ids: Sequence[uuid.UUID]) -> Any:
    link, place = CustomerStore.__table__, tables.places
    return (
        select(link.c.customer_id, link.c.store_id, link.c.opt_in_state, link.c.opted_in_at, place.c.place)
        .outerjoin_from(link, place, place.c.store_id == link.c.store_id)
        .where(link.c.customer_id.in_(ids))
        .order_by(link.c.customer_id, link.c.store_id)
    )


def _attributes(ids: Sequence[uuid.UUID]) -> Any:
    attribute = ExtendedAttribute.__table__.c
    return (
        select(attribute.customer_id, attribute.name, attribute.value_key)
        .where(attribute.customer_id.in_(ids))
        .order_by(attribute.customer_id)
    )


def _by_customer(rows: Iterable[Any]) -> dict[uuid.UUID, list[Any]]:
    return {key: list(group) for key, group in groupby(rows, key=lambda row: row.customer_id)}
