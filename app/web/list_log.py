"""Noting in the access log whom a page of a list showed (see app/services/list_log.py)."""

import uuid
from collections.abc import Iterable

from flask import current_app

from app.domain.audit import AccessAction
from app.services.list_log import ListLog
from app.web.access import current_actor


def note(
    customer_ids: Iterable[uuid.UUID],
    detail: str,
    *,
    action: AccessAction = AccessAction.LISTED,
    search_hash: str = "",
    is_typing: bool = False,
) -> None:
    """Note who stood on the page; `detail` names the list, the rest as in `ListLog.note`."""
    log: ListLog = current_app.extensions["list_log"]
    log.note(
        current_actor(),
        action,
        list(customer_ids),
        detail=detail,
        search_hash=search_hash,
        is_typing=is_typing,
    )
