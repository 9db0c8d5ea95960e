"""Measure everything and compare it with the goals: python -m bench.all [sqlite|postgresql] [customers ...]."""

import sys

from bench import api, http, profile, search, start
from bench.measure import machine, print_goals


def main(arguments: list[str]) -> None:
    print(machine())
    goals = [goal for bench in (search, profile, api, http, start) for goal in bench.main(arguments)]
    print_goals(goals)
    print(machine())


if __name__ == "__main__":
    main(sys.argv[1:])
