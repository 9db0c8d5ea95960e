"""The people of the tests, always the same.

Ada and Ben work in Store North, Cleo in Store South; Mia manages North, Root administers, Otto audits.
"""

from dataclasses import dataclass

import argon2
from sqlalchemy.orm import Session

from app.models import Associate, Customer, Store
from app.services import search_index
from tests import factories

PASSWORD = "quiet river stone"
_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, kw_only=True)
class Cast:
    north: Store
    south: Store
    ada: Associate
    ben: Associate
    cleo: Associate
    mia: Associate
    root: Associate
    otto: Associate
    marie: Customer
    """A customer of Store North."""
    stranger: Customer
    """A customer of Store South."""


def make_cast(session: Session) -> Cast:
    north = factories.make_store(session, name="Store North")
    south = factories.make_store(session, name="Store South", country_code="US", currency="USD")

    def person(name: str, role: str, *stores: Store) -> Associate:
        return factories.make_associate(
            session,
            stores=stores,
            first_name=name,
            last_name="Cast",
            email=f"{name.lower()}@shop.example",
            role=role,
            password_hash=_HASH,
        )

    marie = factories.make_customer(
        session, stores=(north,), email="marie@mail.example", phone_number="06 12 34 56 78",
        phone_e164="+33612345678", country_code="FR",
    )  # fmt: skip
    stranger = factories.make_customer(
        session, stores=(south,), email="canary@south.example", first_name="Canary", last_name="Southerly",
        phone_number="202-555-0182", phone_e164="+12025550182", country_code="US",
    )  # fmt: skip
    search_index.refresh(session, [marie.id, stranger.id])
    session.commit()
    return Cast(
        north=north,
        south=south,
        ada=person("Ada", "associate", north),
        ben=person("Ben", "associate", north),
        cleo=person("Cleo", "associate", south),
        mia=person("Mia", "manager", north),
        root=person("Root", "admin"),
        otto=person("Otto", "auditor", north),
        marie=marie,
        stranger=stranger,
    )
