"""``python -m benchmarks all|first|quick``: run the workloads, compare, and exit 1 below a floor.

``all`` keeps what it found (a results file, the tables of README.md and docs/explanation/performance.md);
every other run only prints, unless it is given ``--keep``. ``first`` drains four contestants; ``quick`` is a
short look that compares its ratios with the last kept results.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import drains
from benchmarks.report import Report
from benchmarks.services import services
from benchmarks.workload import WORKLOADS, Found

QUICK_SHARE = 0.5


def chosen(given: argparse.Namespace) -> Mapping[str, Mapping[str, Any]]:
    """The workloads of this run, with what each ``run`` is told besides."""
    named: dict[str, dict[str, Any]]
    match given.what:
        case "all":
            named = {name: {} for name in WORKLOADS}
        case "first":
            named = {"drains": {"names": drains.FIRST}}
        case _:
            named = {"drains": {"names": drains.FIRST, "share": QUICK_SHARE}}
    if given.only:
        named = {name: named.get(name, {}) for name in WORKLOADS if name in given.only}
    if given.drains:
        named = {"drains": named.get("drains", {}) | {"names": given.drains}}
    return named


def names_out_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if strangers := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(strangers))}: not among {', '.join(known)}")
        return names

    return parse


def measured(name: str, options: Mapping[str, Any], rounds: int) -> Found | str:
    """On servers of its own, so that no workload meets what another left; a crash gives its traceback."""
    try:
        with services() as servers:
            found: Found = importlib.import_module(f"benchmarks.{name}").run(servers, rounds, **options)
            return found
    except (Exception, SystemExit):
        traceback.print_exc()
        return traceback.format_exc()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=["all", "first", "quick"])
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count; quick: 1")
    parser.add_argument(
        "--only",
        type=names_out_of(WORKLOADS),
        default=(),
        metavar="NAME,NAME",
        help=f"single workloads: {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--drains",
        type=names_out_of(tuple(drains.BY_NAME)),
        default=(),
        metavar="NAME,NAME",
        help=f"only drains, of these contestants: {', '.join(drains.BY_NAME)}",
    )
    parser.add_argument("--keep", action="store_true", help="keep the results of a partial run")
    given = parser.parse_args()
    report = Report(" ".join(["python -m benchmarks", *sys.argv[1:]]), given.rounds)
    if given.what == "quick":
        report.rounds = 1
    for name, options in chosen(given).items():
        started = time.monotonic()
        ending = measured(name, options, report.rounds)
        report.ended(name, time.monotonic() - started, ending)
        print(f"-- {name}: {report.seconds[name]:.0f} s\n", flush=True)
    is_whole = given.what == "all" and not given.only and not given.drains
    if is_whole or given.keep:
        report.keep()
    return report.compare() if given.what == "quick" else report.verdict()


if __name__ == "__main__":
    sys.exit(main())
