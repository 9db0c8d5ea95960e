"""Recurring work on the audit log and the access log."""

from datetime import timedelta

from app.domain import clock
from app.domain.jobs import JobKind
from app.jobs.registry import Work, every
from app.models import AccessEntry, AuditEntry
from app.services import logs


@every(timedelta(hours=24), JobKind.LOGS_TIDY)
def tidy(work: Work) -> None:
    """Delete the entries that are older than ACCESS_LOG_MONTHS and AUDIT_LOG_MONTHS say."""
    kept = ((AccessEntry, work.settings.access_log_months), (AuditEntry, work.settings.audit_log_months))
    for log, months in kept:
        before = clock.add_months(clock.utcnow(), -months)
        count = logs.BATCH
        while count == logs.BATCH:
            with work.step(done=work.done) as session:
                count = logs.delete_before(session, log, before)
