"""Addresses of a customer: operations 8 to 11 of API v0."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from app.api import ids, schemas
from app.api.auth import current_actor
from app.api.errors import MissingAddress, MissingCustomer
from app.api.requests import load_json
from app.db import transaction
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.errors import NotFound
from app.models import Customer
from app.queries import customers as customer_queries
from app.request_session import get_session
from app.services import addresses, customers


def create(customer_id: str) -> dict[str, Any]:
    """Create address."""
    wanted = ids.read(customer_id, MissingCustomer)
    read = schemas.ADDRESS_CREATE.body(load_json())
    session, actor = get_session(), current_actor()
    with ids.named(MissingCustomer), transaction(session):
        address = addresses.create(
            session,
            actor,
            wanted,
            schemas.new_address(read),
            revision=read.get("profile_revision"),
            strict=False,
        )
        return schemas.address(address, _owner(session, actor, wanted).revision)


def show(customer_id: str, address_id: str) -> dict[str, Any]:
    """Get address."""
    wanted, part = _ids(customer_id, address_id)
    session, actor = get_session(), current_actor()
    with ids.named(MissingAddress), transaction(session, one_change=True):
        owner = _owner(session, actor, wanted)
        address = addresses.get(session, actor, wanted, part)
        customers.note_look(session, actor, wanted, AccessAction.VIEWED)
    return schemas.address(address, owner.revision)


def update(customer_id: str, address_id: str) -> dict[str, Any]:
    """Update address."""
    wanted, part = _ids(customer_id, address_id)
    read = schemas.ADDRESS_UPDATE.body(load_json())
    session, actor = get_session(), current_actor()
    with ids.named(MissingAddress), transaction(session):
        owner = _owner(session, actor, wanted)
        given = schemas.changed_address(addresses.get(session, actor, wanted, part), read)
        revision = read.get("profile_revision")
        address = addresses.update(
            session, actor, wanted, part, given, revision=revision, merge=False, strict=False
        )
        return schemas.address(address, owner.revision)


def delete(customer_id: str, address_id: str) -> tuple[None, int]:
    """Delete address."""
    wanted, part = _ids(customer_id, address_id)
    read = schemas.ADDRESS_DELETE.body(load_json())
    session, actor = get_session(), current_actor()
    with ids.named(MissingAddress), transaction(session):
        _owner(session, actor, wanted)
        addresses.delete(session, actor, wanted, part, revision=read["profile_revision"], merge=False)
    return None, 204


def _ids(customer_id: str, address_id: str) -> tuple[uuid.UUID, uuid.UUID]:
    return ids.read(customer_id, MissingCustomer), ids.read(address_id, MissingAddress)


def _owner(session: Session, actor: Actor, customer_id: uuid.UUID) -> Customer:
    try:
        return customer_queries.get(session, actor, customer_id)
    except NotFound:
        raise MissingCustomer from None
