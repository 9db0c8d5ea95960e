"""The customer list of API v0: its own `q`, exact totals, a constant number of statements."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    cast,
    collate,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from app.domain import folding, profile_lists, searches
from app.domain.actor import Actor
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.domain.profile_lists import ProfileQuery, ProfileSort, Wanted
from app.errors import NotFound
from app.models import Associate, Customer, CustomerStore, ExtendedAttribute, Store
from app.models import search as tables
from app.queries import profile_rows, scope
from app.queries import search_lookup as lookup
from app.queries.profile_rows import Profile
from app.queries.search_lookup import Need

entries = tables.entries.c
# Plain columns: through the mapped classes each statement costs twice as much.
_customers, _attributes, _links = Customer.__table__, ExtendedAttribute.__table__, CustomerStore.__table__
_stores, _associates = Store.__table__, Associate.__table__
customers, attributes, links = _customers.c, _attributes.c, _links.c
stores, associates = _stores.c, _associates.c

_OFFSET, _COUNT = bindparam("offset", type_=Integer), bindparam("count", type_=Integer)


class OptedIn(NamedTuple):
    """A customer who takes part in clienteling in a store, and since when."""

    id: uuid.UUID
    first_name: str
    last_name: str
    phone_number: str
    opted_in_at: datetime | None
    store_id: uuid.UUID


def list_page(session: Session, actor: Actor, query: ProfileQuery, *, whole: bool) -> Page[Profile]:
    """Return one page of the customers that the actor may see, and their exact number; none on hold.

    `whole` reads addresses and attributes too. Without a sort the oldest come first, so that a
    client who pages on meets each customer once, whoever is added meanwhile.
    """
    actor.require(Permission.CUSTOMER_VIEW)
    if query.created_by and query.created_by_id is None:
        found = _Found([], 0)
    else:
        found = (_search if query.text else _walk)(session, actor, query)
    return Page(
        items=profile_rows.page(session, actor, found.ids, whole=whole),
        offset=query.page.offset,
        requested=query.page.count,
        total=found.total,
    )


class _Found(NamedTuple):
    """The ids on the page, and how many there are in all."""

    ids: Sequence[uuid.UUID]
    total: int


def _read(session: Session, page: Select[Any], number: Select[Any], values: Mapping[str, Any]) -> _Found:
    """Ask for the page, whose rows tell the number too; only beyond the last row it is asked for alone."""
    rows = session.execute(page, values).all()
    if rows or not values["offset"]:
        return _Found([row[0] for row in rows], rows[0][1] if rows else 0)
    return _Found([], session.scalar(number, values) or 0)


def _values(query: ProfileQuery) -> dict[str, Any]:
    """Return the values of all parameters that a statement below may have."""
    return {
        "attribute_name": query.attribute_name,
        "attribute_key": folding.fold(query.attribute_value or ""),
        "created_by_id": query.created_by_id,
        "offset": query.page.offset,
        "count": query.page.count,
    }


class _Kind(NamedTuple):
    """What a statement depends on, apart from values: so it is built once, which takes longer than asking."""

    on_sqlite: bool
    bounds: scope.Bounds
    sort: ProfileSort | None
    descending: bool
    by_attribute: bool
    by_creator: bool

    @classmethod
    def of(cls, session: Session, actor: Actor, query: ProfileQuery) -> "_Kind":
        return cls(
            on_sqlite=lookup.on_sqlite(session),
            bounds=scope.bounds(actor),
            sort=query.sort,
            descending=query.descending,
            by_attribute=bool(query.attribute_name and query.attribute_value),
            by_creator=bool(query.created_by),
        )

    @property
    def source(self) -> FromClause:
        """The table that holds the haystacks."""
        return lookup.source_of(on_sqlite=self.on_sqlite)


class _Looked(NamedTuple):
    """What the statement of a search depends on besides: the kinds of things looked for, and how many."""

    words: int
    has_ending: bool
    has_email: bool
    by_index: lookup.LookUpKind | None


def _search(session: Session, actor: Actor, query: ProfileQuery) -> _Found:
    """Return the page of what `q` finds."""
    kind = _Kind.of(session, actor, query)
    wanted = profile_lists.wanted(query.text)
    values = _values(query)
    values |= {f"word{number}": word for number, word in enumerate(wanted.words)}
    values |= {"ending": f"{wanted.ending} ", "email": wanted.email}
    need = _need(wanted)
    look_up = None
    if need:
        known = lookup.frequencies(session, [need])
        look_up = lookup.any_way(need, known, on_sqlite=kind.on_sqlite)
        values |= look_up.values()
    looked = _Looked(
        words=len(wanted.words),
        has_ending=wanted.ending is not None,
        has_email=wanted.email is not None,
        by_index=look_up.kind if look_up else None,
    )
    page, number = _search_by(kind, looked)
    if need or kind.sort:
        return _read(session, page, number, values)
    return _met(session, page, number, values)


@lru_cache(maxsize=256)
def _search_by(kind: _Kind, looked: _Looked) -> tuple[Select[Any], Select[Any]]:
    source = kind.source
    customer_id = source.c.customer_id
    criteria = [
        customer_id.not_in(scope.on_hold()),
        scope.within(kind.bounds),
        *_filters(kind),
        _finds(kind, looked),
    ]
    found = select(customer_id.label("id")).select_from(source)
    if looked.by_index:
        index, by_index = lookup.by_kind(looked.by_index)
        criteria += by_index
        if index is not None:
            found = found.join(index, index.c.rowid == source.c.doc)
    is_by_name = kind.sort in _BY_KEYS
    # Of most questions the haystack knows all, and the customers themselves need not be read.
    asks_customer = kind.by_attribute or kind.by_creator or kind.bounds is not None or looked.has_email
    if asks_customer or not (is_by_name or kind.sort is None):
        found = found.join(_customers, customers.id == customer_id)
    if is_by_name:
        found = found.join(tables.entries, and_(entries.doc == source.c.doc, entries.place == tables.COMPANY))
    # Search rows are numbered in the order of the ids.
    order: list[ColumnElement[Any]] = [source.c.doc] if kind.sort is None else _order(kind)
    found = _with_names(found, kind).where(*criteria)
    if looked.by_index or kind.sort:
        return _numbered(found, order)
    counted = found.with_only_columns(func.count(), maintain_column_froms=True)
    return found.order_by(*order).offset(_OFFSET).limit(_COUNT), counted


def _met(session: Session, page: Select[Any], number: Select[Any], values: Mapping[str, Any]) -> _Found:
    """Return the page of what no index finds: what is frequent is met soon, and counted apart."""
    ids = session.scalars(page, values).all()
    if ids and len(ids) < values["count"]:
        return _Found(ids, values["offset"] + len(ids))
    if not ids and not values["offset"]:
        return _Found([], 0)
    return _Found(ids, session.scalar(number, values) or 0)


def _numbered(found: Select[Any], order: list[ColumnElement[Any]]) -> tuple[Select[Any], Select[Any]]:
    """Return the page of few hits, found at some cost: numbered and counted in one reading."""
    place = func.row_number().over(order_by=order).label("place")
    hits = found.add_columns(place, func.count().over().label("total")).subquery()
    page = select(hits.c.id, hits.c.total).order_by(hits.c.place).offset(_OFFSET).limit(_COUNT)
    return page, select(func.count()).select_from(hits)


def _walk(session: Session, actor: Actor, query: ProfileQuery) -> _Found:
    """Return the page off an index in the order wanted where there is one."""
    page, number = _walk_by(_Kind.of(session, actor, query))
    return _read(session, page, number, _values(query))


@lru_cache(maxsize=256)
def _walk_by(kind: _Kind) -> tuple[Select[Any], Select[Any]]:
    customer_id = customers.id
    criteria = _filters(kind)
    is_plain = kind.sort is None and not kind.by_creator
    source: FromClause = _customers
    if kind.by_attribute:
        # The index of attributes holds all that is asked, in the order of the ids.
        customer_id, source = attributes.customer_id, _attributes
        criteria[0] = _IS_ATTRIBUTE
        is_plain = is_plain and kind.bounds is None
    elif is_plain and kind.bounds is not None:
        return _walk_stores(kind.bounds)
    if not is_plain:
        if kind.by_attribute:
            source = _attributes.join(_customers, customers.id == customer_id)
        criteria.append(scope.within(kind.bounds))
    counted = select(func.count()).select_from(source).where(*criteria)
    number: ColumnElement[int] = counted.scalar_subquery()
    if kind.bounds is None and not kind.by_creator:
        # A value that few have is not kept: then nothing is added up, and they are counted.
        number = func.coalesce(_NUMBER_WITH_VALUE, number) if kind.by_attribute else _NUMBER_OF_CUSTOMERS
    free = _less_held(number, counted, customer_id)
    ordered = _with_names(select(customer_id, free).select_from(source), kind)
    if kind.sort in _BY_KEYS:
        ordered = ordered.join(kind.source, kind.source.c.customer_id == customers.id).join(
            tables.entries, and_(entries.doc == kind.source.c.doc, entries.place == tables.COMPANY)
        )
    order = [customer_id] if kind.sort is None else _order(kind)
    ordered = ordered.where(*criteria, customer_id.not_in(scope.on_hold())).order_by(*order)
    return ordered.offset(_OFFSET).limit(_COUNT), select(free)


def _walk_stores(store_ids: frozenset[uuid.UUID]) -> tuple[Select[Any], Select[Any]]:
    """Return the customers of the stores in the order of their ids, and their number."""
    customer_id = links.customer_id
    is_theirs = links.store_id.in_(store_ids)
    found = select(customer_id).where(is_theirs, customer_id.not_in(scope.on_hold())).order_by(customer_id)
    number: ColumnElement[int] = func.count()
    if len(store_ids) > 1:
        found, number = found.distinct(), func.count(customer_id.distinct())
    counted = select(number).select_from(_links).where(is_theirs)
    free = _less_held(counted.scalar_subquery(), counted, customer_id)
    page = found.offset(_OFFSET).limit(_COUNT).subquery()
    return select(page.c.customer_id, free).order_by(page.c.customer_id), select(free)


# PostgreSQL adds whole numbers up to a decimal one.
_NUMBER_OF_CUSTOMERS = select(cast(func.sum(tables.counts.c.change), BigInteger)).scalar_subquery()
_kept = tables.attribute_counts.c
_NUMBER_WITH_VALUE = (
    select(cast(func.sum(_kept.change), BigInteger))
    .where(_kept.name == bindparam("attribute_name"), _kept.value_key == bindparam("attribute_key"))
    .scalar_subquery()
)


def _less_held(number: ColumnElement[int], counted: Select[Any], customer_id: Any) -> ColumnElement[int]:
    # All, off an index or kept, less the few on hold: quicker than to ask each.
    held = counted.where(customer_id.in_(scope.on_hold())).scalar_subquery()
    return (number - held).label("total")


_IS_ATTRIBUTE = and_(
    attributes.name == bindparam("attribute_name"), attributes.value_key == bindparam("attribute_key")
)


def _filters(kind: _Kind) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if kind.by_attribute:
        criteria.append(customers.id.in_(select(attributes.customer_id).where(_IS_ATTRIBUTE)))
    if kind.by_creator:
        criteria.append(customers.created_by_id == bindparam("created_by_id"))
    return criteria


def _with_names(found: Select[Any], kind: _Kind) -> Select[Any]:
    if kind.sort is ProfileSort.STORE_NAME:
        return found.outerjoin(_stores, stores.id == customers.store_id)
    if kind.sort is ProfileSort.CREATED_BY_NAME:
        return found.outerjoin(_associates, associates.id == customers.created_by_id)
    return found


# Names are sorted by their folded form, which the search keeps.
_BY_KEYS = (ProfileSort.FIRST_NAME, ProfileSort.LAST_NAME)


def _order(kind: _Kind) -> list[ColumnElement[Any]]:
    def plain(column: Any) -> ColumnElement[Any]:
        # The byte order, whatever the language of the database.
        return column if kind.on_sqlite else collate(column, "C")

    keys: list[ColumnElement[Any]]
    match kind.sort:
        case None:
            keys = []
        case ProfileSort.CREATED_AT:
            keys = [customers.created_at]
        case ProfileSort.UPDATED_AT:
            keys = [customers.updated_at]
        case ProfileSort.FIRST_NAME:
            keys = [entries.first_key, entries.last_key]
        case ProfileSort.LAST_NAME:
            # Who has no last name stands under the first, as in the lists of the pages.
            keys = [entries.last_key, entries.first_key]
        case ProfileSort.EMAIL:
            keys = [plain(customers.email_key)]
        case ProfileSort.STORE_NAME:
            keys = [plain(func.lower(func.coalesce(stores.name, "")))]
        case ProfileSort.CREATED_BY_NAME:
            keys = [
                plain(func.lower(func.coalesce(associates.last_name, customers.created_by_client))),
                plain(func.lower(func.coalesce(associates.first_name, ""))),
            ]
    # Search entries are numbered in the order of the ids, and their indexes end with the number.
    keys.append(entries.doc if kind.sort in _BY_KEYS else customers.id)
    return [key.desc() for key in keys] if kind.descending else keys


def _need(wanted: Wanted) -> Need | None:
    """Return what the index must hold of whoever is found; None where it cannot help."""
    ways = []
    if wanted.words:
        ways.append([word for word in wanted.words if len(word) >= searches.SHORTEST_ANYWHERE])
    if wanted.ending is not None:
        ways.insert(0, [f"{wanted.ending} "])
    if not (ways and all(ways)):
        return None
    return Need(
        tuple(
            tuple(token for pattern in way for token in Need.pattern(pattern).alternatives[0]) for way in ways
        )
    )


def _finds(kind: _Kind, looked: _Looked) -> ColumnElement[bool]:
    haystack = kind.source.c.haystack
    at = func.instr if kind.on_sqlite else func.strpos
    after_names = at(haystack, searches.AFTER_NAMES)
    phones = func.substr(haystack, at(haystack, searches.BEFORE_PHONES))

    def text(name: str) -> ColumnElement[str]:
        return bindparam(name, type_=String)

    ways: list[ColumnElement[bool]] = []
    if looked.words:
        # The names stand first: where the first place of a word is not among them, none is.
        words = (text(f"word{number}") for number in range(looked.words))
        ways.append(and_(*(at(haystack, word).between(1, after_names) for word in words)))
    if looked.has_ending:
        ways.append(at(phones, text("ending")) > 0)
    if looked.has_email:
        ways.append(at(customers.email_key, text("email")) > 0)
    return or_(false(), *ways)


def opted_in(session: Session, actor: Actor, store_id: uuid.UUID, page: PageRequest) -> Page[OptedIn]:
    """Return the customers whose opt-in to clienteling in the store is accepted, the earliest first.

    None of them is on hold.
    Raises NotFound for a store that is not there or not the actor's.
    """
    actor.require(Permission.OPT_IN_LIST)
    scope.require_store(actor, store_id)
    kept = (links.store_id == store_id, links.opt_in_state == searches.OPTED_IN)
    if session.scalar(select(stores.id).where(stores.id == store_id)) is None:
        raise NotFound
    counted = select(func.count()).select_from(_links).where(*kept)
    free = _less_held(counted.scalar_subquery(), counted, links.customer_id)
    found = session.execute(
        select(*_OPTED_IN)
        .select_from(_links.join(_customers, customers.id == links.customer_id))
        .where(*kept, links.customer_id.not_in(scope.on_hold()))
        .order_by(links.opted_in_at, links.customer_id)
        .offset(page.offset)
        .limit(page.count)
    )
    return Page(
        items=[OptedIn._make(row) for row in found],
        offset=page.offset,
        requested=page.count,
        total=session.scalar(select(free)) or 0,
    )


_OPTED_IN = (
    customers.id,
    customers.first_name,
    customers.last_name,
    customers.phone_number,
    links.opted_in_at,
    links.store_id,
)
