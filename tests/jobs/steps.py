"""A job of ten steps for the tests, whose every effect is a row, and `clienteling jobs` with its handler."""

import os
import sys
import time
from enum import StrEnum

import app.cli.jobs  # noqa: F401 -- what `clienteling jobs` imports when it is asked for
from app.cli import main
from app.domain import clock
from app.jobs import runner
from app.jobs.registry import handles
from app.models import IdempotencyKey
from app.models.base import new_id

STEPS = 10


class Kind(StrEnum):
    STEPS = "test.steps"


@handles(Kind.STEPS)
def steps(work):
    for number in range(work.done, STEPS):
        with work.step(done=number + 1, total=STEPS) as session:
            # Any table does: the unique constraint makes a second effect of a step an error.
            session.add(
                IdempotencyKey(
                    actor_key="test.steps", act=work.subject_id, key=str(number), request_hash="",
                    subject_id=new_id(), created_at=clock.utcnow(),
                )
            )  # fmt: skip
            session.flush()
            time.sleep(float(os.environ.get("STEP_SECONDS", "0")))


def run(environment):
    """`clienteling jobs` in this process, which is a new one."""
    os.environ.update(environment)
    logs = os.open(os.devnull, os.O_WRONLY)
    os.dup2(logs, sys.stderr.fileno())
    main(["jobs"])


runner.load_handlers()
