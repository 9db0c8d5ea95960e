"""Sending mails: by SMTP, into files (for trying out), or only into the log."""

import os
import shutil
import smtplib
import ssl
import uuid
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import consent_wordings
from app.domain.actor import Actor
from app.domain.customer_words import words
from app.domain.jobs import JobKind
from app.jobs.registry import Work, handles
from app.models import ConsentWording, Customer, Mail, Store
from app.queries import consents
from app.services import mails
from app.services.mails import MailKind

TIMEOUT = 20.0
# Within DATA_DIR, a folder for each customer, so that an erasure finds them.
FOLDER = "mails"
_ROOT = Path(__file__).parent.parent


class MailNotTaken(Exception):
    """The mail server was away or did not take a mail; the text is the kind of error."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A mail as it goes out."""

    subject: str
    plain: str
    html: str
    withdraw_url: str


@handles(JobKind.MAIL_SEND)
def run(work: Work) -> None:
    """Send one mail. Raises MailNotTaken, to be tried again later.

    A kill between the server's yes and our note sends it twice; a link in it works once all the same.
    """
    settings = work.settings
    with work.step() as session:
        mail = mails.waiting(session, work.subject_uuid)
        text = compose(session, settings, mail) if mail and settings.mail_url != "off" else None
        if mail is None or text is None:
            if mail is not None:
                mails.note_cancelled(mail)
            return
        to_address, customer_id = mail.to_address, mail.customer_id
    # Outside the transaction: a slow mail server must not keep others from writing.
    error = ""
    try:
        send(settings, message(settings, to_address, text), customer_id)
    except (OSError, smtplib.SMTPException, ValueError) as problem:
        error = type(problem).__name__
    with work.step() as session:
        mail = mails.waiting(session, work.subject_uuid)
        if mail is None:
            return
        if not error:
            mails.note_sent(mail)
            return
        gave_up = mails.note_failed(mail, error)
    if not gave_up:
        raise MailNotTaken(error)


def compose(session: Session, settings: Settings, mail: Mail) -> Text | None:
    """Return the words of a mail in its language, None when what it was about is gone."""
    customer = session.get(Customer, mail.customer_id) if mail.customer_id else None
    store = session.get(Store, uuid.UUID(mail.payload["store_id"]))
    if customer is None or store is None:
        return None
    base = settings.public_url
    withdraw = mails.withdrawal_token(settings.secret_key, customer.id, store.id)
    context: dict[str, Any] = {
        "language": mail.language,
        "direction": consent_wordings.direction(mail.language),
        "store": store.name,
        "name": customer.name,
        "withdraw_url": f"{base}/w/{withdraw}",
        "words": words(mail.language),
    }
    if mail.kind == MailKind.CONFIRM_CONSENT:
        keys = [uuid.UUID(key) for key in mail.payload["wordings"]]
        rows = session.scalars(select(ConsentWording).where(ConsentWording.id.in_(keys))).all()
        context |= {"confirm_url": f"{base}/confirm/{mail.payload['token']}", "wordings": rows}
        subject = context["words"]["confirm_subject"]
    else:
        context["given"] = _given(session, mail, customer.id, store.id)
        if not context["given"]:
            return None
        subject = context["words"]["receipt_subject"]
    environment = _environment()
    return Text(
        subject=subject.format(store=store.name),
        plain=environment.get_template(f"mail/{mail.kind}.txt").render(context),
        html=environment.get_template(f"mail/{mail.kind}.html").render(context),
        withdraw_url=context["withdraw_url"],
    )


def message(settings: Settings, to_address: str, text: Text) -> EmailMessage:
    """Return the message with its headers. Raises ValueError for a header that holds a line end."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = text.subject
    mail["From"] = settings.mail_from
    # An address object: what does not parse as one address is refused, never split into headers.
    mail["To"] = Address(addr_spec=to_address)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2].strip("> ") or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    # RFC 8058: the reader's own button withdraws with one tap, without signing in.
    mail["List-Unsubscribe"] = f"<{text.withdraw_url}/one-click>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text.plain)
    mail.add_alternative(text.html, subtype="html")
    return mail


def send(settings: Settings, mail: EmailMessage, customer_id: uuid.UUID | None) -> None:
    """Hand a message to a customer to what MAIL_URL names. Raises OSError or SMTPException if that fails."""
    url = settings.mail_url
    if url == "log":
        structlog.get_logger().info("mail", bytes=len(mail.as_bytes()))
    elif url == "file":
        _write(settings.data_dir / FOLDER / str(customer_id), mail)
    else:
        _send_by_smtp(url, mail)


def _write(folder: Path, mail: EmailMessage) -> None:
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.eml"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(mail.as_bytes())


def forget(settings: Settings, customer_id: uuid.UUID) -> None:
    """Delete the mails to a customer that were written into files."""
    folder = settings.data_dir / FOLDER / str(customer_id)
    if folder.exists():
        shutil.rmtree(folder)


def _send_by_smtp(url: str, mail: EmailMessage) -> None:
    parts = urlsplit(url)
    context = ssl.create_default_context()
    host = parts.hostname or "localhost"
    connection: smtplib.SMTP
    if parts.scheme == "smtps":
        connection = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=context)
    else:
        connection = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT)
    with connection as server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)


def _given(session: Session, mail: Mail, customer_id: uuid.UUID, store_id: uuid.UUID) -> list[dict[str, str]]:
    """Return what was given and still stands: channel by channel, in the words that were agreed to."""
    choices = {tuple(choice) for choice in mail.payload["choices"]}
    return [
        {
            "channel": words(mail.language).get(row.channel.value, row.channel.label),
            "title": row.title,
            "text": row.text,
        }
        for row in consents.agreements(session, Actor.system("mail"), customer_id, store_id)
        if (row.channel.value, row.purpose.value) in choices
    ]


@cache
def _environment() -> Environment:
    root = _ROOT.parent if (_ROOT.parent / "templates").is_dir() else _ROOT
    return Environment(
        loader=FileSystemLoader(root / "templates"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
