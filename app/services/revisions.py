"""The revision of a customer: counted on every change, compared on every save."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock, revisions
from app.domain.texts import N_
from app.errors import Invalid, Stale
from app.models import AuditEntry, Customer


def touch(customer: Customer) -> None:
    """Count a change of the customer or of one of its parts."""
    customer.revision += 1
    customer.updated_at = clock.utcnow()


def settle(
    session: Session,
    customer: Customer,
    *,
    subject: tuple[str, object],
    revision: int,
    current: Mapping[str, Any],
    mine: Mapping[str, Any],
    merge: bool = True,
) -> dict[str, Any]:
    """Return the fields of an edit that are to be written.

    `revision` is the customer's revision that the editor saw, `current` the saved values and
    `mine` the edit's. What others saved since then on other fields stays. What the editor started
    from is read back from the audit log, so that no form carries it.
    Raises Stale for fields that both changed, and for any other revision when `merge` is false.
    """
    if not merge and revision != customer.revision:
        raise Stale(customer.revision)
    if revision > customer.revision or revision < 0:
        raise Invalid({"revision": [N_("This revision does not exist. Load the customer again.")]})
    if revision == customer.revision:
        return {name: value for name, value in mine.items() if value != current.get(name)}
    entries = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.customer_id == customer.id,
            AuditEntry.revision > revision,
            AuditEntry.subject_type == subject[0],
            AuditEntry.subject_id == str(subject[1]),
        )
        .order_by(AuditEntry.revision.desc())
    ).all()
    saved: dict[str, tuple[str, datetime]] = {}
    for entry in entries:
        for name in entry.fields:
            saved.setdefault(name, (entry.actor_name, entry.at))
    base = revisions.rewind(current, [entry.changes or {} for entry in entries])
    merged = revisions.three_way(base=base, theirs=current, mine=mine, saved=saved)
    if merged.conflicts:
        raise Stale(customer.revision, merged.conflicts, merged.changes)
    return merged.changes
