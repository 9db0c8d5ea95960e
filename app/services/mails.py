"""Mails: decided on in an act, written in its transaction, sent by a job afterwards."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain import clock
from app.domain.actor import Actor
from app.domain.jobs import JobKind
from app.models import Associate, Customer, Mail
from app.models.base import new_id
from app.services import jobs

MAX_ATTEMPTS = 5
# What could not be sent after this long helps nobody any more: its link is too old.
LONGEST_WAIT = timedelta(days=7)
# What nobody asks about any more.
KEPT_TO_ASSOCIATES = timedelta(days=30)
_MAC_LENGTH = 16


class MailKind(StrEnum):
    """What a mail is for; its texts are `templates/mail/<kind>.txt` and `.html`.

    REQUEST_DUE and RETENTION go to managers, the others to customers.
    """

    CONFIRM_CONSENT = "confirm_consent"
    CONSENT_RECEIPT = "consent_receipt"
    REQUEST_DUE = "request_due"
    RETENTION = "retention"


class MailState(StrEnum):
    """How a mail stands."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


def add(
    session: Session,
    actor: Actor,
    kind: MailKind,
    *,
    customer: Customer,
    store_id: uuid.UUID,
    language: str,
    payload: Mapping[str, Any],
) -> Mail | None:
    """Write a mail to a customer in the running transaction; none where there is no address."""
    if not customer.email:
        return None
    payload = {**payload, "store_id": str(store_id)}
    return _add(session, actor, kind, customer.id, customer.email, language, payload)


def add_to_associate(
    session: Session, actor: Actor, kind: MailKind, associate: Associate, *, payload: Mapping[str, Any]
) -> Mail:
    """Write a mail to somebody who works here, in the running transaction; `payload` holds ids only."""
    return _add(session, actor, kind, None, associate.email, associate.locale, payload)


def _add(
    session: Session,
    actor: Actor,
    kind: MailKind,
    customer_id: uuid.UUID | None,
    to_address: str,
    language: str,
    payload: Mapping[str, Any],
) -> Mail:
    mail = Mail(
        id=new_id(),
        kind=kind.value,
        customer_id=customer_id,
        to_address=to_address,
        language=language,
        payload=dict(payload),
        state=MailState.QUEUED.value,
        attempts=0,
        last_error="",
        created_at=clock.utcnow(),
    )
    session.add(mail)
    session.flush()
    jobs.add(session, actor, JobKind.MAIL_SEND, subject=("mail", mail.id))
    return mail


def waiting(session: Session, mail_id: uuid.UUID) -> Mail | None:
    """Return a mail that is still to be sent, locked; None when it was sent, cancelled or erased."""
    mail = session.get(Mail, mail_id, with_for_update=True, populate_existing=True)
    return mail if mail is not None and mail.state == MailState.QUEUED else None


def note_sent(mail: Mail) -> None:
    """Note that it went out, and forget the address and what the text was made of."""
    _end(mail, MailState.SENT)
    mail.sent_at = clock.utcnow()


def note_failed(mail: Mail, error: str) -> bool:
    """Note a failed try; True when it is given up. `error` holds no personal data."""
    mail.attempts += 1
    mail.last_error = error[:200]
    if mail.attempts < MAX_ATTEMPTS and mail.created_at > clock.utcnow() - LONGEST_WAIT:
        return False
    _end(mail, MailState.FAILED)
    return True


def note_cancelled(mail: Mail) -> None:
    """Note that it is not to be sent: mail is switched off, or what it was about is gone."""
    _end(mail, MailState.CANCELLED)


def cancel(session: Session, customer_id: uuid.UUID, *, kinds: Sequence[MailKind] = tuple(MailKind)) -> None:
    """Keep the mails to a customer that are not sent yet from being sent."""
    for mail in session.scalars(
        select(Mail).where(
            Mail.customer_id == customer_id,
            Mail.state == MailState.QUEUED.value,
            Mail.kind.in_([kind.value for kind in kinds]),
        )
    ):
        _end(mail, MailState.CANCELLED)


def tidy(session: Session) -> None:
    """Forget mails to people who work here after a while; those to customers go with the customer."""
    session.execute(
        delete(Mail).where(
            Mail.customer_id.is_(None),
            Mail.state != MailState.QUEUED.value,
            Mail.created_at < clock.utcnow() - KEPT_TO_ASSOCIATES,
        )
    )


def known(session: Session, mail_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the mails that are still held."""
    return set(session.scalars(select(Mail.id).where(Mail.id.in_(mail_ids))))


def withdrawal_token(secret: str, customer_id: uuid.UUID, store_id: uuid.UUID) -> str:
    """Return the token of a customer's link to withdraw in a store; it never runs out.

    Nothing of it is kept: it holds the two ids and a MAC over them, so it opens only this.
    """
    body = customer_id.bytes + store_id.bytes
    return base64.urlsafe_b64encode(body + _mac(secret, body)).decode().rstrip("=")


def read_withdrawal_token(secrets: Sequence[str], token: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Return (customer, store) of a token made with one of the secrets, None for any other."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, TypeError):
        return None
    if len(raw) != 32 + _MAC_LENGTH:
        return None
    body, mac = raw[:32], raw[32:]
    if not any(hmac.compare_digest(_mac(secret, body), mac) for secret in secrets):
        return None
    return uuid.UUID(bytes=body[:16]), uuid.UUID(bytes=body[16:])


def _mac(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), b"withdrawal:" + body, hashlib.sha256).digest()[:_MAC_LENGTH]


def _end(mail: Mail, state: MailState) -> None:
    mail.state = state.value
    mail.to_address = ""
    mail.payload = {}
