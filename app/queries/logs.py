"""The audit log and the access log, read newest first by the entry that a page begins after."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.logs import ALERT_SPAN, PAGE, Cursor, LogQuery
from app.domain.permissions import EVERY_LOG, Role
from app.domain.texts import N_, Text
from app.errors import Invalid
from app.models import AccessEntry, Associate, AssociateStore, AuditEntry, Customer, Store
from app.queries import scope
from app.queries.audit import FieldChange, Words, who

Log = type[AuditEntry] | type[AccessEntry]

# How many entries are read at once where all are read, and how many a file or report takes at most.
CHUNK = 2_000
MAX_EXPORT = 50_000
MAX_READ = 250_000

ACCESS_LABELS = {
    AccessAction.EXPORTED: N_("Exported"),
    AccessAction.LISTED: N_("In a list"),
    AccessAction.MASKED: N_("Masked card"),
    AccessAction.REVEALED: N_("Revealed"),
    AccessAction.VIEWED: N_("Opened"),
}


@dataclass(frozen=True, kw_only=True)
class CustomerRef:
    """A customer named in a log: `display_id` only where the reader may see the customer."""

    id: uuid.UUID
    display_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One act as the log shows it; `cleared` names fields whose values are hidden or erased."""

    id: uuid.UUID
    at: datetime
    who: str
    actor_id: uuid.UUID | None
    role: str
    channel: str
    action: str
    label: str
    subject: str
    customer: CustomerRef | None
    store_name: str
    device: str
    fields: Sequence[FieldChange]
    cleared: Sequence[str]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class AccessRow:
    """One look at customers as the log shows it."""

    id: uuid.UUID
    at: datetime
    who: str
    actor_id: uuid.UUID | None
    channel: str
    action: str
    label: str
    detail: str
    customers: Sequence[CustomerRef]
    store_name: str
    device: str
    search_hash: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """Some entries, newest first, and where the older ones begin."""

    items: Sequence[Any]
    older: Cursor | None


@dataclass(kw_only=True)
class Seen:
    """How often, first and last: of one customer or by one person."""

    counts: dict[str, int] = field(default_factory=dict)
    first: datetime
    last: datetime

    def add(self, action: str, count: int, first: datetime, last: datetime) -> None:
        """Count more of the same."""
        self.counts[action] = self.counts.get(action, 0) + count
        self.first, self.last = min(self.first, first), max(self.last, last)


@dataclass(frozen=True, kw_only=True)
class SeenCustomer:
    """A customer whom somebody saw."""

    customer: CustomerRef
    seen: Seen


@dataclass(frozen=True, kw_only=True)
class SeenBy:
    """Somebody who saw the customer."""

    actor_id: uuid.UUID | None
    who: str
    seen: Seen


@dataclass(frozen=True, kw_only=True)
class BusyHour:
    """An hour in which somebody opened unusually many profiles."""

    actor_id: uuid.UUID | None
    who: str
    hour: datetime
    profiles: int


def audit_page(
    session: Session, actor: Actor, query: LogQuery, after: Cursor | None = None, count: int = PAGE
) -> LogPage:
    """Return acts, newest first. Raises Forbidden."""
    entries, older = _entries(session, actor, AuditEntry, query, after, count)
    words = Words.load(session)
    refs = _refs(session, actor, {entry.customer_id for entry in entries if entry.customer_id})
    stores = _store_names(session, {entry.store_id for entry in entries if entry.store_id})
    return LogPage(items=[_audit_row(entry, words, refs, stores) for entry in entries], older=older)


def access_page(
    session: Session, actor: Actor, query: LogQuery, after: Cursor | None = None, count: int = PAGE
) -> LogPage:
    """Return looks at customers, newest first. Raises Forbidden."""
    entries, older = _entries(session, actor, AccessEntry, query, after, count)
    refs = _refs(session, actor, {seen for entry in entries for seen in _seen(entry)})
    stores = _store_names(session, {entry.store_id for entry in entries if entry.store_id})
    rows = [
        AccessRow(
            id=entry.id,
            at=entry.at,
            who=who(entry.actor_id, entry.actor_name),
            actor_id=entry.actor_id,
            channel=entry.channel,
            action=entry.action,
            label=access_label(entry.action),
            detail=entry.detail,
            customers=[refs[seen] for seen in _seen(entry)],
            store_name=stores.get(entry.store_id, ""),
            device=entry.device,
            search_hash=entry.search_hash,
            request_id=entry.request_id,
        )
        for entry in entries
    ]
    return LogPage(items=rows, older=older)


def every_audit_row(session: Session, actor: Actor, query: LogQuery) -> Iterator[AuditRow]:
    """Return all acts that the query finds, for a file. Raises Invalid for too many."""
    return _every(lambda after: audit_page(session, actor, query, after, CHUNK))


def every_access_row(session: Session, actor: Actor, query: LogQuery) -> Iterator[AccessRow]:
    """Return all looks that the query finds, for a file. Raises Invalid for too many."""
    return _every(lambda after: access_page(session, actor, query, after, CHUNK))


def customers_seen(session: Session, actor: Actor, query: LogQuery) -> list[SeenCustomer]:
    """Return whom the actor, session or store of the query saw or exported, last seen first.

    Raises Forbidden, and Invalid when there is more than can be read at once.
    """
    found: dict[uuid.UUID, Seen] = {}

    def add(customer_id: uuid.UUID, action: str, count: int, first: datetime, last: datetime) -> None:
        seen = found.setdefault(customer_id, Seen(first=first, last=last))
        seen.add(action, count, first, last)

    log = AccessEntry
    criteria = _criteria(session, actor, log, query)
    grouped = (
        select(log.customer_id, log.action, func.count(), func.min(log.at), func.max(log.at))
        .where(*criteria, log.customer_id.is_not(None))
        .group_by(log.customer_id, log.action)
    )
    for customer_id, action, count, first, last in session.execute(grouped):
        if customer_id is not None:
            add(customer_id, action, count, first, last)
    for customer_ids, action, at in _lists(session, criteria):
        for customer_id in customer_ids:
            add(customer_id, action, 1, at, at)
    refs = _refs(session, actor, set(found))
    rows = [SeenCustomer(customer=refs[customer_id], seen=seen) for customer_id, seen in found.items()]
    return sorted(rows, key=lambda row: (row.seen.last, row.customer.id), reverse=True)


def seen_by(session: Session, actor: Actor, query: LogQuery) -> list[SeenBy]:
    """Return who saw or exported the query's customer, the last first. Raises Forbidden."""
    log = AccessEntry
    grouped = (
        select(log.actor_id, log.actor_name, log.action, func.count(), func.min(log.at), func.max(log.at))
        .where(*_criteria(session, actor, log, query))
        .group_by(log.actor_id, log.actor_name, log.action)
    )
    found: dict[tuple[uuid.UUID | None, str], Seen] = {}
    for actor_id, name, action, count, first, last in session.execute(grouped):
        seen = found.setdefault((actor_id, name), Seen(first=first, last=last))
        seen.add(action, count, first, last)
    rows = [
        SeenBy(actor_id=actor_id, who=who(actor_id, name), seen=seen)
        for (actor_id, name), seen in found.items()
    ]
    return sorted(rows, key=lambda row: (row.seen.last, row.who), reverse=True)


def busy_hours(session: Session, actor: Actor, *, more_than: int) -> list[BusyHour]:
    """Return the hours of the last days in which somebody opened more profiles than that, newest first."""
    log = AccessEntry
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    hour: ColumnElement[Any] = (
        func.to_char(log.at, "YYYY-MM-DD HH24") if on_postgresql else func.substr(log.at, 1, 13)
    )
    profiles = func.count(log.customer_id.distinct())
    query = (
        select(log.actor_id, log.actor_name, hour, profiles, func.min(log.at))
        .where(
            scope.visible_entries(actor, log),
            log.at >= clock.utcnow() - ALERT_SPAN,
            log.action.in_([AccessAction.VIEWED.value, AccessAction.REVEALED.value]),
        )
        .group_by(log.actor_id, log.actor_name, hour)
        .having(profiles > more_than)
        .order_by(hour.desc(), log.actor_name)
        .limit(20)
    )
    return [
        BusyHour(
            actor_id=actor_id,
            who=who(actor_id, name),
            profiles=count,
            hour=first.replace(minute=0, second=0, microsecond=0),
        )
        for actor_id, name, _hour, count, first in session.execute(query)
    ]


def find_customer(session: Session, actor: Actor, typed: str) -> uuid.UUID:
    """Return the customer of a display id that the actor may see, or any id as it stands in a log.

    Raises Invalid: a customer of another store is not told from one that never was.
    """
    try:
        return uuid.UUID(typed)
    except ValueError:
        pass
    found = session.scalars(
        select(Customer.id).where(Customer.display_id == typed.upper(), scope.visible(actor))
    ).one_or_none()
    if found is None:
        raise Invalid({"customer": [N_("No customer of your stores has this ID.")]})
    return found


def people(session: Session, actor: Actor) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of the associates whose acts the actor may read, for the filter."""
    if actor.role not in EVERY_LOG and actor.role is not Role.MANAGER:
        return []
    query = select(Associate).order_by(Associate.first_name, Associate.last_name)
    if actor.role is Role.MANAGER:
        mine = select(AssociateStore.associate_id).where(AssociateStore.store_id.in_(actor.store_ids))
        query = query.where(Associate.id.in_(mine))
    return [(one.id, one.name) for one in session.scalars(query)]


def stores(session: Session, actor: Actor) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of the stores whose acts the actor may read, for the filter."""
    query = select(Store.id, Store.name).order_by(Store.name)
    if actor.role not in EVERY_LOG:
        query = query.where(Store.id.in_(actor.store_ids))
    return [(store_id, name) for store_id, name in session.execute(query).all()]


def access_label(action: str) -> str:
    """Return a way of seeing a customer in words."""
    try:
        return ACCESS_LABELS[AccessAction(action)]
    except (KeyError, ValueError):
        return action.replace("_", " ").capitalize()


def _criteria(session: Session, actor: Actor, log: Log, query: LogQuery) -> list[ColumnElement[bool]]:
    wanted = [scope.visible_entries(actor, log)]
    for column, value in (
        (log.actor_id, query.actor_id),
        (log.action, query.action),
        (log.store_id, query.store_id),
        (log.channel, query.channel),
        (log.device, query.device),
    ):
        if value:
            wanted.append(column == value)
    if query.customer_id:
        of_one: ColumnElement[bool] = log.customer_id == query.customer_id
        if log is AccessEntry:
            of_one = or_(of_one, _holds(session, query.customer_id))
        wanted.append(of_one)
    if query.since:
        wanted.append(log.at >= query.since)
    if query.until:
        wanted.append(log.at < query.until)
    return wanted


def _holds(session: Session, customer_id: uuid.UUID) -> ColumnElement[bool]:
    """Return whether a page of a list held the customer."""
    column = AccessEntry.customer_ids
    if session.get_bind().dialect.name == "postgresql":
        return column.bool_op("@>")((customer_id,))
    return func.instr(column, customer_id.bytes) > 0


def _entries(
    session: Session, actor: Actor, log: Any, query: LogQuery, after: Cursor | None, count: int
) -> tuple[list[Any], Cursor | None]:
    wanted = _criteria(session, actor, log, query)
    if after is not None:
        # The first condition is the one that an index can begin at.
        wanted += [log.at <= after.at, or_(log.at < after.at, and_(log.at == after.at, log.id < after.id))]
    newest = select(log).where(*wanted).order_by(log.at.desc(), log.id.desc()).limit(count + 1)
    if actor.role is Role.MANAGER and len(actor.store_ids) > 1 and not query.store_id:
        # Store by store an index gives the newest; for several at once SQLite would sort all they have.
        parts = [session.scalars(newest.where(log.store_id == one)).all() for one in sorted(actor.store_ids)]
        found = (entry for part in parts for entry in part)
        rows = sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[: count + 1]
    else:
        rows = list(session.scalars(newest))
    entries = rows[:count]
    has_more = len(rows) > count
    return entries, Cursor(at=entries[-1].at, id=entries[-1].id) if has_more else None


def _every(read: Any) -> Iterator[Any]:
    after: Cursor | None = None
    total = 0
    while True:
        page = read(after)
        total += len(page.items)
        if total > MAX_EXPORT:
            raise _too_much(MAX_EXPORT)
        yield from page.items
        after = page.older
        if after is None:
            return


def _lists(
    session: Session, criteria: list[ColumnElement[bool]]
) -> Iterator[tuple[tuple[uuid.UUID, ...], str, datetime]]:
    """Return the lists that the criteria find; in parts, since a statement may only run so long."""
    log = AccessEntry
    query = (
        select(log.customer_ids, log.action, log.at, log.id)
        .where(*criteria, log.customer_ids.is_not(None))
        .order_by(log.at, log.id)
        .limit(CHUNK * 5)
    )
    total = 0
    last: tuple[datetime, uuid.UUID] | None = None
    while True:
        part = query
        if last is not None:
            at, entry_id = last
            part = query.where(log.at >= at, or_(log.at > at, and_(log.at == at, log.id > entry_id)))
        rows = session.execute(part).all()
        total += len(rows)
        if total > MAX_READ:
            raise _too_much(MAX_READ)
        for customer_ids, action, at, _ in rows:
            yield customer_ids or (), action, at
        if len(rows) < CHUNK * 5:
            return
        last = (rows[-1].at, rows[-1].id)


def _too_much(most: int) -> Invalid:
    reason = Text.of(
        N_("These are more than %(most)s entries. Choose a shorter time, or one person or store."),
        most=f"{most:,}",
    )
    return Invalid({"": [reason]}, reason)


def _seen(entry: AccessEntry) -> tuple[uuid.UUID, ...]:
    return entry.customer_ids or ((entry.customer_id,) if entry.customer_id else ())


def _refs(session: Session, actor: Actor, customer_ids: set[uuid.UUID]) -> dict[uuid.UUID, CustomerRef]:
    refs = {customer_id: CustomerRef(id=customer_id) for customer_id in customer_ids}
    ordered = sorted(customer_ids)
    for start in range(0, len(ordered), CHUNK):
        query = select(Customer.id, Customer.display_id).where(
            Customer.id.in_(ordered[start : start + CHUNK]), scope.visible(actor)
        )
        for customer_id, display_id in session.execute(query):
            refs[customer_id] = CustomerRef(id=customer_id, display_id=display_id)
    return refs


def _store_names(session: Session, store_ids: set[uuid.UUID]) -> dict[uuid.UUID | None, str]:
    query = select(Store.id, Store.name).where(Store.id.in_(store_ids))
    return {store_id: name for store_id, name in session.execute(query)}  # noqa: C416 -- rows are no plain tuples


def _audit_row(
    entry: AuditEntry,
    words: Words,
    refs: dict[uuid.UUID, CustomerRef],
    stores: dict[uuid.UUID | None, str],
) -> AuditRow:
    customer = refs[entry.customer_id] if entry.customer_id else None
    # What is said of a customer is read by those who may see the customer.
    may_read = customer is None or bool(customer.display_id)
    changes = words.changes(entry) if may_read else ()
    cleared = [] if changes else [words.of_field(entry.subject_type, name) for name in entry.fields]
    return AuditRow(
        id=entry.id,
        at=entry.at,
        who=who(entry.actor_id, entry.actor_name),
        actor_id=entry.actor_id,
        role=entry.role,
        channel=entry.channel,
        action=entry.action,
        label=words.of_action(entry.action),
        subject=entry.subject_type,
        customer=customer,
        store_name=stores.get(entry.store_id, ""),
        device=entry.device,
        fields=changes,
        cleared=cleared,
        request_id=entry.request_id,
    )
