"""Consents that time ends: unanswered questions, confirmations that never came, old opt-ins."""

from datetime import timedelta

from app.domain.jobs import JobKind
from app.jobs.registry import Work, every
from app.services import consent_expiry, sign_in

BATCH = 200


@every(timedelta(minutes=15), JobKind.CONSENTS_EXPIRE)
def expire(work: Work) -> None:
    """End what is too old, a batch at a time."""
    done = 0
    with work.step() as session:
        # A device that was handed over and never taken back would hold on to its question.
        sign_in.forget_old_sessions(session)
    while True:
        with work.step(done=done) as session:
            ended = consent_expiry.end_asks(session, work.actor, limit=BATCH)
        done += ended
        if ended < BATCH:
            break
    while work.settings.consent_months:
        with work.step(done=done) as session:
            ended = consent_expiry.end_old_consents(
                session, work.actor, months=work.settings.consent_months, limit=BATCH
            )
        done += ended
        if ended < BATCH:
            break
