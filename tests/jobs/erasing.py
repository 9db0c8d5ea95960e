"""Does the due jobs in children that kill themselves around their third commit, until one gets through.

`python -m tests.jobs.erasing` prints how many children were killed. The first two commits of a child
claim the job and begin the erasure, so that the third is the next step: before it nothing of the
step is kept, after it all is.
"""

import itertools
import os
import signal
import sys

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.config import load
from app.db import make_engine
from app.jobs import runner

AT = 3


def child(settings, moment):
    count = itertools.count(1)

    def kill(_session):
        if next(count) == AT:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Session, moment, kill)
    worker = runner.Runner(make_engine(settings.database_url, bulk=True), settings)
    # What is held by a child that was killed is free at once.
    worker.lease *= 0
    while worker.run_next():
        pass
    os._exit(0)


def main():
    settings = load()
    # Once, before the children: importing takes longer than what each of them does.
    runner.load_handlers()
    killed = 0
    for moment in itertools.cycle(("before_commit", "after_commit")):
        pid = os.fork()
        if not pid:
            child(settings, moment)
        _pid, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed += 1
        assert killed < 200, "it never ends"
    sys.stdout.write(str(killed))


if __name__ == "__main__":
    main()
