"""Recurring work on customers' requests about their data."""

from datetime import timedelta

from app.domain.jobs import JobKind
from app.jobs.registry import Work, every
from app.services import data_requests

BATCH = 100


@every(timedelta(hours=1), JobKind.DATA_REQUESTS_REMIND)
def remind(work: Work) -> None:
    """Write to the managers about requests that are due soon; where no mail is sent the pages tell them."""
    count = BATCH if work.settings.sends_mails else 0
    while count == BATCH:
        with work.step(done=work.done) as session:
            count = data_requests.remind(session, work.actor, limit=BATCH)
