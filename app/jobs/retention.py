"""Asking for the deletion of customers of whom nothing was heard for too long."""

import uuid
from datetime import timedelta

from app.domain.jobs import JobKind
from app.jobs.registry import Work, every, handles
from app.services import retention


@handles(JobKind.RETENTION_REQUEST)
def request(work: Work) -> None:
    """Ask for the deletions that somebody started, for the customers of their stores."""
    stores = work.payload.get("stores")
    _request(work, None if stores is None else frozenset(map(uuid.UUID, stores)))


@every(timedelta(hours=24), JobKind.RETENTION_RUN)
def run(work: Work) -> None:
    """Ask for the deletions by itself, where RETENTION_AUTOMATIC says so."""
    if work.settings.retention_automatic:
        _request(work, None)


def _request(work: Work, store_ids: frozenset[uuid.UUID] | None) -> None:
    done = retention.request_all(
        lambda done: work.step(done=done),
        work.actor,
        # The limit is the one of today, should it have been made longer since.
        work.settings.retention,
        store_ids=store_ids,
        call_off_days=work.settings.deletion_call_off_days,
        tells=work.settings.sends_mails,
        done=work.done,
    )
    work.progress(done, done)
