"""Customers of whom nothing was heard for so long that they are no longer kept, and what became of others."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, extract, func, or_, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor, Channel
from app.domain.consents import DeclaredBy
from app.domain.data_requests import OPEN, Kind, State
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.domain.retention import CONTACTS, OPEN_ORDERS, Origin, Policy
from app.models import AuditEntry, ConsentEvent, Customer, DataRequest, Order
from app.queries import data_requests as request_queries
from app.queries import scope

# Lists beyond this are not counted to the end.
MAX_TOTAL = 1000
REPORTED_MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class InactiveRow:
    """A customer whose time is over; `last_contact_at` is none where no contact is known of."""

    id: uuid.UUID
    display_id: str
    name: str
    created_at: datetime
    last_order_at: datetime | None
    last_contact_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class MonthOfReport:
    """What the time limit led to in one month."""

    year: int
    month: int
    requested: int
    called_off: int
    erased: int


def list_page(
    session: Session, actor: Actor, policy: Policy, page: PageRequest, *, now: datetime
) -> Page[InactiveRow]:
    """Return the customers of the actor's stores whose time is over, those known longest first."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    if not policy.months:
        return Page(items=[], offset=page.offset, requested=page.count, total=0)
    due = _due(policy, now, scope.visible(actor))
    found = due.order_by(Customer.created_at, Customer.id).offset(page.offset).limit(page.count)
    ids = list(session.scalars(found))
    # Counted up to a limit: of many, how many is no matter.
    total = session.scalar(select(func.count()).select_from(due.limit(MAX_TOTAL + 1).subquery())) or 0
    return Page(
        items=_rows(session, ids),
        offset=page.offset,
        requested=page.count,
        total=min(total, MAX_TOTAL),
        total_capped=total > MAX_TOTAL,
    )


def count_held_back(session: Session, actor: Actor, policy: Policy, *, now: datetime) -> int:
    """Return how many more would be due but for an order that waits, counted up to the limit."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    if not policy.months:
        return 0
    query = select(Customer.id).where(
        scope.visible(actor), *_inactive(policy, now), _has_open_order(), ~_has_request(policy, now)
    )
    return session.scalar(select(func.count()).select_from(query.limit(MAX_TOTAL).subquery())) or 0


def next_due(
    session: Session,
    policy: Policy,
    *,
    store_ids: frozenset[uuid.UUID] | None,
    after: uuid.UUID | None,
    limit: int,
    now: datetime,
) -> Sequence[uuid.UUID]:
    """Return the next customers whose time is over, by id; of these stores, or of all."""
    due = _due(policy, now, *([scope.known_in(store_ids)] if store_ids is not None else []))
    if after is not None:
        due = due.where(Customer.id > after)
    return session.scalars(due.order_by(Customer.id).limit(limit)).all()


def still_due(
    session: Session, policy: Policy, ids: Sequence[uuid.UUID], *, now: datetime
) -> Sequence[uuid.UUID]:
    """Lock these customers, and return those whose time is still over: somebody may have come in."""
    session.execute(
        select(Customer.id).where(Customer.id.in_(ids)).order_by(Customer.id).with_for_update(key_share=True)
    )
    return session.scalars(_due(policy, now).where(Customer.id.in_(ids)).order_by(Customer.id)).all()


def is_active_again(session: Session, request: DataRequest) -> bool:
    """True when the customer bought something, was in touch or asked for something since the request."""
    since = request.received_at
    other = (
        select(DataRequest.id)
        .where(
            DataRequest.customer_id == Customer.id,
            DataRequest.id != request.id,
            DataRequest.state.in_([state.value for state in OPEN]),
        )
        .correlate(Customer)
    )
    found = select(Customer.id).where(
        Customer.id == request.customer_id,
        or_(
            Customer.last_order_at >= since,
            _declarations().where(ConsentEvent.at >= since).exists(),
            _contacts().where(AuditEntry.at >= since).exists(),
            _has_open_order(),
            other.exists(),
        ),
    )
    return session.scalar(found) is not None


def report(session: Session, actor: Actor, *, now: datetime) -> Sequence[MonthOfReport]:
    """Return what the time limit led to in the last twelve months, the newest first."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    year, month = extract("year", DataRequest.received_at), extract("month", DataRequest.received_at)

    def count(state: State) -> ColumnElement[int]:
        return func.sum(case((DataRequest.state == state.value, 1), else_=0))

    found = session.execute(
        select(year, month, func.count(), count(State.CALLED_OFF), count(State.DONE))
        .where(
            DataRequest.origin == Origin.RETENTION.value,
            DataRequest.received_at >= clock.add_months(now, -REPORTED_MONTHS),
            request_queries.visible(actor),
        )
        .group_by(year, month)
        .order_by(year.desc(), month.desc())
    )
    return [
        MonthOfReport(
            year=int(in_year), month=int(in_month), requested=requested, called_off=called_off, erased=erased
        )
        for in_year, in_month, requested, called_off, erased in found
    ]


def _due(policy: Policy, now: datetime, *within: ColumnElement[bool]) -> Select[uuid.UUID]:
    return select(Customer.id).where(
        *within, *_inactive(policy, now), ~_has_open_order(), ~_has_request(policy, now)
    )


def _inactive(policy: Policy, now: datetime) -> list[ColumnElement[bool]]:
    before = policy.before(now)
    criteria = [
        Customer.created_at < before,
        or_(Customer.last_order_at.is_(None), Customer.last_order_at < before),
        ~_declarations().where(ConsentEvent.at >= before).exists(),
        ~_contacts().where(AuditEntry.at >= before).exists(),
    ]
    if not policy.knows_contacts:
        # What was a contact is no longer known, so every change counts as one.
        criteria.append(Customer.updated_at < before)
    return criteria


def _declarations() -> Select[datetime]:
    """Select the times at which a customer declared anything, to somebody or by themselves."""
    people = [DeclaredBy.CUSTOMER.value, DeclaredBy.STAFF.value]
    return (
        select(ConsentEvent.at)
        .where(ConsentEvent.customer_id == Customer.id, ConsentEvent.declared_by.in_(people))
        .correlate(Customer)
    )


def _contacts() -> Select[datetime]:
    """Select the times at which somebody, or another system, changed what the customer told them."""
    return (
        select(AuditEntry.at)
        .where(
            AuditEntry.customer_id == Customer.id,
            AuditEntry.action.in_([action.value for action in CONTACTS]),
            AuditEntry.channel.in_([Channel.WEB.value, Channel.API.value]),
        )
        .correlate(Customer)
    )


def _has_open_order() -> ColumnElement[bool]:
    states = [state.value for state in OPEN_ORDERS]
    return (
        select(Order.id)
        .where(Order.customer_id == Customer.id, Order.state.in_(states))
        .correlate(Customer)
        .exists()
    )


def _has_request(policy: Policy, now: datetime) -> ColumnElement[bool]:
    """True for open requests, and for recent ones: the customer asked, or somebody kept them on purpose."""
    return (
        select(DataRequest.id)
        .where(
            DataRequest.customer_id == Customer.id,
            or_(
                DataRequest.state.in_([state.value for state in OPEN]),
                DataRequest.received_at >= policy.before(now),
            ),
        )
        .correlate(Customer)
        .exists()
    )


def _rows(session: Session, ids: Sequence[uuid.UUID]) -> list[InactiveRow]:
    declared = _declarations().with_only_columns(func.max(ConsentEvent.at)).scalar_subquery()
    changed = _contacts().with_only_columns(func.max(AuditEntry.at)).scalar_subquery()
    found = session.execute(select(Customer, declared, changed).where(Customer.id.in_(ids)))
    rows = {
        customer.id: InactiveRow(
            id=customer.id,
            display_id=customer.display_id,
            name=customer.name,
            created_at=customer.created_at,
            last_order_at=customer.last_order_at,
            last_contact_at=max((at for at in times if at), default=None),
        )
        for customer, *times in found
    }
    return [rows[customer_id] for customer_id in ids]


def waiting(session: Session, actor: Actor) -> int:
    """Return how many deletions by the time limit can still be called off."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    query = _waiting().with_only_columns(func.count()).where(request_queries.visible(actor))
    return session.scalar(query) or 0


def count_waiting(session: Session) -> int:
    """Return how many deletions by the time limit wait in all stores."""
    return session.scalar(_waiting().with_only_columns(func.count())) or 0


def waiting_of(session: Session, store_id: uuid.UUID | None) -> tuple[int, datetime | None]:
    """Return how many deletions of a store can still be called off, and when the first erasure begins."""
    count, first = session.execute(
        _waiting()
        .with_only_columns(func.count(), func.min(DataRequest.erase_after))
        .where(DataRequest.store_id == store_id)
    ).one()
    return count, first


def stores_waiting(session: Session) -> Sequence[uuid.UUID | None]:
    """Return the stores with deletions that can still be called off; none for those of no store."""
    query = _waiting().with_only_columns(DataRequest.store_id).distinct()
    return session.scalars(query.order_by(DataRequest.store_id)).all()


def _waiting() -> Select[uuid.UUID]:
    return select(DataRequest.id).where(
        DataRequest.origin == Origin.RETENTION.value,
        DataRequest.kind == Kind.DELETION.value,
        DataRequest.state == State.WAITING.value,
    )
