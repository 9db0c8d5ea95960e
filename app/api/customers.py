"""Customers: operations 1, 2, 3, 5, 6 and 7 of API v0."""

from collections.abc import Callable
from typing import Any

from flask import current_app, request

from app.api import ids, list_log, schemas
from app.api.auth import current_actor
from app.api.errors import MissingCustomer
from app.api.paging import numbers, page_request
from app.api.requests import load_json
from app.config import Settings
from app.db import transaction
from app.domain import profile_lists
from app.domain.audit import AccessAction
from app.domain.fields import Checker
from app.domain.profile_lists import ProfileQuery, ProfileSort
from app.errors import Invalid
from app.queries import profile_rows
from app.queries import profiles as queries
from app.queries.profile_rows import Profile
from app.request_session import get_session
from app.services import customers, data_requests, profiles


def index() -> dict[str, Any]:
    """List full customers."""
    return _list(schemas.customer, whole=True)


def simplified() -> dict[str, Any]:
    """List simplified customers."""
    return _list(schemas.short_customer, whole=False)


def _list(write: Callable[[Profile], dict[str, Any]], *, whole: bool) -> dict[str, Any]:
    query = _query()
    page = queries.list_page(get_session(), current_actor(), query, whole=whole)
    list_log.note((row.id for row in page.items), "api", text=query.text)
    return {"items": [write(row) for row in page.items], "pagination_info": numbers(page)}


def _query() -> ProfileQuery:
    checker = Checker()
    page = page_request()
    given = request.args.get("sort")
    nothing: tuple[ProfileSort | None, bool] = (None, False)
    sort, descending = nothing
    if given is not None:
        sort, descending = checker.take("sort", lambda: profile_lists.read_sort(given), nothing)
    checker.done()
    return ProfileQuery(
        text=request.args.get("q", ""),
        created_by=request.args.get(profile_lists.CREATED_BY, ""),
        attribute_name=request.args.get(profile_lists.ATTRIBUTE_NAME),
        attribute_value=request.args.get(profile_lists.ATTRIBUTE_VALUE),
        sort=sort,
        descending=descending,
        page=page,
    )


def create() -> dict[str, Any]:
    """Create customer."""
    given, addresses, values = schemas.new_customer(schemas.CUSTOMER_CREATE.body(load_json()))
    session, actor = get_session(), current_actor()
    try:
        with transaction(session):
            made = profiles.create(session, actor, given, addresses=addresses, attribute_values=values)
            return schemas.customer(profile_rows.get(session, actor, made.id))
    except Invalid as refused:
        raise schemas.under_client_names(refused) from refused


def show(customer_id: str) -> dict[str, Any]:
    """Get customer."""
    session, actor = get_session(), current_actor()
    wanted = ids.read(customer_id, MissingCustomer)
    with ids.named(MissingCustomer), transaction(session, one_change=True):
        found = profile_rows.get(session, actor, wanted)
        customers.note_look(session, actor, found.id, AccessAction.VIEWED)
    return schemas.customer(found)


def update(customer_id: str) -> dict[str, Any]:
    """Update customer."""
    wanted = ids.read(customer_id, MissingCustomer)
    read = schemas.CUSTOMER_UPDATE.body(load_json())
    session, actor = get_session(), current_actor()
    try:
        with ids.named(MissingCustomer), transaction(session):
            profiles.replace(
                session,
                actor,
                wanted,
                schemas.changed_customer(read),
                read["extended_attributes"],
                revision=read["revision"],
            )
            return schemas.customer(profile_rows.get(session, actor, wanted))
    except Invalid as refused:
        raise schemas.under_client_names(refused) from refused


def delete(customer_id: str) -> tuple[None, int]:
    """Request customer deletion."""
    wanted = ids.read(customer_id, MissingCustomer)
    session = get_session()
    settings: Settings = current_app.extensions["settings"]
    with ids.named(MissingCustomer), transaction(session):
        data_requests.request_deletion(
            session, current_actor(), wanted, call_off_days=settings.deletion_call_off_days
        )
    return None, 202
