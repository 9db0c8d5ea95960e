"""Requests about customers' data: the list, one with its steps, what is due and overdue."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import clock, data_requests
from app.domain.actor import Actor
from app.domain.data_requests import OPEN, SOON, Kind, State
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.domain.retention import Origin
from app.errors import NotFound
from app.models import Customer, CustomerStore, DataRequest, DataRequestStep, Store
from app.queries import scope, together

_IS_OPEN = scope.in_states(DataRequest.state, OPEN)


@dataclass(frozen=True, kw_only=True)
class RequestRow:
    """A request as lists show it; `customer_name` is empty once the customer is erased."""

    id: uuid.UUID
    kind: Kind
    state: State
    is_by_time_limit: bool
    customer_id: uuid.UUID
    customer_name: str
    store_name: str
    received_at: datetime
    due_at: datetime
    erase_after: datetime | None
    closed_at: datetime | None

    @property
    def is_overdue(self) -> bool:
        """True when it should have been answered."""
        return self.state.is_due and self.due_at < clock.utcnow()

    @property
    def is_due_soon(self) -> bool:
        """True when it has to be answered within the next days."""
        return self.state.is_due and not self.is_overdue and self.due_at < clock.utcnow() + SOON


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return the criterion on DataRequest that keeps the requests of the actor's stores.

    Those are: recorded there, or of a customer whom one of them knows.
    """
    return _within(scope.bounds(actor))


def _within(kept_to: scope.Bounds) -> ColumnElement[bool]:
    return true() if kept_to is None else _of_stores(kept_to)


@lru_cache(maxsize=256)
def _of_stores(store_ids: frozenset[uuid.UUID]) -> ColumnElement[bool]:
    known = (
        select(CustomerStore.customer_id)
        .where(
            CustomerStore.customer_id == DataRequest.customer_id,
            scope.among(CustomerStore.store_id, store_ids),
        )
        .correlate(DataRequest)
        .exists()
    )
    return or_(scope.among(DataRequest.store_id, store_ids), known)


def get(session: Session, actor: Actor, request_id: uuid.UUID, *, for_update: bool = False) -> DataRequest:
    """Return one request. Raises NotFound when there is none or it is another store's."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    query = select(DataRequest).where(DataRequest.id == request_id, visible(actor))
    if for_update:
        query = query.with_for_update(of=DataRequest).execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound
    return row


def list_page(
    session: Session, actor: Actor, page: PageRequest, *, is_open: bool | None = None
) -> Page[RequestRow]:
    """Return requests: open ones by due date, closed ones newest first; None for all, open first."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    wanted = [visible(actor)]
    if is_open is not None:
        wanted.append(_IS_OPEN if is_open else ~_IS_OPEN)
    total = session.scalar(select(func.count()).select_from(DataRequest).where(*wanted)) or 0
    order = (
        [DataRequest.closed_at.desc(), DataRequest.id.desc()]
        if is_open is False
        else [(~_IS_OPEN).asc(), DataRequest.due_at, DataRequest.id]
    )
    query = _rows().where(*wanted).order_by(*order).offset(page.offset).limit(page.count)
    return Page(
        items=[_row(*found) for found in session.execute(query)],
        offset=page.offset,
        requested=page.count,
        total=total,
    )


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """Return how many requests are open, due soon and overdue."""
    actor.require(Permission.DATA_REQUEST_VIEW)
    now = clock.utcnow()
    found = session.execute(
        select(DataRequest.due_at, DataRequest.state).where(visible(actor), _IS_OPEN)
    ).all()
    due = [due_at for due_at, state in found if State(state).is_due]
    return {
        "open": len(found),
        "due_soon": sum(now <= due_at <= now + SOON for due_at in due),
        "overdue": sum(due_at < now for due_at in due),
    }


class OpenRequest(NamedTuple):
    """What a profile shows of an open request, and what decides on a hold."""

    id: uuid.UUID
    kind: str
    state: str
    origin: str
    erase_after: datetime | None


# Each profile asks, so the statement is made once.
@lru_cache(maxsize=256)
def _open_ones(kept_to: scope.Bounds) -> Select[Any]:
    return (
        select(*(getattr(DataRequest, name) for name in OpenRequest._fields))
        .where(DataRequest.customer_id == bindparam("customer_id"), _IS_OPEN, _within(kept_to))
        .order_by(DataRequest.due_at)
        .execution_options(**PLANNED_ONCE)
    )


def of_customer(session: Session, actor: Actor, customer_id: uuid.UUID) -> Sequence[OpenRequest]:
    """Return the open requests of a customer whom the actor sees, for the profile."""
    return [OpenRequest(*row) for row in together.rows(session, read_of_customer(actor, customer_id))]


def read_of_customer(actor: Actor, customer_id: uuid.UUID) -> together.Read:
    """Return what `of_customer` asks."""
    return together.Read(_open_ones(scope.bounds(actor)), {"customer_id": customer_id})


def may_change(session: Session, actor: Actor, customer_id: uuid.UUID) -> bool:
    """True unless a hold forbids the actor to change the customer's data; see the domain's `may_change`."""
    requests = session.scalars(select(DataRequest).where(DataRequest.customer_id == customer_id, _IS_OPEN))
    return data_requests.may_change(requests, answers_requests=answers(actor))


def answers(actor: Actor) -> bool:
    """True for the people who answer requests; a program or command never does."""
    return actor.associate_id is not None and actor.can(Permission.DATA_REQUEST_MANAGE)


def is_on_hold(session: Session, customer_id: uuid.UUID) -> bool:
    """True while a request, of any store, forbids to use the customer's data."""
    held = scope.on_hold().where(DataRequest.customer_id == customer_id)
    return session.scalar(held.limit(1)) is not None


def steps(session: Session, actor: Actor, request_id: uuid.UUID) -> Sequence[DataRequestStep]:
    """Return the steps of an erasure that are done, in order. Raises NotFound."""
    get(session, actor, request_id)
    return session.scalars(
        select(DataRequestStep)
        .where(DataRequestStep.request_id == request_id)
        .order_by(DataRequestStep.position)
    ).all()


def _rows() -> Select[DataRequest, Customer, str]:
    return (
        select(DataRequest, Customer, Store.name)
        .outerjoin(Customer, Customer.id == DataRequest.customer_id)
        .outerjoin(Store, Store.id == DataRequest.store_id)
    )


def _row(request: DataRequest, customer: Customer | None, store_name: str | None) -> RequestRow:
    return RequestRow(
        id=request.id,
        kind=Kind(request.kind),
        state=State(request.state),
        is_by_time_limit=request.origin == Origin.RETENTION,
        customer_id=request.customer_id,
        customer_name=customer.name if customer else "",
        store_name=store_name or "",
        received_at=request.received_at,
        due_at=request.due_at,
        erase_after=request.erase_after,
        closed_at=request.closed_at,
    )
