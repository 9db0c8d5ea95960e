"""One batch of imported rows, kind by kind: the same rules and audit as every other way in."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session, selectinload

from app.domain import attributes, clock, orders, values
from app.domain.actor import Actor
from app.domain.addresses import FIELD_LABELS as ADDRESS_FIELDS
from app.domain.addresses import AddressInput
from app.domain.audit import AuditAction
from app.domain.consents import IMPORTED_ACTIONS, Action, Channel, ConsentInput, Method, Purpose
from app.domain.customers import EMAIL_TAKEN, CustomerChanges, CustomerInput
from app.domain.fields import Checker
from app.domain.permissions import Role
from app.domain.texts import N_
from app.domain.values import BadValue
from app.errors import AppError, Conflict, Invalid, NotFound, Stale
from app.models import Address, Associate, AssociateStore, ConsentEvent, Customer, Store
from app.queries import scope
from app.services import (
    addresses,
    audit,
    consents,
    customers,
    customers_bulk,
    import_fields,
    search_index,
)
from app.services import attributes as attribute_services
from app.services import orders as order_services
from app.services.import_files import Row

_ATTRIBUTES = "extended_attributes"
OWN_FIELDS = ("first_name", "last_name", "phone_number", "country_code")
# Same place, same address: the other fields (a name, a phone) may be brought up to date.
_PLACE = ("type", "address_1", "address_2", "zip_code", "city", "country_code")


class Outcome(StrEnum):
    """What came of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


Result = Outcome | AppError


@dataclass(kw_only=True)
class Context:
    """What the rows of one import share."""

    store: Store | None
    definitions: Mapping[str, attributes.Definition] = field(default_factory=dict)
    associates: Mapping[str, uuid.UUID] = field(default_factory=dict)
    rows_done: int = 0


def prepare(session: Session, store_id: uuid.UUID | None) -> Context:
    """Read what every batch of an import needs."""
    associates: dict[str, uuid.UUID] = {}
    for identity, key in session.execute(select(Associate.id, Associate.email_key)):
        associates |= {key: identity, str(identity): identity}
    return Context(
        store=session.get_one(Store, store_id) if store_id else None,
        definitions=attribute_services.definitions(session),
        associates=associates,
    )


@dataclass(frozen=True, kw_only=True)
class CheckedCustomer:
    """A customer's row, and what a new customer would have of it: columns and addresses, or why not.

    `region` is the country in whose way the phone number was read.
    """

    row: Mapping[str, Any]
    region: str | None
    columns: Mapping[str, Any] | Invalid
    addresses: Sequence[dict[str, Any]] = ()


def read(kind: str, row: Row, region: str | None) -> Row:
    """Return a row with its data read and checked, as far as that needs no database: what `apply` takes."""
    if row.error is not None:
        return row
    try:
        data: Any = row.data
        if kind in import_fields.SHAPES:
            data = import_fields.SHAPES[kind].body(data)
        if kind == "customers":
            data = _check_customer(data, region)
        elif kind == "orders":
            data = orders.parse(data)
    except Invalid as error:
        return Row(line=row.line, data={}, error=error)
    return Row(line=row.line, data=data)


def _check_customer(row: Mapping[str, Any], region: str | None) -> CheckedCustomer:
    try:
        columns = CustomerInput(email=_email(row), **_own(row)).check(region=region)
        checked = [given.check(strict=False) for given in import_fields.addresses(row)]
    except Invalid as error:
        return CheckedCustomer(row=row, region=region, columns=error)
    return CheckedCustomer(row=row, region=region, columns=columns, addresses=checked)


def apply(kind: str, session: Session, actor: Actor, context: Context, batch: Sequence[Any]) -> list[Result]:
    """Apply the data of rows of one kind, as `read` gives them, in the running transaction.

    A row that is refused changes nothing.
    """
    return _APPLY[kind](session, actor, context, batch)


def _each(
    session: Session, batch: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any]], Outcome]
) -> list[Result]:
    results: list[Result] = []
    for row in batch:
        try:
            with session.begin_nested():
                results.append(act(row))
        except (Invalid, NotFound, Conflict, Stale) as error:
            results.append(error)
    return results


def _customers(
    session: Session, actor: Actor, context: Context, batch: Sequence[CheckedCustomer]
) -> list[Result]:
    store = _store(context)
    keys = [_key(one) for one in batch]
    known = _by_email(session, actor, [key for key in keys if key])
    results: dict[int, Result] = {}
    new: dict[str, customers_bulk.NewCustomer] = {}
    later: list[int] = []
    for number, (one, key) in enumerate(zip(batch, keys, strict=True)):
        if key in known or key in new:
            later.append(number)
            continue
        try:
            made = _new_customer(one, store, context)
        except Invalid as error:
            results[number] = error
            continue
        new[made.columns["email_key"]] = made
        results[number] = Outcome.CREATED
    if new:
        search_index.refresh(session, customers_bulk.create(session, actor, list(new.values())))
    if later:
        known = _by_email(session, actor, [keys[number] or "" for number in later])
        outcomes = _each(
            session,
            [batch[number].row for number in later],
            lambda row: _update_customer(session, actor, context, known, row),
        )
        results |= dict(zip(later, outcomes, strict=True))
    return [results[number] for number in range(len(batch))]


def _key(one: CheckedCustomer) -> str | None:
    """Return the key of the row's e-mail address; what was refused for another reason may have one too."""
    if isinstance(one.columns, Invalid):
        return values.find_email_key(one.row.get("email"))
    key: str = one.columns["email_key"]
    return key


def _new_customer(one: CheckedCustomer, store: Store, context: Context) -> customers_bulk.NewCustomer:
    if one.region != store.country_code:
        one = _check_customer(one.row, store.country_code)
    if isinstance(one.columns, Invalid):
        raise one.columns
    return customers_bulk.NewCustomer(
        columns=dict(one.columns),
        store_id=store.id,
        created_by_id=_creator(one.row, context),
        created_at=import_fields.past(one.row, "created_at"),
        addresses=one.addresses,
        attributes=attributes.check(context.definitions, one.row.get(_ATTRIBUTES, {})),
    )


def _update_customer(
    session: Session,
    actor: Actor,
    context: Context,
    known: Mapping[str, Customer],
    row: Mapping[str, Any],
) -> Outcome:
    key = values.find_email_key(row.get("email")) or ""
    if key not in known:
        raise Conflict({"email": [EMAIL_TAKEN]}, EMAIL_TAKEN)
    customer = _with_parts(session, known[key])
    have = {one.name: one.value for one in customer.extended_attributes}
    before = customer.revision
    given = {name: value for name, value in _own(row).items() if value}
    columns = CustomerChanges(**given).check(region=customer.country_code or _store(context).country_code)
    if any(columns[name] != getattr(customer, name) for name in given):
        customers.update(session, actor, customer.id, CustomerChanges(**given), revision=customer.revision)
    wanted = attributes.check(context.definitions, row.get(_ATTRIBUTES, {}), held=have)
    if any(have.get(name) != value for name, value in wanted.items()):
        attribute_services.change(session, actor, customer.id, wanted, revision=customer.revision)
    for address in import_fields.addresses(row):
        _put_address(session, actor, customer, address)
    return Outcome.UNCHANGED if customer.revision == before else Outcome.UPDATED


def _put_address(session: Session, actor: Actor, customer: Customer, given: AddressInput) -> Outcome:
    columns = given.check(strict=False)
    for one in _with_parts(session, customer).addresses:
        if all(getattr(one, name) == columns[name] for name in _PLACE):
            return _update_address(session, actor, customer, one, columns)
    addresses.create(session, actor, customer.id, given, strict=False)
    session.expire(customer, ["addresses"])
    return Outcome.CREATED


def _update_address(
    session: Session, actor: Actor, customer: Customer, one: Address, columns: Mapping[str, Any]
) -> Outcome:
    wanted = {name: columns[name] or getattr(one, name) for name in ADDRESS_FIELDS}
    if all(wanted[name] == getattr(one, name) for name in ADDRESS_FIELDS):
        return Outcome.UNCHANGED
    addresses.update(
        session, actor, customer.id, one.id, AddressInput(**wanted), revision=customer.revision, strict=False
    )
    return Outcome.UPDATED


def _address_rows(
    session: Session, actor: Actor, context: Context, batch: Sequence[Mapping[str, Any]]
) -> list[Result]:
    del context
    known = _by_email(session, actor, [values.find_email_key(row.get("email")) or "" for row in batch])
    return _each(
        session,
        batch,
        lambda row: _put_address(
            session, actor, _known(known, row), import_fields.address(row, row.get("type", ""))
        ),
    )


def _attribute_rows(
    session: Session, actor: Actor, context: Context, batch: Sequence[Mapping[str, Any]]
) -> list[Result]:
    known = _by_email(session, actor, [values.find_email_key(row.get("email")) or "" for row in batch])

    def act(row: Mapping[str, Any]) -> Outcome:
        customer = _with_parts(session, _known(known, row))
        given = dict(row.get(_ATTRIBUTES, {}))
        if row.get("name"):
            given[row["name"]] = row.get("value", "")
        have = {one.name: one.value for one in customer.extended_attributes}
        wanted = attributes.check(
            context.definitions, {name: value for name, value in given.items() if value}, held=have
        )
        if all(have.get(name) == value for name, value in wanted.items()):
            return Outcome.UNCHANGED
        attribute_services.change(session, actor, customer.id, wanted, revision=customer.revision)
        return Outcome.UPDATED if have else Outcome.CREATED

    return _each(session, batch, act)


def _order_rows(
    session: Session, actor: Actor, context: Context, batch: Sequence[orders.OrderDocument]
) -> list[Result]:
    store_id = context.store.id if context.store else None
    given = [order_services.OrderInput(order=one, store_id=store_id) for one in batch]
    return [_of_order(outcome) for outcome in order_services.record_batch(session, actor, given)]


def _of_order(outcome: order_services.Recorded | Invalid) -> Result:
    if isinstance(outcome, Invalid):
        return outcome
    if not outcome.changed:
        return Outcome.UNCHANGED
    return Outcome.CREATED if outcome.created else Outcome.UPDATED


def _opt_in_rows(
    session: Session, actor: Actor, context: Context, batch: Sequence[Mapping[str, Any]]
) -> list[Result]:
    store = _store(context)
    known = _by_email(session, actor, [values.find_email_key(row.get("email")) or "" for row in batch])
    ids = {customer.id for customer in known.values()}
    there = {
        (one.customer_id, one.channel, one.purpose, one.action, one.at)
        for one in session.scalars(
            select(ConsentEvent).where(ConsentEvent.customer_id.in_(ids), ConsentEvent.store_id == store.id)
        )
    }
    results: list[Result | ConsentInput] = []
    for row in batch:
        try:
            given = _opt_in(row, _known(known, row), store)
        except (Invalid, NotFound) as error:
            results.append(error)
            continue
        key = (given.customer_id, given.channel.value, given.purpose.value, given.action.value, given.at)
        # The same declaration again, from a file that was imported before.
        results.append(Outcome.UNCHANGED if key in there else given)
        there.add(key)
    # In the order in which things were said, whatever the order of the rows.
    asked = sorted((one for one in results if isinstance(one, ConsentInput)), key=lambda one: one.at)
    outcomes = dict(zip(map(id, asked), consents.record_batch(session, actor, asked), strict=True))
    settled: list[Result] = []
    for one in results:
        if isinstance(one, ConsentInput):
            outcome = outcomes[id(one)]
            settled.append(outcome if isinstance(outcome, AppError) else Outcome.CREATED)
        else:
            settled.append(one)
    return settled


def _opt_in(row: Mapping[str, Any], customer: Customer, store: Store) -> ConsentInput:
    checker = Checker()
    channel = checker.take("channel", lambda: _choice(Channel, row.get("channel")), Channel.EMAIL)
    purpose = checker.take(
        "purpose", lambda: _choice(Purpose, row.get("purpose") or "clienteling"), Purpose.CLIENTELING
    )
    action = checker.take(
        "action", lambda: _choice(IMPORTED_ACTIONS, row.get("action") or "given"), Action.GIVEN
    )
    checker.done()
    at = import_fields.past(row, "at")
    if at is None:
        raise Invalid({"at": ["Say when the customer declared this, like 2026-05-31T12:00:00Z."]})
    return ConsentInput(
        customer_id=customer.id,
        store_id=store.id,
        channel=channel,
        purpose=purpose,
        action=action,
        method=Method.IMPORT,
        at=at,
        source=row.get("source") or N_("Import"),
        wording=row.get("wording", ""),
        language=row.get("language", ""),
    )


def _choice(choices: Iterable[Any], value: object) -> Any:
    wanted = str(value or "").strip().casefold()
    for one in choices:
        if one == wanted:
            return one
    raise BadValue(f"Write one of: {', '.join(choices)}.")


def _employee_rows(
    session: Session, actor: Actor, context: Context, batch: Sequence[Mapping[str, Any]]
) -> list[Result]:
    store = _store(context)

    def act(row: Mapping[str, Any]) -> Outcome:
        # The same rules for names and e-mail addresses as for everybody.
        columns = CustomerInput(
            email=_email(row),
            first_name=row.get("first_name", ""),
            last_name=row.get("last_name", ""),
        ).check()
        key = columns["email_key"]
        if session.scalar(select(Associate.id).where(Associate.email_key == key)) is not None:
            return Outcome.UNCHANGED
        now = clock.utcnow()
        associate = Associate(
            email=columns["email"],
            email_key=key,
            first_name=columns["first_name"],
            last_name=columns["last_name"],
            role=Role.ASSOCIATE.value,
            # Nobody can sign in who was not invited: an administrator activates and sets a password.
            is_active=False,
            created_at=now,
            updated_at=now,
        )
        session.add(associate)
        session.flush()
        session.add(AssociateStore(associate_id=associate.id, store_id=store.id))
        # An attribute may be called as a field is: both stay.
        details = {
            f"attribute.{name}" if name in {"email", "name"} else name: (None, value)
            for name, value in row.get(_ATTRIBUTES, {}).items()
        }
        audit.record(
            session,
            actor,
            AuditAction.ASSOCIATE_CREATED,
            subject=("associate", associate.id),
            store_id=store.id,
            changes={"email": (None, associate.email), "name": (None, associate.name), **details},
        )
        return Outcome.CREATED

    return _each(session, batch, act)


def _store(context: Context) -> Store:
    if context.store is None:
        raise Invalid({"store": ["Name the store with --store."]})
    return context.store


def _by_email(session: Session, actor: Actor, keys: Sequence[str]) -> dict[str, Customer]:
    found = session.scalars(
        select(Customer)
        .where(Customer.email_key.in_(set(keys)), scope.visible(actor))
        .options(selectinload(Customer.addresses), selectinload(Customer.extended_attributes))
    )
    return {customer.email_key: customer for customer in found}


def _with_parts(session: Session, customer: Customer) -> Customer:
    """Load the parts again that an act before this one has put out of date."""
    if missing := inspect(customer).unloaded & {"addresses", "extended_attributes"}:
        session.refresh(customer, sorted(missing))
    return customer


def _known(known: Mapping[str, Customer], row: Mapping[str, Any]) -> Customer:
    key = values.find_email_key(row.get("email")) or ""
    if key not in known:
        raise Invalid({"email": ["There is no customer with this e-mail address."]})
    return known[key]


def _email(row: Mapping[str, Any]) -> str:
    return row.get("email") or ""


def _own(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: row.get(name) or "" for name in OWN_FIELDS}


def _creator(row: Mapping[str, Any], context: Context) -> uuid.UUID | None:
    given = row.get("created_by", "")
    if given and given.casefold() not in context.associates:
        raise Invalid({"created_by": [f"There is no associate {given}."]})
    return context.associates.get(given.casefold())


_Apply = Callable[[Session, Actor, Context, Sequence[Any]], list[Result]]
_APPLY: dict[str, _Apply] = {
    "customers": _customers,
    "addresses": _address_rows,
    "attributes": _attribute_rows,
    "orders": _order_rows,
    "opt-ins": _opt_in_rows,
    "employees": _employee_rows,
}
