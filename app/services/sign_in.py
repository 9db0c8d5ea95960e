"""Signing in and out; sessions live in the database, so ending one works at once."""

import secrets
import uuid
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NamedTuple, NewType

import argon2
from sqlalchemy import and_, bindparam, delete, func, select
from sqlalchemy.orm import Session, selectinload

from app.db import PLANNED_ONCE
from app.domain import clock, digests, passwords
from app.domain.actor import Actor, Channel
from app.domain.audit import AuditAction
from app.domain.permissions import EVERY_STORE, Role
from app.domain.texts import LANGUAGES, N_, Text
from app.errors import Conflict, Invalid, NotFound, RateLimited
from app.models import Associate, AssociateStore, SignInFailure, SignInSession, Store
from app.models.associate import full_name
from app.services import audit

WINDOW = timedelta(minutes=15)
# Failures within the window after which nobody gets in: for one account, one address, everywhere.
MAX_ACCOUNT_FAILURES = 5
MAX_SOURCE_FAILURES = 50
MAX_FAILURES = 1000
LONGEST_SESSION = timedelta(hours=24)

_hasher = argon2.PasswordHasher()
# Of a password that nobody knows, so that an unknown address takes as long to refuse; written down, since
# to make it takes a tenth of the time of each start.
_DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$DkXqymKuM9jCztTAche76w$y1BFvGKsFfwoXSH3ybw6fA0GZ8EHOxsrRuF4B/qsCoM"
)


PasswordHash = NewType("PasswordHash", str)
"""What `hash_password` made of a password that is good enough."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A try to sign in that is counted already: the account and the hash to compare with.

    `counted_hash` is what it is counted under: the account, or the account on a device that knows it.
    """

    account_hash: str
    counted_hash: str = ""
    associate_id: uuid.UUID | None
    stored: str


@dataclass(frozen=True, kw_only=True)
class StoreChoice:
    """A store that an associate may stand in."""

    id: uuid.UUID
    name: str
    country_code: str
    time_zone: str
    currency: str


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Who a session belongs to and where they stand, as plain values."""

    token: str
    id: uuid.UUID
    name: str
    role: Role
    theme: str
    locale: str
    stores: tuple[StoreChoice, ...]
    store: StoreChoice | None
    is_handed_over: bool = False


def hash_password(password: str, *, email: str = "") -> PasswordHash:
    """Return the argon2id hash of a password; raises Invalid when it is too weak.

    It takes long, on purpose: call it before a transaction, never within.
    """
    return PasswordHash(_hasher.hash(passwords.check(password, email=email)))


def account_key(email: str) -> str:
    """Return how an account is named when its tries are counted, whether there is such an account or not."""
    return email.strip().casefold()[:254]


def begin(session: Session, *, email: str, source: str, secret: str, device: str = "") -> Attempt:
    """Count a try to sign in before the password is looked at, and return what it is checked against.

    `source` is the address that the try came from and `secret` the key under which account and
    source are hashed. The try counts as a failure until `succeed` takes it back: so parallel tries
    cannot pass the limit. `device` is the number of one that knows the account ("" for any other): there
    only its own tries are counted, so that no stranger's keep its people out.
    Raises RateLimited, also for the right password, after too many failures.
    """
    now = clock.utcnow()
    key = account_key(email)
    account_hash, source_hash = digests.keyed(secret, "account", key), digests.keyed(secret, "source", source)
    counted_hash = digests.keyed(secret, "device", f"{device} {key}") if device else account_hash
    if session.get_bind().dialect.name == "postgresql":
        # Tries for one account queue for a moment; SQLite has one writer anyway.
        session.execute(select(func.pg_advisory_xact_lock(int(counted_hash[:15], 16))))
    _refuse_storm(session, counted_hash, "" if device else source_hash, now)
    session.add(SignInFailure(account_hash=counted_hash, source_hash=source_hash, at=now))
    associate = session.scalars(select(Associate).where(Associate.email_key == key)).one_or_none()
    usable = associate is not None and associate.is_active and associate.password_hash is not None
    return Attempt(
        account_hash=account_hash,
        counted_hash=counted_hash,
        associate_id=associate.id if associate is not None and usable else None,
        stored=(associate.password_hash if associate is not None and usable else None) or _DUMMY_HASH,
    )


def is_right(attempt: Attempt, password: str) -> bool:
    """True when the password is the account's; takes as long for an account that is not there.

    It takes long, on purpose: call it between two transactions, never within.
    """
    return _verify(attempt.stored, password) and attempt.associate_id is not None


def rehash(attempt: Attempt, password: str) -> PasswordHash | None:
    """Return a new hash of the right password where the stored one is of an older kind; slow as well."""
    if not _hasher.check_needs_rehash(attempt.stored):
        return None
    return PasswordHash(_hasher.hash(passwords.normalise(password)))


def refuse(session: Session, attempt: Attempt) -> None:
    """Note that the password of the try was not right."""
    actor = Actor.system(N_("sign-in"), channel=Channel.WEB)
    audit.record(session, actor, AuditAction.SIGN_IN_REFUSED, subject=("account", attempt.account_hash[:16]))


def succeed(
    session: Session, attempt: Attempt, *, request_id: str, better_hash: PasswordHash | None = None
) -> str | None:
    """Begin a session after the right password, and return its token.

    None when the account was closed or got another password meanwhile.
    """
    now = clock.utcnow()
    associate = session.scalars(
        select(Associate)
        .where(
            Associate.id == attempt.associate_id,
            Associate.is_active,
            Associate.password_hash == attempt.stored,
        )
        .options(selectinload(Associate.stores))
        .with_for_update(of=Associate)
    ).one_or_none()
    if associate is None:
        refuse(session, attempt)
        return None
    if better_hash is not None:
        associate.password_hash = better_hash
    forgive(session, attempt)
    # No session lives longer, whatever SESSION_HOURS says, so nothing older is kept.
    forget_old_sessions(session)
    token = secrets.token_urlsafe(32)
    stores = [store for store in associate.stores if store.is_active]
    store_id = stores[0].id if stores else None
    session.add(
        SignInSession(
            token_hash=digests.sha256(token),
            associate_id=associate.id,
            store_id=store_id,
            created_at=now,
            last_seen_at=now,
        )
    )
    actor = Actor(
        id=associate.id,
        name=associate.name,
        role=Role(associate.role),
        store_id=store_id,
        request_id=request_id,
        device=device_of(token),
    )
    audit.record(session, actor, AuditAction.SIGNED_IN, subject=("associate", associate.id))
    session.flush()
    return token


class _OpenSession(NamedTuple):
    """What `_OPEN_SESSION` asks for of session and associate."""

    store_id: uuid.UUID | None
    created_at: datetime
    last_seen_at: datetime
    hand_over_id: uuid.UUID | None
    id: uuid.UUID
    first_name: str
    last_name: str
    role: str
    theme: str
    locale: str
    is_active: bool


# Every request asks these, so they are made once, and of tables: rows are read, nothing is changed.
_sessions, _associates = SignInSession.__table__.c, Associate.__table__.c
_stores, _places = Store.__table__.c, AssociateStore.__table__.c
# What is known of a store, under names that a session's own columns do not have.
_STORE_FIELDS = [field.name for field in fields(StoreChoice)]
_of_store = [_stores[name].label(f"of_store_{name}") for name in _STORE_FIELDS]
# One row for each of the associate's own open stores, or one without.
_OPEN_SESSION = (
    select(
        _sessions.store_id, _sessions.created_at, _sessions.last_seen_at, _sessions.hand_over_id,
        _associates.id, _associates.first_name, _associates.last_name, _associates.role, _associates.theme,
        _associates.locale, _associates.is_active, *_of_store,
    )
    .join(Associate.__table__, _associates.id == _sessions.associate_id)
    .outerjoin(AssociateStore.__table__, _places.associate_id == _associates.id)
    .outerjoin(Store.__table__, and_(_stores.id == _places.store_id, _stores.is_active))
    .where(_sessions.token_hash == bindparam("token_hash"))
    .order_by(_stores.name)
    .execution_options(**PLANNED_ONCE)
)  # fmt: skip
_ALL_STORES = (
    select(*_of_store).where(_stores.is_active).order_by(_stores.name).execution_options(**PLANNED_ONCE)
)


def authenticate(
    session: Session, token: str, *, idle: timedelta, absolute: timedelta
) -> tuple[SignedIn | None, bool]:
    """Return whose session the token opens, and whether it is time to note that it was seen.

    None for an unknown, ended or timed-out session and for an associate who was deactivated.
    """
    now = clock.utcnow()
    rows = session.execute(_OPEN_SESSION, {"token_hash": digests.sha256(token)}).all()
    if not rows:
        return None, False
    row = _OpenSession(*rows[0][: -len(_of_store)])
    if not row.is_active or now - row.last_seen_at > idle or now - row.created_at > absolute:
        return None, False
    role = Role(row.role)
    found = session.execute(_ALL_STORES).all() if role in EVERY_STORE else rows
    of_stores = [dict(zip(_STORE_FIELDS, one[-len(_of_store) :], strict=True)) for one in found]
    stores = tuple([StoreChoice(**of_store) for of_store in of_stores if of_store["id"] is not None])
    chosen = next((store for store in stores if store.id == row.store_id), stores[0] if stores else None)
    due = is_due(row.last_seen_at, idle)
    signed_in = SignedIn(
        token=token,
        id=row.id,
        name=full_name(row.first_name, row.last_name),
        role=role,
        theme=row.theme,
        locale=row.locale,
        stores=stores,
        store=chosen,
        is_handed_over=row.hand_over_id is not None,
    )
    return signed_in, due


def is_due(last_seen_at: datetime, idle: timedelta) -> bool:
    """True when it is time to note that a session is used.

    Not with each request, which would write each time; often enough that nobody who works is signed out.
    """
    return clock.utcnow() - last_seen_at > min(timedelta(minutes=1), idle / 10)


def device_of(token: str) -> str:
    """Return the name under which the logs know a session; it opens nothing."""
    return digests.sha256(token)[:16]


def note_seen(session: Session, token: str) -> None:
    """Note that the session was used just now, from which its idle time counts."""
    row = session.get(SignInSession, digests.sha256(token))
    if row is not None:
        row.last_seen_at = clock.utcnow()


def sign_out(session: Session, actor: Actor, token: str) -> None:
    """End the session: a copy of its cookie opens nothing from now on."""
    session.execute(delete(SignInSession).where(SignInSession.token_hash == digests.sha256(token)))
    audit.record(session, actor, AuditAction.SIGNED_OUT, subject=("associate", actor.id))


def sign_out_everywhere(session: Session, actor: Actor) -> None:
    """End all sessions of the actor, on every device."""
    session.execute(delete(SignInSession).where(SignInSession.associate_id == actor.id))
    audit.record(session, actor, AuditAction.SIGNED_OUT, subject=("associate", actor.id))


def forget_old_sessions(session: Session) -> None:
    """Delete the sessions that no setting keeps alive any longer."""
    session.execute(delete(SignInSession).where(SignInSession.created_at < clock.utcnow() - LONGEST_SESSION))


def end_sessions(session: Session, associate_id: uuid.UUID, *, but: str = "") -> None:
    """End all sessions of an associate, but the one of the given token."""
    session.execute(
        delete(SignInSession).where(
            SignInSession.associate_id == associate_id, SignInSession.token_hash != digests.sha256(but)
        )
    )


def choose_store(session: Session, actor: Actor, token: str, store_id: uuid.UUID) -> None:
    """Stand in another of the actor's stores from now on. Raises NotFound for any other."""
    store = session.get(Store, store_id)
    if store is None or not store.is_active or not actor.works_in(store_id):
        raise NotFound
    row = session.get(SignInSession, digests.sha256(token))
    if row is not None:
        row.store_id = store_id


def change_password(session: Session, actor: Actor, token: str, attempt: Attempt, new: PasswordHash) -> None:
    """Change the actor's own password, after a try that gave the old one, and end their other sessions.

    Raises Conflict when the password was changed by somebody else meanwhile.
    """
    associate = session.get_one(Associate, actor.id, with_for_update=True, populate_existing=True)
    if associate.password_hash != attempt.stored or attempt.associate_id != associate.id:
        raise Conflict(message=N_("Your password was changed meanwhile. Sign in again."))
    associate.password_hash = new
    associate.updated_at = clock.utcnow()
    forgive(session, attempt)
    end_sessions(session, associate.id, but=token)
    audit.record(session, actor, AuditAction.PASSWORD_CHANGED, subject=("associate", associate.id))


def set_preferences(
    session: Session, associate_id: uuid.UUID, *, theme: str | None = None, locale: str | None = None
) -> None:
    """Keep how an associate wants the pages: theme (system, light, dark) and language.

    Raises Invalid for any other.
    """
    associate = session.get_one(Associate, associate_id)
    if theme is not None:
        if theme not in {"system", "light", "dark"}:
            raise Invalid({"theme": [N_("Choose one of the colours of the menu.")]})
        associate.theme = theme
    if locale is not None:
        if locale not in LANGUAGES:
            raise Invalid({"locale": [N_("Choose one of the languages of the menu.")]})
        associate.locale = locale


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, passwords.normalise(password)[: passwords.MAX_LENGTH + 1])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def _refuse_storm(session: Session, account_hash: str, source_hash: str, now: datetime) -> None:
    since = now - WINDOW
    session.execute(delete(SignInFailure).where(SignInFailure.at < since))
    limits = [(MAX_ACCOUNT_FAILURES, SignInFailure.account_hash == account_hash)]
    if source_hash:
        limits.append((MAX_SOURCE_FAILURES, SignInFailure.source_hash == source_hash))
        limits.append((MAX_FAILURES, SignInFailure.at >= since))
    for limit, criterion in limits:
        count, oldest = session.execute(
            select(func.count(), func.min(SignInFailure.at)).where(criterion, SignInFailure.at >= since)
        ).one()
        if count >= limit:
            wait = max(1, int((oldest + WINDOW - now).total_seconds()))
            minutes = -(-wait // 60)
            raise RateLimited(
                wait,
                Text.of(
                    N_("Too many tries to sign in. Please wait %(count)s minutes, then try again."),
                    count=minutes,
                ),
            )


def forgive(session: Session, attempt: Attempt) -> None:
    """Forget the failures of the account, the one that the try itself was counted as among them."""
    session.execute(delete(SignInFailure).where(SignInFailure.account_hash == attempt.counted_hash))
