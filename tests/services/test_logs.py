"""How long the logs are kept."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.config import Settings
from app.db import transaction
from app.domain import clock
from app.domain.actor import Actor
from app.domain.audit import AccessAction, AuditAction
from app.domain.jobs import JobKind
from app.jobs import runner
from app.models import AccessEntry, AuditEntry
from app.services import audit, jobs, logs
from tests import factories

SYSTEM = Actor.system("test")


@pytest.mark.parametrize(("access_months", "audit_months"), [(12, 36), (36, 12)])
def test_the_daily_job_deletes_what_is_older_than_set(
    session, engine, tmp_path, monkeypatch, access_months, audit_months
):
    monkeypatch.setattr(logs, "BATCH", 2)
    customer = factories.make_customer(session)
    ages = [timedelta(days=days) for days in (0, 300, 360, 370, 380, 700, 1090, 1100, 2000)]
    now = clock.utcnow()
    with transaction(session):
        for age in ages:
            with time_machine.travel(now - age, tick=False):
                audit.record_access(session, SYSTEM, AccessAction.VIEWED, customer.id)
                audit.record(session, SYSTEM, AuditAction.CUSTOMER_UPDATED, subject=("customer", customer.id))
        jobs.add(session, SYSTEM, JobKind.LOGS_TIDY, subject=("logs", "all"))
    settings = Settings(
        data_dir=tmp_path, database_url=str(engine.url), secret_key="s" * 40, erasure_key="e" * 40
    )
    settings = replace(settings, access_log_months=access_months, audit_log_months=audit_months)
    runner.load_handlers()
    assert runner.Runner(engine, settings).run_next() is True
    session.expire_all()
    for log, months in ((AccessEntry, access_months), (AuditEntry, audit_months)):
        kept = sorted(now - entry.at for entry in session.scalars(select(log)))
        assert kept == [age for age in ages if age.days < months * 30.5]
