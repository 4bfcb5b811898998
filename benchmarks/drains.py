"""Workload (a): drain of queued no-ops, every contestant once a round."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import asdict

from benchmarks.contestants import CONTESTANTS
from benchmarks.drain import Drained, drain
from benchmarks.services import Services
from benchmarks.workload import Found

BY_NAME = {one.name: one for one in CONTESTANTS}
FIRST = ("taskdeck_message", "taskdeck_direct", "bare_pika", "celery_redis")
OURS = {"taskdeck_message", "taskdeck_direct", "taskdeck_sqlite"}
PEER_OF = {  # ratio: our contestant, the peer
    "drain_vs_celery_redis": ("taskdeck_message", "celery_redis"),
    "drain_vs_celery_postgres": ("taskdeck_message", "celery_postgres"),
    "drain_vs_dramatiq": ("taskdeck_message", "dramatiq"),
    "drain_vs_huey": ("taskdeck_message", "huey"),
    "drain_vs_bare_pika": ("taskdeck_message", "bare_pika"),
    "drain_vs_django_tasks_db": ("taskdeck_message", "django_tasks_db"),
    "drain_share_of_raw_pika": ("taskdeck_message", "raw_pika"),
    "drain_direct_vs_celery_redis": ("taskdeck_direct", "celery_redis"),
    "drain_direct_vs_bare_pika": ("taskdeck_direct", "bare_pika"),
    "drain_sqlite_vs_django_tasks_db": ("taskdeck_sqlite", "django_tasks_db_sqlite"),
}
FLOORS = {
    "drain_vs_celery_redis": 10.0,
    "drain_vs_celery_postgres": 20.0,
    "drain_vs_dramatiq": 3.0,
    "drain_vs_huey": 3.0,
    "drain_vs_bare_pika": 3.0,
    "drain_vs_django_tasks_db": 20.0,
    "drain_share_of_raw_pika": 0.4,
    "drain_sqlite_vs_django_tasks_db": 5.0,
}
CEILINGS = {"cpu_us_per_task": 90.0}
"""Microseconds of processor time by message, of workers and servers together."""
Drains = dict[str, list[Drained]]


def run(
    servers: Services, rounds: int, *, names: Collection[str] = tuple(BY_NAME), share: float = 1.0
) -> Found:
    """``names`` of contestants, ``share`` of the usual number of tasks."""
    drains: Drains = {name: [] for name in BY_NAME if name in names}
    for turn in range(rounds):
        for name, runs in drains.items():
            drained = drain(BY_NAME[name], servers, share=share)
            runs.append(drained)
            print(
                f"round {turn + 1}: {name:24} {drained.rate:9,.0f} tasks/s"
                f" {drained.cpu_us:8,.0f} us CPU/task  load {drained.load:.1f}",
                flush=True,
            )
    rates = {name: statistics.median(one.rate for one in runs) for name, runs in drains.items()}
    ratios = {
        name: round(rates[ours] / rates[peer], 2)
        for name, (ours, peer) in PEER_OF.items()
        if ours in rates and peer in rates
    }
    if "taskdeck_message" in drains:
        ratios["cpu_us_per_task"] = round(statistics.median(one.cpu_us for one in drains["taskdeck_message"]))
    return Found(
        facts={name: [asdict(one) for one in runs] for name, runs in drains.items()},
        ratios=ratios,
        lines=table(drains, rates),
        floors={name: floor for name, floor in FLOORS.items() if name in ratios},
        ceilings={name: ceiling for name, ceiling in CEILINGS.items() if name in ratios},
    )


def table(drains: Drains, rates: dict[str, float]) -> list[str]:
    lines = [
        "| drain of no-ops, 2 worker processes | tasks/s | CPU µs/task, with servers | by message / this |",
        "|---|---|---|---|",
    ]
    for name, runs in drains.items():
        cpu = statistics.median(one.cpu_us for one in runs)
        is_compared = name not in OURS and "taskdeck_message" in rates
        times = f"{rates['taskdeck_message'] / rates[name]:.1f}" if is_compared else ""
        lines.append(f"| {BY_NAME[name].label} | {rates[name]:,.0f} | {cpu:,.0f} | {times} |")
    return lines
