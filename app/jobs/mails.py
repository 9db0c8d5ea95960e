"""Sending mails: by SMTP, into files (for trying out), or only into the log."""

import os
import smtplib
import ssl
import uuid
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import formatdate, make_msgid
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import structlog
from babel.dates import format_date
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import PACKAGE, RESOURCES, Settings
from app.domain import consent_wordings
from app.domain.actor import Actor
from app.domain.customer_words import words
from app.domain.data_requests import Kind as RequestKind
from app.domain.data_requests import State as RequestState
from app.domain.jobs import JobKind
from app.domain.texts import N_
from app.jobs.registry import Work, every, handles
from app.models import ConsentWording, Customer, DataRequest, Mail, Store
from app.queries import consents, data_requests, retention
from app.services import mails
from app.services.mails import MailKind

TIMEOUT = 20.0
FOLDER = "mails"
_SWEPT_AT_ONCE = 500


class MailNotTaken(Exception):
    """The mail server was away or did not take a mail; the text is the kind of error."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A mail as it goes out; only those to customers have a link to withdraw."""

    subject: str
    plain: str
    html: str
    withdraw_url: str = ""


class _Link(UnstructuredHeader, BaseHeader):
    """A header with an address, which stands on one line: longer ones would be written as encoded words."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header as it is sent; readers of mail look for the address as it is (RFC 8058)."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("List-Unsubscribe", _Link)
_POLICY = SMTP.clone(header_factory=_HEADERS)


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
        to_address = mail.to_address
    # Outside the transaction: a slow mail server must not keep others from writing.
    error = ""
    try:
        send(settings, message(settings, to_address, text), work.subject_uuid)
    except (OSError, smtplib.SMTPException, ValueError) as problem:
        error = type(problem).__name__
    with work.step() as session:
        mail = mails.waiting(session, work.subject_uuid)
        if mail is None:
            # The customer was erased meanwhile.
            _path(settings, work.subject_uuid).unlink(missing_ok=True)
            return
        if not error:
            mails.note_sent(mail)
            return
        gave_up = mails.note_failed(mail, error)
    if not gave_up:
        raise MailNotTaken(error)


@every(timedelta(hours=24), JobKind.MAILS_TIDY)
def tidy(work: Work) -> None:
    """Forget old mails to people who work here, and files whose mail is gone."""
    with work.step() as session:
        mails.tidy(session)
    sweep_files(work)


def sweep_files(work: Work) -> None:
    """Delete the files of mails that are held no more: those of customers who were erased."""
    paths = {path.stem: path for path in (work.settings.data_dir / FOLDER).glob(f"{'[0-9a-f]' * 32}.eml")}
    names = sorted(paths)
    for start in range(0, len(names), _SWEPT_AT_ONCE):
        ids = {uuid.UUID(name): paths[name] for name in names[start : start + _SWEPT_AT_ONCE]}
        with work.session() as session:
            gone = ids.keys() - mails.known(session, list(ids))
        for mail_id in gone:
            ids[mail_id].unlink(missing_ok=True)


def compose(session: Session, settings: Settings, mail: Mail) -> Text | None:
    """Return the words of a mail in its language, None when what it was about is gone."""
    if mail.kind == MailKind.REQUEST_DUE:
        return _request_due(session, settings, mail)
    if mail.kind == MailKind.RETENTION:
        return _retention(session, settings, mail)
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
        if data_requests.is_on_hold(session, customer.id):
            return None
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


def _request_due(session: Session, settings: Settings, mail: Mail) -> Text | None:
    """Return the words of a reminder, None when the request is answered; it names no customer."""
    row = session.get(DataRequest, uuid.UUID(mail.payload["request_id"]))
    if row is None or RequestState(row.state).is_closed:
        return None
    translations = Translations.load(PACKAGE / "translations", [mail.language])
    store = session.get(Store, row.store_id) if row.store_id else None
    zone = store.time_zone if store else "UTC"
    context = {
        "language": mail.language,
        "direction": "ltr",
        "kind": translations.gettext(RequestKind(row.kind).label),
        "store": store.name if store else "",
        "received": format_date(row.received_at.astimezone(ZoneInfo(zone)), "long", locale=mail.language),
        "due": format_date(row.due_at.astimezone(ZoneInfo(zone)), "long", locale=mail.language),
        "url": f"{settings.public_url}/data-requests/{row.id}",
    }
    environment = _environment(mail.language)
    return Text(
        subject=translations.gettext(N_("A data request is due on %(date)s")) % {"date": context["due"]},
        plain=environment.get_template(f"mail/{mail.kind}.txt").render(context),
        html=environment.get_template(f"mail/{mail.kind}.html").render(context),
    )


def _retention(session: Session, settings: Settings, mail: Mail) -> Text | None:
    """Return the words of a notice of deletions by the time limit, None when all were called off."""
    store = session.get(Store, uuid.UUID(mail.payload["store_id"])) if mail.payload["store_id"] else None
    count, first = retention.waiting_of(session, store.id if store else None)
    if first is None:
        return None
    translations = Translations.load(PACKAGE / "translations", [mail.language])
    day = first.astimezone(ZoneInfo(store.time_zone if store else "UTC"))
    context = {
        "language": mail.language,
        "direction": "ltr",
        "store": store.name if store else "",
        "count": count,
        "first": format_date(day, "long", locale=mail.language),
        "url": f"{settings.public_url}/data-requests",
    }
    environment = _environment(mail.language)
    return Text(
        subject=translations.gettext(N_("Customers will be erased from %(date)s on"))
        % {"date": context["first"]},
        plain=environment.get_template(f"mail/{mail.kind}.txt").render(context),
        html=environment.get_template(f"mail/{mail.kind}.html").render(context),
    )


def message(settings: Settings, to_address: str, text: Text) -> EmailMessage:
    """Return the message with its headers. Raises ValueError for a header that holds a line end."""
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = text.subject
    mail["From"] = settings.mail_from
    # An address object: what does not parse as one address is refused, never split into headers.
    mail["To"] = Address(addr_spec=to_address)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2].strip("> ") or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    if text.withdraw_url:
        # RFC 8058: the reader's own button withdraws with one tap, without signing in.
        mail["List-Unsubscribe"] = f"<{text.withdraw_url}/one-click>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text.plain)
    mail.add_alternative(text.html, subtype="html")
    return mail


def send(settings: Settings, mail: EmailMessage, mail_id: uuid.UUID) -> None:
    """Hand a message to what MAIL_URL names. Raises OSError or SMTPException when it does not take it."""
    url = settings.mail_url
    if url == "log":
        structlog.get_logger().info("mail", bytes=len(mail.as_bytes()))
    elif url == "file":
        _write(_path(settings, mail_id), mail)
    else:
        _send_by_smtp(url, mail)


def _path(settings: Settings, mail_id: uuid.UUID) -> Path:
    """Return the file of a mail, named by its row: by that an erasure finds it."""
    return settings.data_dir / FOLDER / f"{mail_id.hex}.eml"


def _write(path: Path, mail: EmailMessage) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # Again by who took over from a worker that was killed: the same mail, in the same place.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(mail.as_bytes())


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
def _environment(language: str = "") -> Environment:
    """Return the templates; those to people who work here say their texts in a language of the pages."""
    environment = Environment(
        loader=FileSystemLoader(RESOURCES / "templates"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"] if language else [],
    )
    if language:
        translations = Translations.load(PACKAGE / "translations", [language])
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
