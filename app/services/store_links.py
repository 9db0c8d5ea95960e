"""The stores that an associate or an API client works for, by the column that names whose they are."""

import uuid
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.texts import N_
from app.errors import Invalid
from app.models import Store

Stores = frozenset[uuid.UUID]
Owner = InstrumentedAttribute[uuid.UUID]


def held(session: Session, owner: Owner, owner_id: uuid.UUID) -> Stores:
    """Return the stores that somebody has."""
    return frozenset(session.scalars(select(owner.class_.store_id).where(owner == owner_id)))


def require_open(session: Session, wanted: Stores, *, held: Stores = frozenset()) -> None:
    """Raise Invalid for a store that is not open; one that was closed meanwhile stays with who has it."""
    added = wanted - held
    found = session.scalars(select(Store.id).where(Store.id.in_(added), Store.is_active)).all()
    if len(found) != len(added):
        raise Invalid({"store_ids": [N_("Choose from the stores that are open.")]})


def replace(
    session: Session, owner: Owner, owner_id: uuid.UUID, wanted: Stores, *, held: Stores = frozenset()
) -> None:
    """Give somebody the wanted stores in place of those that they have."""
    table: Any = owner.class_
    session.execute(delete(table).where(owner == owner_id, table.store_id.in_(held - wanted)))
    session.add_all(table(**{owner.key: owner_id}, store_id=store_id) for store_id in sorted(wanted - held))
    session.flush()


def plain(store_ids: Stores) -> list[str]:
    """Return the stores as the audit log keeps them."""
    return sorted(map(str, store_ids))
