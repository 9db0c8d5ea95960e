"""Recurring work on what the program keeps for itself."""

from datetime import timedelta

from app.domain.jobs import JobKind
from app.jobs.registry import Work, every
from app.services import attribute_counts, jobs, search_statistics


@every(timedelta(hours=6), JobKind.JOBS_TIDY)
def tidy(work: Work) -> None:
    """Delete jobs that are long finished."""
    with work.step() as session:
        jobs.tidy(session)


@every(timedelta(hours=6), JobKind.CUSTOMERS_COUNT)
def add_up(work: Work) -> None:
    """Keep the number of customers, and of those with each common value, in few rows."""
    with work.step() as session:
        search_statistics.add_up(session)
    with work.session() as session:
        chosen = attribute_counts.common(session)
    if chosen is not None:
        with work.step() as session:
            attribute_counts.settle(session, chosen)
