"""What the benches share: clocks, percentiles, goals and how they are printed."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import quantiles

from sqlalchemy import Engine, event

ROUNDS = 60


class Clock:
    """Adds up the time that one engine spends in the database, and counts its statements."""

    def __init__(self, engine: Engine) -> None:
        self.spent, self.statements, self.started = 0.0, 0, 0.0
        event.listen(engine, "before_cursor_execute", self._start)
        event.listen(engine, "after_cursor_execute", self._stop)

    def reset(self) -> None:
        self.spent, self.statements = 0.0, 0

    def _start(self, *_: object) -> None:
        self.started = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.spent += time.perf_counter() - self.started
        self.statements += 1


@dataclass
class Figures:
    """The times of one question in milliseconds: as a whole, and the part inside the database.

    `cpu` is what this process used on average, which does not depend on what else the machine
    does; a PostgreSQL server's share is not in it.
    """

    whole: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    cpu: float = 0.0
    statements: int = 0

    def p(self, percent: int) -> float:
        return percentile(self.whole, percent)

    def db(self, percent: int) -> float:
        return percentile(self.inside, percent)

    def add(self, other: "Figures") -> None:
        self.cpu = (self.cpu * len(self.whole) + other.cpu * len(other.whole)) / (
            len(self.whole) + len(other.whole)
        )
        self.whole += other.whole
        self.inside += other.inside
        self.statements = max(self.statements, other.statements)

    def summary(self) -> dict[str, float]:
        return {
            "p50": self.p(50), "p95": self.p(95), "p99": self.p(99), "max": max(self.whole),
            "db_p50": self.db(50), "db_p95": self.db(95), "db_p99": self.db(99), "cpu": self.cpu,
            "statements": self.statements,
        }  # fmt: skip


def percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def measure(ask: Callable[[int], object], clock: Clock | None = None, rounds: int = ROUNDS) -> Figures:
    """Ask some rounds to warm up and then `rounds` times, each with its number."""
    for number in range(min(5, rounds)):
        ask(number)
    found = Figures()
    used = time.process_time()
    for number in range(rounds):
        if clock:
            clock.reset()
        started = time.perf_counter()
        ask(number)
        found.whole.append(1000 * (time.perf_counter() - started))
        if clock:
            found.inside.append(1000 * clock.spent)
            found.statements = max(found.statements, clock.statements)
    found.cpu = 1000 * (time.process_time() - used) / rounds
    if not clock:
        found.inside = [0.0] * rounds
    return found


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One goal and what was measured; reached when it is not above the limit, or not below it."""

    what: str
    measured: float
    limit: float
    unit: str = "ms"
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{'met   ' if self.is_met else 'MISSED'} {self.what:76} {self.measured:9.2f} {sign} {self.limit:g} {self.unit}"

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "is_met": self.is_met}


def print_goals(goals: Sequence[Goal]) -> None:
    print("\nGoals")
    for goal in goals:
        print(goal)
    print(f"{sum(goal.is_met for goal in goals)} of {len(goals)} met", flush=True)


def machine() -> str:
    """Say on what it was measured, and how busy that was with other work."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()},"
        f" {platform.system()}"
    )


def chosen(
    arguments: Sequence[str], kinds: Sequence[str], sizes: Sequence[int]
) -> tuple[list[str], list[int]]:
    """Return the databases and numbers of customers that the command line names, else all."""
    numbers = [int(a) for a in arguments if a.isdigit()] or list(sizes)
    return [a for a in arguments if not a.isdigit()] or list(kinds), numbers
