"""A customer's orders: list, one in full, and what they say of the customer."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, bindparam, case, extract, func, select
from sqlalchemy.orm import Session

from app.db import PLANNED_ONCE
from app.domain import clock, orders
from app.domain.actor import Actor
from app.domain.orders import Fulfilment, Label
from app.domain.paging import Page, PageRequest
from app.errors import NotFound
from app.models import Customer, Order, Store
from app.queries import customers as customer_queries
from app.queries import together

# The favourite category is told by this many of the newest orders.
NEWEST = 10
MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class OrderRow:
    """An order as the list shows it; `images` are addresses of up to four products."""

    id: uuid.UUID
    number: str
    placed_at: datetime
    state: Fulfilment
    total_minor: int
    currency: str
    item_count: int
    channel_label: str
    images: Sequence[str]

    @property
    def label(self) -> Label:
        """The state in words, and its tone."""
        return self.state.label


@dataclass(frozen=True, kw_only=True)
class OrderDetail:
    """An order in full: the row, and the document with every key of the shape."""

    row: Order
    document: Mapping[str, Any]
    store_name: str

    @property
    def label(self) -> Label:
        """The state in words, and its tone."""
        return Fulfilment(self.row.state).label


@dataclass(frozen=True, kw_only=True)
class OrderFacts:
    """What the orders say at a glance.

    `spend` is (minor units, currency), the largest first, without cancelled orders; `months` is
    (first day as year and month, minor units) of the last twelve, oldest first, in `currency`.
    """

    last_order_at: datetime | None
    order_count: int
    spend: Sequence[tuple[int, str]]
    favourite: str | None
    currency: str | None
    months: Sequence[tuple[tuple[int, int], int]]


def list_for_customer(
    session: Session, actor: Actor, customer_id: uuid.UUID, page: PageRequest
) -> Page[OrderRow]:
    """Return the customer's orders, newest first, online and store together. Raises NotFound."""
    customer_queries.seen(session, actor, customer_id)
    total = session.scalar(select(func.count()).where(Order.customer_id == customer_id)) or 0
    return Page(
        items=[_row(order) for order in together.rows(session, read_of_newest(customer_id, page))],
        offset=page.offset,
        requested=page.count,
        total=total,
    )


def overview(
    session: Session, actor: Actor, customer_id: uuid.UUID, shown: int
) -> tuple[OrderFacts, Page[OrderRow]]:
    """Return what the orders say of the customer, and the newest ones as a first page. Raises NotFound.

    The newest orders tell the favourite category and are listed.
    """
    customer = customer_queries.seen(session, actor, customer_id)
    newest = together.rows(session, read_of_overview(customer_id, shown))
    page = Page(
        items=[_row(order) for order in newest[:shown]],
        offset=0,
        requested=shown,
        total=customer.order_count,
    )
    return _facts(session, customer, [order.brief for order in newest]), page


# Each profile asks, so they are made once, and of tables, whose rows take half as long as of classes.
_orders, _stores = Order.__table__.c, Store.__table__.c
_NEWEST = (
    select(
        _orders.id, _orders.external_order_id, _orders.placed_at, _orders.state, _orders.grand_total_minor,
        _orders.currency, _orders.item_count, _orders.brief, _stores.name,
    )
    .outerjoin(Store.__table__, _stores.id == _orders.store_id)
    .where(_orders.customer_id == bindparam("customer_id"))
    .order_by(_orders.placed_at.desc(), _orders.id.desc())
    .offset(bindparam("offset", type_=Integer))
    .limit(bindparam("count", type_=Integer))
    .execution_options(**PLANNED_ONCE)
)  # fmt: skip


def read_of_newest(customer_id: uuid.UUID, page: PageRequest) -> together.Read:
    """Return what `list_for_customer` asks: a page of the orders, newest first."""
    values = {"customer_id": customer_id, "offset": page.offset, "count": page.count}
    return together.Read(_NEWEST, values)


def read_of_overview(customer_id: uuid.UUID, shown: int) -> together.Read:
    """Return what `overview` asks of the orders themselves."""
    return read_of_newest(customer_id, PageRequest(count=max(shown, NEWEST)))


def documents(session: Session, actor: Actor, customer_id: uuid.UUID, page: PageRequest) -> Page[str]:
    """Return the documents of the customer's orders, newest first, as they are kept. Raises NotFound."""
    customer_queries.get(session, actor, customer_id)
    values = {"customer_id": customer_id, "offset": page.offset, "count": page.count}
    return Page(
        items=list(session.scalars(_DOCUMENTS, values)),
        offset=page.offset,
        requested=page.count,
        total=session.scalar(_NUMBER, values) or 0,
    )


_OWN = _orders.customer_id == bindparam("customer_id")
_NUMBER = select(func.count()).where(_OWN)
_DOCUMENTS = (
    select(_orders.document)
    .where(_OWN)
    .order_by(_orders.placed_at.desc(), _orders.id.desc())
    .offset(bindparam("offset", type_=Integer))
    .limit(bindparam("count", type_=Integer))
)


def _row(order: Any) -> OrderRow:
    return OrderRow(
        id=order.id,
        number=order.external_order_id,
        placed_at=order.placed_at,
        state=Fulfilment(order.state),
        total_minor=order.grand_total_minor,
        currency=order.currency,
        item_count=order.item_count,
        channel_label=order.name or order.brief["channel"] or "",
        images=order.brief["images"],
    )


def get(session: Session, actor: Actor, customer_id: uuid.UUID, order_id: uuid.UUID) -> OrderDetail:
    """Return one order of a customer in full, amounts as exact decimals. Raises NotFound."""
    customer_queries.get(session, actor, customer_id)
    found = session.execute(
        select(Order, Store.name)
        .outerjoin(Store, Store.id == Order.store_id)
        .where(Order.id == order_id, Order.customer_id == customer_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    order, store_name = found
    return OrderDetail(
        row=order, document=orders.complete(orders.loads(order.document)), store_name=store_name or ""
    )


def facts(session: Session, actor: Actor, customer_id: uuid.UUID) -> OrderFacts:
    """Return what the orders say of the customer, in a constant number of statements. Raises NotFound."""
    return overview(session, actor, customer_id, 0)[0]


# What was spent in which month, all that is older together under 0.
_MONTH = case(
    (
        _orders.placed_at >= bindparam("since", type_=_orders.placed_at.type),
        extract("year", _orders.placed_at) * 12 + extract("month", _orders.placed_at) - 1,
    ),
    else_=0,
)
# Summed in two parts: the sum of large amounts can be more than 64 bits hold, where SQLite's fails.
_PART = 10**9
_SPEND = (
    select(
        _orders.currency,
        _MONTH.label("month"),
        func.sum(_orders.grand_total_minor // _PART).label("parts"),
        func.sum(_orders.grand_total_minor % _PART).label("rest"),
    )
    .where(_orders.customer_id == bindparam("customer_id"), _orders.state != Fulfilment.CANCELLED.value)
    .group_by(_orders.currency, _MONTH)
    .execution_options(**PLANNED_ONCE)
)


def read_of_spend(customer_id: uuid.UUID) -> together.Read:
    """Return what the facts of `overview` ask."""
    since = datetime(*_last_months()[0], 1, tzinfo=UTC)
    return together.Read(_SPEND, {"customer_id": customer_id, "since": since})


def _facts(
    session: Session, customer: Customer | customer_queries.Shown, newest: Sequence[Mapping[str, Any]]
) -> OrderFacts:
    months = _last_months()
    totals: Counter[str] = Counter()
    monthly: Counter[tuple[str, int]] = Counter()
    for currency, number, parts, rest in together.rows(session, read_of_spend(customer.id)):
        minor = int(parts) * _PART + int(rest)
        totals[currency] += minor
        monthly[currency, int(number)] += minor
    spend = sorted(((minor, currency) for currency, minor in totals.items()), reverse=True)
    main = spend[0][1] if spend else None
    return OrderFacts(
        last_order_at=customer.last_order_at,
        order_count=customer.order_count,
        spend=spend,
        favourite=_favourite(newest[:NEWEST]),
        currency=main,
        months=[((year, in_year), monthly[main or "", year * 12 + in_year - 1]) for year, in_year in months],
    )


def _favourite(newest: Sequence[Mapping[str, Any]]) -> str | None:
    bought: Counter[str] = Counter()
    for order in newest:
        bought.update(order["categories"])
    return bought.most_common(1)[0][0] if bought else None


def _last_months() -> list[tuple[int, int]]:
    now = clock.utcnow()
    newest = now.year * 12 + now.month - 1
    return [(number // 12, number % 12 + 1) for number in range(newest - MONTHS + 1, newest + 1)]
