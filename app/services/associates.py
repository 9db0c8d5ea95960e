"""Associates: create, update, set a password, deactivate; the last administrator stays."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.associates import AssociateInput
from app.domain.audit import AuditAction, diff
from app.domain.permissions import Permission, Role
from app.domain.texts import N_
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.models import Associate, AssociateStore
from app.services import audit, sign_in, store_links
from app.services.sign_in import PasswordHash

FIELDS = ("email", "first_name", "last_name", "role")


def create(
    session: Session, actor: Actor, given: AssociateInput, *, password_hash: PasswordHash | None = None
) -> Associate:
    """Create an associate; without a password nobody can sign in with the account yet.

    Raises Invalid, and Conflict when the e-mail address is taken.
    """
    actor.require(Permission.ADMIN_MANAGE)
    columns = given.check()
    store_links.require_open(session, given.store_ids)
    _refuse_taken_email(session, columns["email_key"], None)
    now = clock.utcnow()
    associate = Associate(
        **columns,
        password_hash=password_hash,
        is_active=True,
        revision=1,
        created_at=now,
        updated_at=now,
    )
    session.add(associate)
    session.flush()
    store_links.replace(session, AssociateStore.associate_id, associate.id, given.store_ids)
    changes = diff(
        {}, {name: columns[name] for name in FIELDS} | {"stores": store_links.plain(given.store_ids)}
    )
    audit.record(
        session, actor, AuditAction.ASSOCIATE_CREATED, subject=("associate", associate.id), changes=changes
    )
    session.flush()
    return associate


def update(
    session: Session, actor: Actor, associate_id: uuid.UUID, given: AssociateInput, *, revision: int
) -> Associate:
    """Change an associate's name, e-mail address, role and stores; another role signs them out.

    Raises Invalid, NotFound, Stale for an older revision, Forbidden for the own role and Conflict
    for a taken e-mail address or the last administrator.
    """
    associate = _open(session, actor, associate_id, revision)
    columns = given.check()
    held = store_links.held(session, AssociateStore.associate_id, associate_id)
    store_links.require_open(session, given.store_ids, held=held)
    _refuse_taken_email(session, columns["email_key"], associate_id)
    has_new_role = columns["role"] != associate.role
    if has_new_role:
        _refuse_self(actor, associate_id, N_("Nobody can change their own role. Ask another administrator."))
        _keep_an_admin(session, associate)
    old: dict[str, Any] = {name: getattr(associate, name) for name in FIELDS} | {
        "stores": store_links.plain(held)
    }
    changes = diff(
        old, {name: columns[name] for name in FIELDS} | {"stores": store_links.plain(given.store_ids)}
    )
    if not changes:
        return associate
    for name, value in columns.items():
        setattr(associate, name, value)
    store_links.replace(session, AssociateStore.associate_id, associate_id, given.store_ids, held=held)
    if has_new_role:
        sign_in.end_sessions(session, associate_id)
    return _finish(session, actor, associate, AuditAction.ASSOCIATE_UPDATED, changes)


def set_password(
    session: Session, actor: Actor, associate_id: uuid.UUID, password_hash: PasswordHash, *, revision: int
) -> Associate:
    """Give an associate a new password and sign them out everywhere. Raises NotFound and Stale."""
    associate = _open(session, actor, associate_id, revision)
    associate.password_hash = password_hash
    sign_in.end_sessions(session, associate_id)
    return _finish(session, actor, associate, AuditAction.PASSWORD_CHANGED, {})


def deactivate(session: Session, actor: Actor, associate_id: uuid.UUID, *, revision: int) -> Associate:
    """Close an associate's account and sign them out everywhere.

    Raises NotFound, Stale, Forbidden for the own account and Conflict for the last administrator.
    """
    associate = _open(session, actor, associate_id, revision)
    _refuse_self(actor, associate_id, N_("Nobody can deactivate themselves. Ask another administrator."))
    if not associate.is_active:
        return associate
    _keep_an_admin(session, associate)
    associate.is_active = False
    sign_in.end_sessions(session, associate_id)
    return _finish(session, actor, associate, AuditAction.ASSOCIATE_UPDATED, {"is_active": (True, False)})


def reactivate(session: Session, actor: Actor, associate_id: uuid.UUID, *, revision: int) -> Associate:
    """Open an associate's account again. Raises NotFound, Stale, and Forbidden for the own account."""
    associate = _open(session, actor, associate_id, revision)
    _refuse_self(actor, associate_id, N_("Nobody can reactivate themselves. Ask another administrator."))
    if associate.is_active:
        return associate
    associate.is_active = True
    return _finish(session, actor, associate, AuditAction.ASSOCIATE_UPDATED, {"is_active": (False, True)})


def _open(session: Session, actor: Actor, associate_id: uuid.UUID, revision: int) -> Associate:
    actor.require(Permission.ADMIN_MANAGE)
    associate = session.get(Associate, associate_id, with_for_update=True, populate_existing=True)
    if associate is None:
        raise NotFound
    if revision != associate.revision:
        raise Stale(associate.revision)
    return associate


def _finish(
    session: Session,
    actor: Actor,
    associate: Associate,
    action: AuditAction,
    changes: dict[str, tuple[Any, Any]],
) -> Associate:
    associate.revision += 1
    associate.updated_at = clock.utcnow()
    audit.record(session, actor, action, subject=("associate", associate.id), changes=changes)
    session.flush()
    session.expire(associate, ["stores"])
    return associate


def _refuse_self(actor: Actor, associate_id: uuid.UUID, message: str) -> None:
    if actor.id == associate_id:
        raise Forbidden(message)


def _keep_an_admin(session: Session, associate: Associate) -> None:
    # Every administrator's row is locked, so that two cannot take the last two away at once.
    admins = session.scalars(
        select(Associate.id)
        .where(Associate.role == Role.ADMIN.value, Associate.is_active)
        .order_by(Associate.id)
        .with_for_update()
    ).all()
    if admins == [associate.id]:
        raise Conflict(message=N_("This is the last active administrator. Make another one first."))


def _refuse_taken_email(session: Session, key: str, own_id: uuid.UUID | None) -> None:
    taken = session.scalars(select(Associate.id).where(Associate.email_key == key)).one_or_none()
    if taken is not None and taken != own_id:
        raise Conflict({"email": [N_("An associate with this e-mail address exists already.")]})
