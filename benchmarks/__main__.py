"""``python -m benchmarks first|all|quick``: run, compare, write, and exit 1 below a floor."""

from __future__ import annotations

import argparse
import sys

from benchmarks import idle, latency, report
from benchmarks.contestants import CONTESTANTS
from benchmarks.drain import drain
from benchmarks.planner_trap import planner_trap
from benchmarks.services import Services, services

FIRST = ("taskdeck_message", "taskdeck_direct", "bare_pika", "celery_redis")
BY_NAME = {one.name: one for one in CONTESTANTS}


def run_drains(servers: Services, names: set[str], rounds: int, share: float) -> report.Drains:
    """Every contestant once a round, so that a busy minute falls on all."""
    drains: report.Drains = {one.name: [] for one in CONTESTANTS if one.name in names}
    for turn in range(rounds):
        for name, runs in drains.items():
            drained = drain(BY_NAME[name], servers, share=share)
            runs.append(drained)
            print(
                f"round {turn + 1}: {name:24} {drained.rate:9,.0f} tasks/s"
                f" {drained.cpu_us:8,.0f} us CPU/task  load {drained.load:.1f}",
                flush=True,
            )
    return drains


def run_others(servers: Services, rounds: int) -> report.Others:
    """Latency, idle nodes, start-up and the planner trap."""
    latencies: report.Latencies = {name: [] for name in latency.NAMES}
    idles: report.Idles = {name: [] for name in idle.NAMES}
    for _ in range(rounds):
        for name in latency.NAMES:
            latencies[name].append(latency.latency(BY_NAME[name], servers))
            print(f"{name:24} {latencies[name][-1]}", flush=True)
        for name in idle.NAMES:
            idles[name].append(idle.idle(BY_NAME[name], servers))
            print(f"{name:24} {idles[name][-1]}", flush=True)
    return report.Others(latencies, idles, idle.help_seconds(), planner_trap(servers))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["first", "all", "quick"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contestants of the drain, with commas between")
    given = parser.parse_args()
    names = set(BY_NAME) if given.what == "all" else set(FIRST)
    names = set(given.only.split(",")) if given.only else names
    rounds, share = (1, 0.5) if given.what == "quick" else (given.rounds, 1.0)
    others = None
    with services() as servers:
        drains = run_drains(servers, names, rounds, share)
        if given.what == "all" and not given.only:
            others = run_others(servers, rounds)
    ratios = report.ratios(drains, others)
    if given.what == "quick":
        return report.compare(ratios)
    if not given.only:
        report.write(given.what, drains, others, ratios)
    return report.below_floors(ratios)


if __name__ == "__main__":
    sys.exit(main())
