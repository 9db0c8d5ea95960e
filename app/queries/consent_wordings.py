"""Wordings of consent: the administrator's list, and what a customer is shown."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain import consent_wordings
from app.domain.actor import Actor
from app.domain.consents import Channel, Purpose
from app.domain.paging import Page, PageRequest
from app.domain.permissions import Permission
from app.errors import NotFound
from app.models import ConsentWording


def list_page(session: Session, actor: Actor, text: str, part: PageRequest) -> Page[ConsentWording]:
    """Return a part of all versions, the newest of each key and language first."""
    actor.require(Permission.ADMIN_MANAGE)
    query = select(ConsentWording).order_by(
        ConsentWording.key, ConsentWording.language, ConsentWording.version.desc()
    )
    if text:
        query = query.where(
            or_(
                ConsentWording.key.icontains(text, autoescape=True),
                ConsentWording.title.icontains(text, autoescape=True),
                ConsentWording.language == text.lower(),
            )
        )
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    rows = session.scalars(query.offset(part.offset).limit(part.count)).all()
    return Page(items=rows, offset=part.offset, requested=part.count, total=total)


def get(session: Session, actor: Actor, wording_id: uuid.UUID) -> ConsentWording:
    """Return a wording. Raises NotFound."""
    actor.require(Permission.ADMIN_MANAGE)
    row = session.get(ConsentWording, wording_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def current(session: Session, language: str | None = None) -> Sequence[ConsentWording]:
    """Return the newest version of each key and language that is not retired."""
    query = select(ConsentWording).where(ConsentWording.retired_at.is_(None))
    if language is not None:
        query = query.where(ConsentWording.language == language)
    newest: dict[tuple[str, str], ConsentWording] = {}
    for row in session.scalars(query.order_by(ConsentWording.version)):
        newest[row.key, row.language] = row
    return list(newest.values())


def languages(session: Session) -> list[str]:
    """Return the languages that there are current wordings in, by their own names."""
    found = {row.language for row in current(session)}
    return sorted(found, key=consent_wordings.language_name)


def for_choices(
    session: Session, language: str, choices: Collection[tuple[Channel, Purpose]]
) -> dict[tuple[Channel, Purpose], ConsentWording]:
    """Return the wording of each channel and purpose in a language, where there is one."""
    by_purpose: dict[str, list[ConsentWording]] = {}
    for row in current(session, language):
        by_purpose.setdefault(row.purpose, []).append(row)
    found = {
        (channel, purpose): consent_wordings.choose(by_purpose.get(purpose.value, ()), channel)
        for channel, purpose in choices
    }
    return {choice: row for choice, row in found.items() if row is not None}
