"""Recurring work on the table of jobs itself."""

from datetime import timedelta

from app.domain.jobs import JobKind
from app.jobs.registry import Work, every
from app.services import jobs


@every(timedelta(hours=6), JobKind.JOBS_TIDY)
def tidy(work: Work) -> None:
    """Delete jobs that are long finished."""
    with work.step() as session:
        jobs.tidy(session)
