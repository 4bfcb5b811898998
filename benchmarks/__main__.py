"""``python -m benchmarks first|all|quick``: run, compare, write, and exit 1 below a floor."""

from __future__ import annotations

import argparse
import sys

from benchmarks import report
from benchmarks.drain import CONTESTANTS, drain
from benchmarks.services import services

FIRST = ("taskdeck_message", "taskdeck_direct", "bare_pika", "celery_redis")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["first", "all", "quick"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contestants of the drain, with commas between")
    given = parser.parse_args()
    names = {one.name for one in CONTESTANTS} if given.what == "all" else set(FIRST)
    names = set(given.only.split(",")) if given.only else names
    rounds, share = (1, 0.5) if given.what == "quick" else (given.rounds, 1.0)
    drains: report.Drains = {one.name: [] for one in CONTESTANTS if one.name in names}
    with services() as servers:
        for turn in range(rounds):
            for one in CONTESTANTS:
                if one.name in names:
                    drained = drain(one, servers, share=share)
                    drains[one.name].append(drained)
                    print(
                        f"round {turn + 1}: {one.name:24} {drained.rate:9,.0f} tasks/s"
                        f" {drained.cpu_us:8,.0f} us CPU/task  load {drained.load:.1f}",
                        flush=True,
                    )
    ratios = report.ratios(drains)
    if given.what == "quick":
        return report.compare(ratios)
    if not given.only:
        report.write(given.what, drains, ratios)
    return report.below_floors(ratios)


if __name__ == "__main__":
    sys.exit(main())
