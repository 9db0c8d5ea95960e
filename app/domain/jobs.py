"""Background jobs: their kinds, their states, and when one that failed is tried again."""

from datetime import timedelta
from enum import StrEnum

from app.domain.texts import N_

# Tries without any progress after which a job is left to people.
MAX_ATTEMPTS = 5
# How long finished jobs are listed; dead ones stay longer, since somebody has to look at them.
KEPT_DONE = timedelta(days=30)
KEPT_RECURRING = timedelta(days=1)
KEPT_DEAD = timedelta(days=180)


class JobKind(StrEnum):
    """One kind of background work, `noun.act`; the handler stands in `app/jobs/`."""

    CONSENTS_EXPIRE = "consents.expire"
    CUSTOMER_ERASE = "customer.erase"
    CUSTOMERS_COUNT = "customers.count"
    DATA_REQUESTS_REMIND = "data_requests.remind"
    ERASURES_PLAN = "erasures.plan"
    EVENTS_TIDY = "events.tidy"
    JOBS_TIDY = "jobs.tidy"
    LOGS_TIDY = "logs.tidy"
    MAIL_SEND = "mail.send"
    MAILS_TIDY = "mails.tidy"
    RETENTION_REQUEST = "retention.request"
    RETENTION_RUN = "retention.run"


def recurring_key(kind: StrEnum) -> str:
    """Return the key that recurring work of a kind carries, so that one of it waits at most."""
    return f"every:{kind.value}"


KIND_LABELS = {
    JobKind.CUSTOMER_ERASE: N_("Erase a customer"),
    JobKind.ERASURES_PLAN: N_("Look for erasures that are due"),
    JobKind.CONSENTS_EXPIRE: N_("End old questions and opt-ins"),
    JobKind.CUSTOMERS_COUNT: N_("Add up the number of customers"),
    JobKind.DATA_REQUESTS_REMIND: N_("Remind of data requests that are due"),
    JobKind.EVENTS_TIDY: N_("Clear old events"),
    JobKind.JOBS_TIDY: N_("Clear old jobs"),
    JobKind.LOGS_TIDY: N_("Clear old log entries"),
    JobKind.MAIL_SEND: N_("Send a mail"),
    JobKind.MAILS_TIDY: N_("Clear old mails"),
    JobKind.RETENTION_REQUEST: N_("Ask for deletions by the time limit"),
    JobKind.RETENTION_RUN: N_("Look for customers beyond the time limit"),
}


class JobState(StrEnum):
    """How a job stands: `dead` ones were given up and wait for somebody to retry them."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"

    @property
    def is_finished(self) -> bool:
        """True when nothing more happens by itself."""
        return self in {JobState.DONE, JobState.DEAD}


# How a job is named as the actor of what it does.
JOB_ACTOR = "job "


def label(kind: str) -> str:
    """Return the name of a kind for people; one that this version does not know names itself."""
    known = {one.value: text for one, text in KIND_LABELS.items()}
    return known.get(kind, kind)


UNFINISHED = (JobState.QUEUED.value, JobState.RUNNING.value)


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts: 10 s, 40 s, 3 min, 11 min."""
    return timedelta(seconds=10 * 4 ** (max(attempts, 1) - 1))
