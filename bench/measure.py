"""What the benches share: clocks, percentiles, goals and how they are printed."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from sqlalchemy import Connection, Engine, event

ROUNDS = 60


class Clock:
    """Adds up the time that one engine spends in the database, and counts its statements."""

    def __init__(self, engine: Engine) -> None:
        self.spent, self.statements, self.started = 0.0, 0, 0.0
        # By PostgreSQL's server processes what they had used when the clock was set to zero.
        self._used_before: dict[int, float] = {}
        event.listen(engine, "before_cursor_execute", self._start)
        event.listen(engine, "after_cursor_execute", self._stop)

    def reset(self) -> None:
        self.spent, self.statements = 0.0, 0
        self._used_before = {process: _used_by(process) for process in tuple(self._used_before)}

    @property
    def served(self) -> float:
        """The processor time of a PostgreSQL server on this machine, in seconds.

        To ask for it costs as much as a statement: read it when the time was taken.
        """
        # A copy: the thread that writes the list log asks as well.
        return sum(_used_by(process) - before for process, before in tuple(self._used_before.items()))

    def _start(self, connection: Connection, *_: object) -> None:
        if connection.dialect.name == "postgresql":
            process = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            if process not in self._used_before:
                self._used_before[process] = _used_by(process)
        self.started = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.spent += time.perf_counter() - self.started
        self.statements += 1


def _used_by(process: int) -> float:
    """Return the processor time of a process in seconds, where Linux tells; 0 for one of another machine."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


@dataclass
class Figures:
    """The times of one question in milliseconds: as a whole, and the part inside the database.

    `used` is the processor time of this process and of a PostgreSQL server's, which depends less on
    what else the machine does.
    """

    whole: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    statements: int = 0

    def p(self, percent: int) -> float:
        return percentile(self.whole, percent)

    def db(self, percent: int) -> float:
        return percentile(self.inside, percent)

    def cpu(self, percent: int) -> float:
        return percentile(self.used, percent)

    def add(self, other: "Figures") -> None:
        self.whole += other.whole
        self.inside += other.inside
        self.used += other.used
        self.statements = max(self.statements, other.statements)

    def summary(self) -> dict[str, float]:
        return {
            "p50": self.p(50), "p95": self.p(95), "p99": self.p(99), "max": max(self.whole),
            "db_p50": self.db(50), "db_p95": self.db(95), "db_p99": self.db(99),
            "cpu_p50": self.cpu(50), "cpu_p95": self.cpu(95), "statements": self.statements,
        }  # fmt: skip


def percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def measure(ask: Callable[[int], object], clock: Clock | None = None, rounds: int = ROUNDS) -> Figures:
    """Ask some rounds to warm up and then `rounds` times, each with its number."""
    for number in range(min(5, rounds)):
        ask(number)
    found = Figures()
    for number in range(rounds):
        if clock:
            clock.reset()
        used, started = time.process_time(), time.perf_counter()
        ask(number)
        found.whole.append(1000 * (time.perf_counter() - started))
        used = time.process_time() - used
        found.used.append(1000 * (used + (clock.served if clock else 0.0)))
        found.inside.append(1000 * clock.spent if clock else 0.0)
        found.statements = max(found.statements, clock.statements if clock else 0)
    return found


HEADING = f"{'ms':44}    p50     p95     p99     max  cpu p50 cpu p95   db p50  db p95  db p99  SQL"


def line(name: str, found: Figures) -> str:
    return (
        f"{name:44}{found.p(50):7.2f} {found.p(95):7.2f} {found.p(99):7.2f} {max(found.whole):7.2f}"
        f"  {found.cpu(50):7.2f} {found.cpu(95):7.2f}  {found.db(50):7.2f} {found.db(95):7.2f} {found.db(99):7.2f}"
        f" {found.statements:4}"
    )


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One goal and what was measured; reached when it is not above the limit, or not below it.

    `cpu` is the same in processor time: on a machine that is busy with other work the clock on the
    wall says how busy it is, and the processor time what the program costs.
    """

    what: str
    measured: float
    limit: float
    unit: str = "ms"
    at_least: bool = False
    cpu: float | None = None

    @property
    def verdict(self) -> str:
        if self._reached(self.measured):
            return "met"
        return "met in CPU time" if self.cpu is not None and self._reached(self.cpu) else "MISSED"

    def _reached(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        cpu = "" if self.cpu is None else f"  (CPU {self.cpu:.2f})"
        return f"{self.verdict:16} {self.what:64} {self.measured:9.2f} {sign} {self.limit:g} {self.unit}{cpu}"


def print_goals(goals: Sequence[Goal]) -> None:
    print("\nGoals")
    for goal in goals:
        print(goal)
    print(f"{sum(goal.verdict != 'MISSED' for goal in goals)} of {len(goals)} met", flush=True)


def machine() -> str:
    """Say on what it was measured, how quick that is, and how busy it was with other work."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()},"
        f" {platform.system()}, {yardstick():.2f} s for ten million steps"
    )


def yardstick() -> float:
    """Return the seconds of processor time of a plain loop of ten million steps, to compare machines by.

    The same machine may be twice as quick an hour later.
    """
    began, total = time.process_time(), 0
    for number in range(2_000_000):
        total += number * number % 7
    return 5 * (time.process_time() - began)


def chosen(
    arguments: Sequence[str], kinds: Sequence[str], sizes: Sequence[int]
) -> tuple[list[str], list[int]]:
    """Return the databases and numbers of customers that the command line names, else all."""
    numbers = [int(a) for a in arguments if a.isdigit()] or list(sizes)
    return [a for a in arguments if not a.isdigit()] or list(kinds), numbers
