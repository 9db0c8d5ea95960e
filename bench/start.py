"""Measure a start: python -m bench.start.

`make run`, when the environment and the demo data are there, until /readyz says 200: the time on the
wall, and the processor time of all its processes until then, which says more where others work as well.
"""

import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.http import ROOT, free_port
from bench.measure import Goal, machine, print_goals

ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def started(folder: str) -> Iterator[tuple[float, float]]:
    """Run `make run` until it can serve, and give the seconds on the wall and of the processors."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        ["make", "--silent", "run", f"PORT={port}", f"DATA_DIR={folder}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not is_ready(port):
            if process.poll() is not None:
                raise RuntimeError("the server ended before it could serve")
            time.sleep(0.01)
        yield time.perf_counter() - began, used_by_session(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def used_by_session(session: int) -> float:
    """Return the processor time of all processes that this one has started, in seconds."""
    used = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            used += sum(map(int, fields[11:15]))
    return used / TICKS


def main(_arguments: list[str]) -> list[Goal]:
    wall, used = [], []
    with tempfile.TemporaryDirectory() as folder:
        with started(folder):
            pass
        for _ in range(ROUNDS):
            with started(folder) as (seconds, cpu):
                wall.append(seconds)
                used.append(cpu)
                print(f"ready after {seconds:5.2f} s, processors {cpu:5.2f} s", flush=True)
    return [
        Goal(what="a start until it can serve", measured=median(wall), limit=3, unit="s", cpu=median(used))
    ]


if __name__ == "__main__":
    print(machine())
    print_goals(main([]))
