"""Noting in the access log whom a list of the API gave (see app/services/list_log.py)."""

import uuid
from collections.abc import Iterable

from flask import current_app

from app.api.auth import current_actor
from app.config import Settings
from app.domain.audit import AccessAction
from app.services import audit
from app.services.list_log import ListLog


def note(customer_ids: Iterable[uuid.UUID], detail: str, *, text: str = "") -> None:
    """Note who stood on the page; `detail` names the list, `text` is what was searched."""
    log: ListLog = current_app.extensions["list_log"]
    settings: Settings = current_app.extensions["settings"]
    search_hash = audit.hash_search(settings.secret_key, text)
    log.note(current_actor(), AccessAction.LISTED, list(customer_ids), detail=detail, search_hash=search_hash)
