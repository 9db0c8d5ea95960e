"""Erasing a customer, step by step: each step is a transaction of its own and may be done again.

What each table gets is read from `app/domain/personal_data.py`.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, String, Table, cast, delete, null, or_, select, update
from sqlalchemy.orm import Session

from app.domain import clock, data_requests, orders, personal_data
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.data_requests import Kind, State
from app.domain.erasures import LedgerKey, LedgerLine
from app.domain.personal_data import Erase
from app.domain.texts import N_
from app.errors import Conflict
from app.models import ApiToken, Base, Customer, DataRequest, DataRequestStep, Erasure, Order, SignInSession
from app.queries import personal_rows
from app.services import audit, events, search_index
from app.services import data_requests as request_service

OTHER_KEY = (
    "The ledger of erasures was written under another key. Put DATA_DIR/erasure-key back from its copy, or "
    "set ERASURE_KEY to that key; docs/operations.md says what to do when it is lost."
)
LEDGER = "ledger"
SEARCH = "search"
CUSTOMER = "customer"
# Emptied with the customer: only then it is true what they say from then on.
_EVENTS = frozenset({"event", "webhook_delivery"})


def steps() -> list[str]:
    """Return the names of all steps in order: the ledger, the search, each table, at last the customer."""
    return [LEDGER, SEARCH, *(table.name for table in _tables()), CUSTOMER]


def tables() -> list[str]:
    """Return the names of the tables that an erasure may touch, as the database has them."""
    touched = {table.name for table in personal_data.of_customers() if table.erase is not Erase.KEEP}
    return sorted(touched - {"customer_search_index"})


def begin(session: Session, actor: Actor, request_id: uuid.UUID) -> list[str]:
    """Begin an erasure whose time to call off is over, or go on with it: return the steps to do.

    Nothing is to be done when it was called off or is closed. Raises Conflict when it is too early.
    """
    row = session.get(DataRequest, request_id, with_for_update=True, populate_existing=True)
    if row is None or row.kind != Kind.DELETION or State(row.state).is_closed:
        return []
    now = clock.utcnow()
    if row.state == State.WAITING:
        if row.erase_after is None or row.erase_after > now:
            raise Conflict(message=N_("This deletion can still be called off."))
        if request_service.call_off_active(session, actor, row):
            return []
        row.state, row.started_at = State.ERASING.value, now
        row.revision += 1
        _audit(session, actor, AuditAction.ERASURE_STARTED, row)
    done = set(session.scalars(select(DataRequestStep.name).where(DataRequestStep.request_id == request_id)))
    return [name for name in steps() if name not in done]


def is_under_way(session: Session, request_id: uuid.UUID) -> bool:
    """True when an erasure has begun and is not closed."""
    row = session.get(DataRequest, request_id)
    return row is not None and row.state == State.ERASING


def run_step(session: Session, request_id: uuid.UUID, name: str, key: LedgerKey) -> int:
    """Do one step in the running transaction, note it in the request, and return the rows it touched."""
    row = session.get_one(DataRequest, request_id, with_for_update=True, populate_existing=True)
    if row.state != State.ERASING:
        raise Conflict(message=N_("This deletion is not under way."))
    if session.get(DataRequestStep, (request_id, name)) is not None:
        return 0
    count = _do(session, row.customer_id, name, key)
    session.add(
        DataRequestStep(
            request_id=request_id,
            name=name,
            position=steps().index(name),
            rows=count,
            done_at=clock.utcnow(),
        )
    )
    session.flush()
    return count


def finish(session: Session, actor: Actor, request_id: uuid.UUID) -> DataRequest:
    """Close an erasure whose steps are all done and whose traces are gone from the files."""
    row = session.get_one(DataRequest, request_id, with_for_update=True, populate_existing=True)
    if row.state == State.ERASING:
        row.state, row.closed_at, row.closed_by_name = State.DONE.value, clock.utcnow(), actor.name
        row.revision += 1
        # Nothing is left whose use could be restricted.
        session.execute(
            update(DataRequest)
            .where(DataRequest.customer_id == row.customer_id, DataRequest.state == State.RESTRICTED.value)
            .values(state=State.DONE.value, closed_at=row.closed_at, closed_by_name=actor.name)
        )
        # What was written about the customer while the steps ran, this request's notes with it.
        _blank_rest(session, row.customer_id)
        _audit(session, actor, AuditAction.ERASURE_FINISHED, row)
        session.flush()
    return row


def due(session: Session) -> Sequence[uuid.UUID]:
    """Return the requests whose erasure should be under way."""
    now = clock.utcnow()
    is_due = or_(
        (DataRequest.state == State.WAITING.value) & (DataRequest.erase_after <= now),
        DataRequest.state == State.ERASING.value,
    )
    return session.scalars(
        select(DataRequest.id).where(DataRequest.kind == Kind.DELETION.value, is_due).order_by(DataRequest.id)
    ).all()


def ledger_lines(session: Session) -> list[LedgerLine]:
    """Return the whole ledger of the database."""
    return [
        LedgerLine(
            key_id=row.key_id,
            customer_hash=row.customer_hash,
            email_hash=row.email_hash,
            phone_hash=row.phone_hash,
            erased_at=row.erased_at,
        )
        for row in session.scalars(select(Erasure).order_by(Erasure.erased_at, Erasure.id))
    ]


def take_in(session: Session, lines: Sequence[LedgerLine]) -> int:
    """Add lines of a ledger's file that the database does not have; return their number."""
    known = known_hashes(session)
    new = {line.customer_hash: line for line in lines if line.customer_hash not in known}
    for line in new.values():
        session.add(
            Erasure(
                key_id=line.key_id,
                customer_hash=line.customer_hash,
                email_hash=line.email_hash,
                phone_hash=line.phone_hash,
                erased_at=line.erased_at,
            )
        )
    session.flush()
    return len(new)


def known_hashes(session: Session) -> set[str]:
    """Return the hashes of the ids of all whom the ledger of the database names."""
    return set(session.scalars(select(Erasure.customer_hash)))


def is_under_other_key(session: Session, key: LedgerKey) -> bool:
    """True when the ledger of the database holds a line under another key."""
    return session.scalars(select(Erasure.id).where(Erasure.key_id != key.id).limit(1)).first() is not None


def risen(session: Session, key: LedgerKey) -> list[uuid.UUID]:
    """Return the customers who are there although the ledger says that they were erased.

    Raises Conflict when the ledger was written under another key.
    """
    if is_under_other_key(session, key):
        raise Conflict(message=OTHER_KEY)
    erased = known_hashes(session)
    if not erased:
        return []
    ids = session.scalars(select(Customer.id).execution_options(yield_per=10_000))
    return [customer_id for customer_id in ids if key.of_customer(customer_id) in erased]


def end_all_sessions(session: Session) -> None:
    """Sign everybody out and revoke all tokens: a backup holds some that were ended since.

    A refresh token that was used since would work a second time, too.
    """
    session.execute(delete(SignInSession))
    session.execute(update(ApiToken).where(ApiToken.revoked_at.is_(None)).values(revoked_at=clock.utcnow()))


def request_again(session: Session, actor: Actor, customer_id: uuid.UUID) -> DataRequest:
    """Return the request by which somebody who came back with a restored backup is erased at once."""
    row = session.scalars(
        select(DataRequest).where(
            DataRequest.customer_id == customer_id,
            DataRequest.kind == Kind.DELETION.value,
            DataRequest.state.in_([State.WAITING.value, State.ERASING.value]),
        )
    ).one_or_none()
    now = clock.utcnow()
    if row is None:
        customer = session.get_one(Customer, customer_id)
        row = DataRequest(
            kind=Kind.DELETION.value,
            state=State.WAITING.value,
            customer_id=customer_id,
            store_id=customer.store_id,
            channel=actor.channel.value,
            received_by_name=actor.name,
            received_at=now,
            due_at=data_requests.due(now),
            note="",
            identity=data_requests.Identity.UNCHECKED.value,
            identity_note="",
            extension_reason="",
            closed_by_name="",
            outcome="",
            revision=1,
        )
        session.add(row)
    row.erase_after = now
    session.flush()
    return row


def _do(session: Session, customer_id: uuid.UUID, name: str, key: LedgerKey) -> int:
    if name == LEDGER:
        return _write_ledger(session, customer_id, key)
    if name == SEARCH:
        search_index.remove(session, [customer_id])
        return 1
    if name == CUSTOMER:
        return _remove_customer(session, customer_id)
    return _erase(session, personal_data.BY_NAME[name], customer_id)


def _write_ledger(session: Session, customer_id: uuid.UUID, key: LedgerKey) -> int:
    customer = session.get(Customer, customer_id)
    if customer is None:
        return 0
    return take_in(
        session,
        [
            LedgerLine(
                key_id=key.id,
                customer_hash=key.of_customer(customer_id),
                email_hash=key.of_email(customer.email_key),
                phone_hash=key.of_phone(customer.phone_e164),
                erased_at=clock.utcnow(),
            )
        ],
    )


def _remove_customer(session: Session, customer_id: uuid.UUID) -> int:
    """Delete the customer, and what somebody added while the steps before were done."""
    customer = session.get(Customer, customer_id, with_for_update=True, populate_existing=True)
    if customer is None:
        return 0
    for table in _tables():
        _erase(session, table, customer_id)
    search_index.remove(session, [customer_id])
    events.tell_erased(session, customer_id, revision=customer.revision + 1)
    session.expunge(customer)
    session.execute(delete(Customer).where(Customer.id == customer_id))
    return 1


def _erase(session: Session, table: personal_data.Table, customer_id: uuid.UUID) -> int:
    if table.erase is Erase.REDACT:
        return REDACTIONS[table.name](session, customer_id)
    rows = personal_rows.table_of(table.name)
    where = personal_rows.criterion(session, table, customer_id)
    if table.erase is Erase.DELETE:
        return _count(session.execute(delete(rows).where(where)))
    values = {name: _blank(rows, name) for name in table.blanks.split()}
    is_filled = or_(*(_is_filled(rows, name) for name in values))
    return _count(session.execute(update(rows).where(where, is_filled).values(values)))


def _redact_orders(session: Session, customer_id: uuid.UUID) -> int:
    # Locked as whoever records an order locks it: what stands there is blanked, or what they wrote since.
    found = session.scalars(
        select(Order)
        .where(Order.customer_id == customer_id)
        .order_by(Order.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for order in found:
        order.document = orders.dumps(orders.redact_person(orders.loads(order.document)))
        order.customer_id = None
        order.redacted_at = clock.utcnow()
    session.flush()
    return len(found)


# How tables are treated whose erasure is no deletion or emptying of columns.
REDACTIONS: dict[str, Callable[[Session, uuid.UUID], int]] = {"customer_order": _redact_orders}


def _tables() -> list[personal_data.Table]:
    """Return the tables to erase from in the order in which their rows may go, but the customer's."""
    order = {table.name: place for place, table in enumerate(reversed(Base.metadata.sorted_tables))}
    wanted = [
        table
        for table in personal_data.of_customers()
        if table.erase is not Erase.KEEP and table.name in order and table.name not in {CUSTOMER, *_EVENTS}
    ]
    # A table whose rows are found through another one goes before it.
    through = {link.via for table in wanted for link in table.links if link.via}
    return sorted(wanted, key=lambda table: (table.name in through, order[table.name]))


def _blank_rest(session: Session, customer_id: uuid.UUID) -> None:
    for table in _tables():
        if table.erase is Erase.BLANK:
            _erase(session, table, customer_id)


def _blank(table: Table, name: str) -> Any:
    column = table.c[name]
    return null() if column.nullable else ""


def _is_filled(table: Table, name: str) -> ColumnElement[bool]:
    column = table.c[name]
    if isinstance(column.type, JSON):
        # None is written as the JSON null by some acts.
        return cast(column, String) != "null"
    return column.is_not(None) if column.nullable else column != ""


def _count(result: Any) -> int:
    return int(result.rowcount)


def _audit(session: Session, actor: Actor, action: AuditAction, row: DataRequest) -> None:
    audit.record(
        session,
        actor,
        action,
        subject=("data_request", row.id),
        customer_id=row.customer_id,
        store_id=row.store_id,
    )
