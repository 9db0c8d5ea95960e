"""Noting in the access log whom a page of a list showed (see app/services/list_log.py)."""

import uuid
from collections.abc import Iterable

from flask import current_app

from app.domain.audit import AccessAction
from app.services.list_log import ListLog
from app.web.access import current_actor


def note(customer_ids: Iterable[uuid.UUID], detail: str) -> None:
    """Note who stood on the page; `detail` names the list."""
    log: ListLog = current_app.extensions["list_log"]
    log.note(current_actor(), AccessAction.LISTED, list(customer_ids), detail=detail)
