"""Erasing customers whose deletion can no longer be called off."""

from datetime import timedelta

from app import ledger
from app.domain.erasures import LedgerKey
from app.domain.jobs import JobKind
from app.jobs import mails
from app.jobs.registry import Work, every, handles
from app.scrub import scrub
from app.services import data_requests, erasures


@handles(JobKind.CUSTOMER_ERASE)
def erase(work: Work) -> None:
    """Erase one customer, each step in a transaction of its own; killed anywhere, it goes on there."""
    key = LedgerKey(work.settings.erasure_key)
    with work.step() as session:
        names = erasures.begin(session, work.actor, work.subject_uuid)
        is_under_way = erasures.is_under_way(session, work.subject_uuid)
    if not is_under_way:
        return
    total = len(erasures.steps()) + 1
    # Before anything goes: a worker that was killed after the ledger's step may not have come to it.
    _write_file(work)
    for place, name in enumerate(names, total - len(names)):
        with work.step(done=place, total=total) as session:
            erasures.run_step(session, work.subject_uuid, name, key)
        if name == erasures.LEDGER:
            _write_file(work)
    mails.sweep_files(work)
    scrub(work.engine, erasures.tables())
    with work.step(done=total, total=total) as session:
        erasures.finish(session, work.actor, work.subject_uuid)
    # What the last step emptied stands in the write-ahead log yet.
    scrub(work.engine, erasures.tables())


@every(timedelta(hours=1), JobKind.ERASURES_PLAN)
def plan(work: Work) -> None:
    """Ask for the erasures that are due, should the job of one have been lost or given up."""
    with work.step() as session:
        for request_id in erasures.due(session):
            data_requests.plan_erasure(session, work.actor, request_id)


def _write_file(work: Work) -> None:
    with work.session() as session:
        ledger.append(work.settings.data_dir / ledger.NAME, erasures.ledger_lines(session))
