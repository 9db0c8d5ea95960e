"""Who has the e-mail address or phone number of somebody who was erased."""

import uuid
from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app import db
from app.models import Customer, Erasure


def among(session: Session, customers: Iterable[Customer]) -> set[uuid.UUID]:
    """Return the ids of these customers whose address or number stands in the ledger of erasures.

    Raises RuntimeError when there is a ledger and no key to read it with: then nobody can say.
    """
    if session.scalar(select(Erasure.id).limit(1)) is None:
        return set()
    key = db.ledger_key(session)
    owners: dict[str, set[uuid.UUID]] = {}
    for customer in customers:
        for found in (key.of_email(customer.email_key), key.of_phone(customer.phone_e164)):
            if found:
                owners.setdefault(found, set()).add(customer.id)
    hit = session.execute(
        select(Erasure.email_hash, Erasure.phone_hash).where(
            or_(Erasure.email_hash.in_(owners), Erasure.phone_hash.in_(owners))
        )
    )
    return {owner for row in hit for found in row if found for owner in owners.get(found, ())}
