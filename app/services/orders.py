"""Orders: record what other systems send, by its external id, once."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import is_taken
from app.domain import clock, folding, money, orders
from app.domain.actor import Actor
from app.domain.audit import AuditAction, diff
from app.domain.consents import State
from app.domain.customers import CustomerInput, LinkReason
from app.domain.events import EventKind, NewEvent
from app.domain.orders import OrderDocument
from app.domain.permissions import Permission
from app.domain.values import BadValue
from app.errors import Conflict, Forbidden, Invalid, Unavailable
from app.models import Customer, CustomerStore, Order, Store
from app.models.base import new_id
from app.queries import consents as consent_queries
from app.queries import scope
from app.services import audit, customers_bulk, events, search_index
from app.services.rows import insert_rows, update_rows

# ISO 4217's code for "no currency".
NO_CURRENCY = "XXX"
MAX_ORDER_ID = 100
# How often customers whom another act makes at the same time are looked for again.
TRIES = 3
_NOT_PLAIN = (uuid.UUID, datetime)
_KEPT = (
    "id", "external_order_id", "order_key", "customer_id", "store_id", "placed_at", "state", "channel_type",
    "currency", "grand_total_minor", "item_count", "document", "brief",
)  # fmt: skip
_SHOWN = ("customer_id", "store_id", "placed_at", "state", "currency", "grand_total_minor", "item_count")


@dataclass(frozen=True, kw_only=True)
class OrderInput:
    """One order to record: the document as it was parsed, and what the sender says of its place."""

    order: OrderDocument
    store_id: uuid.UUID | None = None
    customer_id: uuid.UUID | None = None
    # Without one a new customer of this order is refused: whoever imports can name it.
    needs_store: bool = True


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What came of one order."""

    order_id: uuid.UUID
    created: bool
    changed: bool


def record(
    session: Session,
    actor: Actor,
    document: object,
    *,
    store_id: uuid.UUID | None = None,
    customer_id: uuid.UUID | None = None,
    needs_store: bool = True,
) -> tuple[Order, bool]:
    """Record an order, and return it and whether it is new; the same document again changes nothing.

    The customer is found by id among those whom the actor may see, by e-mail address among all, or created:
    who buys in a store is known there. Without `store_id` the store is the one whose name the order's
    `channel` carries, if any; `needs_store` as in OrderInput.
    Raises Invalid by dotted path; Forbidden for a store that is not the actor's, and Conflict for
    the number of an order there.
    """
    actor.require(Permission.ORDER_RECORD)
    given = OrderInput(
        order=orders.parse(document), store_id=store_id, customer_id=customer_id, needs_store=needs_store
    )
    outcome = record_batch(session, actor, [_in_own_store(session, actor, given)])[0]
    if isinstance(outcome, Invalid):
        raise outcome
    return session.get_one(Order, outcome.order_id), outcome.created


def record_batch(session: Session, actor: Actor, batch: Sequence[OrderInput]) -> list[Recorded | Invalid]:
    """Record orders with few statements; a refused one gives its error instead.

    An external id that comes twice in one batch is recorded twice, in order.
    """
    actor.require(Permission.ORDER_RECORD)
    places = _Places(session, actor, batch)
    known = _hold(session, places, batch)
    # Whose person was erased stays without it, whatever the source sends again.
    redacted = {key for key, row in known.items() if row.redacted_at is not None}
    live = [given for given in batch if given.order.external_order_id not in redacted]
    found = iter(places.owners(session, actor, live))
    owners = [None if given.order.external_order_id in redacted else next(found) for given in batch]
    written = _Written(session, actor, known)
    outcomes: list[Recorded | Invalid] = []
    for given, owner in zip(batch, owners, strict=True):
        if isinstance(owner, Invalid):
            outcomes.append(owner)
            continue
        order = given.order
        if owner is None:
            order = replace(order, text=orders.dumps(orders.redact_person(order.document)))
        columns = _columns(order, owner, places.store_of(given))
        outcomes.append(written.write(columns))
    written.save()
    linked = _link(session, actor, written.places)
    counted = _count(session, written.touched)
    anew = linked | places.created
    if anew:
        search_index.refresh(session, anew)
    search_index.refresh_last_orders(session, counted - anew)
    return outcomes


def _hold(session: Session, places: "_Places", batch: Sequence[OrderInput]) -> dict[str, Order]:
    """Lock the customers and then the orders of a batch, and return the known orders as they are now.

    Every act locks customers first and in the order of their ids, so that none waits for another in a
    circle. An erasure that runs meanwhile is over for these rows, or begins after this act.
    """
    is_meant = Order.external_order_id.in_([given.order.external_order_id for given in batch])
    before = session.execute(
        select(Order.external_order_id, Order.customer_id, Order.store_id, Order.redacted_at).where(is_meant)
    ).all()
    places.before = {
        row.external_order_id: store for row in before if (store := places.store_ids.get(row.store_id))
    }
    redacted = {row.external_order_id for row in before if row.redacted_at is not None}
    live = [given for given in batch if given.order.external_order_id not in redacted]
    places.hold(session, live, {row.customer_id for row in before if row.customer_id is not None})
    rows = session.scalars(
        select(Order)
        .where(is_meant)
        .order_by(Order.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.external_order_id: row for row in rows}


def _in_own_store(session: Session, actor: Actor, given: OrderInput) -> OrderInput:
    """Return the order with a store of the actor's; whoever works for all may leave it open."""
    if actor.has_every_store:
        return given
    store_id = given.store_id
    if store_id is None:
        named = (given.order.channel or "").strip()
        store_id = session.scalar(select(Store.id).where(Store.name == named))
    if store_id is None and len(actor.store_ids) == 1:
        store_id = next(iter(actor.store_ids))
    if store_id is None:
        raise Invalid({"channel": ["Name the store of the order: this token works for some stores only."]})
    if not actor.works_in(store_id):
        raise Forbidden("This token does not work for the store of the order.")
    number = given.order.external_order_id
    known = session.execute(select(Order.store_id).where(Order.external_order_id == number)).one_or_none()
    if known is not None and not actor.works_in(known.store_id):
        raise Conflict({"external_order_id": ["Another order has this number already."]})
    return replace(given, store_id=store_id)


class _Places:
    """The stores and customers that a batch names, each read with one statement."""

    def __init__(self, session: Session, actor: Actor, batch: Sequence[OrderInput]) -> None:
        self.stores = {store.name: store for store in session.scalars(select(Store))}
        self.store_ids = {store.id: store for store in self.stores.values()}
        ids = {identity for given in batch for identity in _ids(given)}
        # By id only whom the actor may see: an id alone must not open another store's customer.
        known = select(Customer.id).where(Customer.id.in_(ids), scope.visible(actor))
        self.ids = set(session.scalars(known)) if ids else set()
        self.keys = {given.order.email_key for given in batch} - {None}
        # Stores of orders that are known, by the number of the order.
        self.before: dict[str, Store] = {}
        self.emails: dict[str, uuid.UUID] = {}
        self.created: set[uuid.UUID] = set()
        self._read_emails(session)

    def _read_emails(self, session: Session) -> None:
        pairs = session.execute(
            select(Customer.email_key, Customer.id).where(Customer.email_key.in_(self.keys))
        )
        self.emails = dict(list(pairs))

    def hold(self, session: Session, batch: Sequence[OrderInput], others: set[uuid.UUID]) -> None:
        """Lock the known customers of the orders, and others; who was erased meanwhile is unknown."""
        held: set[uuid.UUID] = set()
        while wanted := (others | self._known(batch)) - held:
            rows = select(Customer.id).where(Customer.id.in_(wanted)).order_by(Customer.id)
            there = set(session.scalars(rows.with_for_update(key_share=True)))
            gone = wanted - there
            held |= there
            others = others - gone
            self.ids -= gone
            self.emails = {key: found for key, found in self.emails.items() if found not in gone}

    def _known(self, batch: Sequence[OrderInput]) -> set[uuid.UUID]:
        return {found for given in batch if isinstance(found := self._find(given), uuid.UUID)}

    def store_of(self, given: OrderInput) -> Store | None:
        """Return the store of an order: as told, or whose name its channel carries, or where it stood."""
        if given.store_id is not None:
            return self.store_ids.get(given.store_id)
        named = self.stores.get((given.order.channel or "").strip())
        return named or self.before.get(given.order.external_order_id)

    def owners(
        self, session: Session, actor: Actor, batch: Sequence[OrderInput]
    ) -> list[uuid.UUID | Invalid]:
        """Return the customer of each order, created where nobody knows them."""
        found, new = self._sort(batch)
        for _attempt in range(TRIES):
            if not new:
                break
            try:
                # In the order of the addresses, as each act that makes several of them.
                with session.begin_nested():
                    keys = sorted(new)
                    made = customers_bulk.create(
                        session, actor, [new[key] for key in keys], permission=Permission.ORDER_RECORD
                    )
            except IntegrityError as error:
                if not is_taken(error):
                    raise
                # Another act made one of them just now: whom it made is known.
                self._read_emails(session)
                self.hold(session, batch, set())
            else:
                self.emails |= dict(zip(keys, made, strict=True))
                self.created |= set(made)
            found, new = self._sort(batch)
        if new:
            raise Unavailable
        return [self.emails[owner] if isinstance(owner, str) else owner for owner in found]

    def _sort(
        self, batch: Sequence[OrderInput]
    ) -> tuple[list[uuid.UUID | Invalid | str], dict[str, customers_bulk.NewCustomer]]:
        """Return the customer of each order, and by the key of the e-mail address those to create."""
        found: list[uuid.UUID | Invalid | str] = []
        new: dict[str, customers_bulk.NewCustomer] = {}
        for given in batch:
            owner = self._find(given)
            if isinstance(owner, str) and owner not in new:
                made = _new_customer(given, self.store_of(given))
                if isinstance(made, Invalid):
                    owner = made
                else:
                    new[owner] = made
            elif isinstance(owner, str) and given.order.placed_at:
                first = new[owner].since or given.order.placed_at
                new[owner] = replace(new[owner], since=min(first, given.order.placed_at))
            found.append(owner)
        return found, new

    def _find(self, given: OrderInput) -> uuid.UUID | Invalid | str:
        """Return the customer's id, or the key of the e-mail address of one to create."""
        if given.store_id is not None and given.store_id not in self.store_ids:
            return Invalid({"store_id": ["There is no such store."]})
        if len(given.order.external_order_id) > MAX_ORDER_ID:
            return Invalid({"external_order_id": [f"Shorten this to {MAX_ORDER_ID} characters or fewer."]})
        try:
            _total_minor(given.order, _currency(given.order, self.store_of(given)))
        except BadValue as error:
            named = "order_total" if given.order.grand_total is None else "grand_total"
            return Invalid({f"totals.{named}": [str(error)]})
        if given.customer_id is not None and given.customer_id not in self.ids:
            return Invalid({"customer_id": ["There is no such customer."]})
        for identity in _ids(given):
            if identity in self.ids:
                return identity
        key = given.order.email_key
        if key is None:
            return Invalid(
                {"billing_address.email": ["Give the customer's e-mail address, or a known customer_uuid."]}
            )
        return self.emails.get(key, key)


def _ids(given: OrderInput) -> list[uuid.UUID]:
    ids = [given.customer_id] if given.customer_id else []
    if not given.order.customer_uuid:
        return ids
    try:
        return [*ids, uuid.UUID(given.order.customer_uuid)]
    except ValueError:
        return ids


def _new_customer(wanted: OrderInput, store: Store | None) -> customers_bulk.NewCustomer | Invalid:
    order = wanted.order
    if store is None and wanted.needs_store:
        return Invalid({"channel": ["Nobody knows this customer yet: name the store that should."]})
    address = order.buyer
    region = store.country_code if store else None
    given = {
        "first_name": address.get("first_name") or "",
        "last_name": address.get("last_name") or "",
        "phone_number": address.get("phone") or "",
        "country_code": address.get("country_code") or "",
    }
    try:
        columns = CustomerInput(email=order.email or "", **given).check(region=region)
    except Invalid as error:
        # An order that was paid is not refused for the name or phone somebody typed into it.
        kept = {name: value for name, value in given.items() if name not in error.fields}
        try:
            columns = CustomerInput(email=order.email or "", **kept).check(region=region)
        except Invalid as still:
            return still
    return customers_bulk.NewCustomer(
        columns=columns,
        store_id=store.id if store else None,
        reason=LinkReason.ORDERED,
        since=order.placed_at,
    )


def _total_minor(order: OrderDocument, currency: str) -> int:
    total = order.order_total if order.grand_total is None else order.grand_total
    return money.to_minor(total or 0, currency)


def _currency(order: OrderDocument, store: Store | None) -> str:
    return order.currency or (store.currency if store else NO_CURRENCY)


def _columns(order: OrderDocument, customer_id: uuid.UUID | None, store: Store | None) -> dict[str, Any]:
    currency = _currency(order, store)
    return {
        "external_order_id": order.external_order_id,
        "order_key": folding.fold(order.external_order_id)[:MAX_ORDER_ID],
        "customer_id": customer_id,
        "store_id": store.id if store else None,
        "placed_at": order.placed_at,
        "state": order.fulfilment.value,
        "channel_type": (order.channel_type or "")[:40],
        "currency": currency,
        "grand_total_minor": _total_minor(order, currency),
        "item_count": order.item_count,
        "document": order.text,
        "brief": order.brief,
    }


class _Written:
    """The orders of one batch; new ones are written with one statement, and so is what the log says of all.

    As plain rows: to make objects of them, and to keep track of each, takes longer than to write them.
    `touched` are the customers whose orders changed, `places` who ordered in which store when first.
    """

    def __init__(self, session: Session, actor: Actor, known: Mapping[str, Order]) -> None:
        self.session, self.actor, self.known = session, actor, known
        self.touched: set[uuid.UUID] = set()
        self.places: dict[tuple[uuid.UUID, uuid.UUID], datetime] = {}
        self._new: dict[str, dict[str, Any]] = {}
        self._entries: list[dict[str, Any]] = []

    def write(self, columns: dict[str, Any]) -> Recorded:
        now = clock.utcnow()
        key = columns["external_order_id"]
        row = self.known.get(key)
        old = self._new.get(key) or ({} if row is None else {name: getattr(row, name) for name in _KEPT})
        columns["placed_at"] = columns["placed_at"] or old.get("placed_at") or now
        if old and all(old[name] == value for name, value in columns.items()):
            return Recorded(order_id=old["id"], created=False, changed=False)
        order_id = old["id"] if old else new_id()
        changed = {**columns, "id": order_id, "recorded_at": now}
        if row is None:
            self._new[key] = changed
        else:
            for name, value in changed.items():
                setattr(row, name, value)
        self._note(old, changed)
        return Recorded(order_id=order_id, created=not old, changed=True)

    def _note(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        store_id, customer_id = new["store_id"], new["customer_id"]
        self.touched |= {owner for owner in (old.get("customer_id"), customer_id) if owner}
        if store_id and customer_id:
            place, placed_at = (store_id, customer_id), new["placed_at"]
            self.places[place] = min(placed_at, self.places.get(place, placed_at))
        shown = diff(old, {name: new[name] for name in _SHOWN})
        entry = audit.entry_values(
            self.actor,
            AuditAction.ORDER_RECORDED,
            subject=("order", new["id"]),
            customer_id=customer_id,
            store_id=store_id,
            changes={name: (_plain(before), _plain(after)) for name, (before, after) in shown.items()},
        )
        self._entries.append(entry)

    def save(self) -> None:
        self.session.flush()
        insert_rows(self.session, Order, list(self._new.values()))
        audit.record_batch(self.session, self._entries)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, _NOT_PLAIN) else value


def _link(
    session: Session, actor: Actor, wanted: Mapping[tuple[uuid.UUID, uuid.UUID], datetime]
) -> set[uuid.UUID]:
    """Make the customers known to the stores where they ordered, and tell of it; return those new to one.

    `wanted` maps (store, customer) to the time of the first order there. The profile itself is as it was,
    so its revision stays.
    """
    if not wanted:
        return set()
    there = session.execute(
        select(CustomerStore.store_id, CustomerStore.customer_id).where(
            CustomerStore.customer_id.in_({customer_id for _, customer_id in wanted})
        )
    )
    missing = wanted.keys() - {(store_id, customer_id) for store_id, customer_id in there}
    if not missing:
        return set()
    new = {customer_id for _, customer_id in missing}
    opt_ins = consent_queries.opt_ins_of(session, new)
    pairs = session.execute(select(Customer.id, Customer.revision).where(Customer.id.in_(new)))
    revisions: dict[uuid.UUID, int] = dict(list(pairs))
    rows: list[dict[str, Any]] = []
    for store_id, customer_id in sorted(missing):
        state, opted_in_at = opt_ins.get((store_id, customer_id), (State.NOT_ASKED.value, None))
        rows.append(
            {
                "store_id": store_id,
                "customer_id": customer_id,
                "since": wanted[store_id, customer_id],
                "reason": LinkReason.ORDERED.value,
                "opt_in_state": state,
                "opted_in_at": opted_in_at,
            }
        )
    insert_rows(session, CustomerStore, rows)
    told = [
        NewEvent(
            kind=EventKind.CUSTOMER_UPDATED,
            customer_id=customer_id,
            revision=revisions[customer_id],
            store_id=store_id,
            changed=["stores"],
        )
        for store_id, customer_id in sorted(missing)
    ]
    events.add_batch(session, actor, told)
    return new


def _count(session: Session, customer_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Bring the customers' number of orders and last purchase up to date; return whose changed."""
    if not customer_ids:
        return set()
    # Locked before counting, so that of two acts at once the later one sees both orders.
    held = session.execute(
        select(Customer.id, Customer.order_count, Customer.last_order_at)
        .where(Customer.id.in_(customer_ids))
        .order_by(Customer.id)
        .with_for_update(key_share=True)
    ).all()
    counted = {
        customer_id: (count, last)
        for customer_id, count, last in session.execute(
            select(Order.customer_id, func.count(), func.max(Order.placed_at))
            .where(Order.customer_id.in_(customer_ids))
            .group_by(Order.customer_id)
        )
    }
    changed: dict[uuid.UUID, dict[str, Any]] = {}
    for customer_id, *before in held:
        count, last = counted.get(customer_id, (0, None))
        if before != [count, last]:
            changed[customer_id] = {"id": customer_id, "order_count": count, "last_order_at": last}
    update_rows(session, Customer, "id", list(changed.values()))
    for known in session.identity_map.values():
        if isinstance(known, Customer) and known.id in changed:
            session.expire(known, ["order_count", "last_order_at"])
    return set(changed)
