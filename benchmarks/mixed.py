"""Workload (e): tasks of 1 ms, 100 ms and 5 s, two workers of one process each: how long the short wait.

Beside it the drain of no-ops by two such workers, with and without their offers to idle ones.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.arrivals import arrivals
from benchmarks.contestants import CELERY_WORKER, TASKDECK, TASKDECK_ROWS, Contestant
from benchmarks.drain import Drained, drain, noting
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.workload import Found

NOOPS = 2
WARMING = 4  # of 1 ms and of 100, before the clock starts
SHORT_WARMING = 2
LIMIT_SECONDS = 60
LEAST_MS = 1.0  # what a ratio divides by at the least: a wait of microseconds is as good as none
MODULES = (("TASKDECK_MODULES", "benchmarks.timed_tasks,benchmarks.noop_tasks"),)


def two_workers(
    one: Contestant, label: str, *env: tuple[str, str], manage: tuple[str, ...] = ("manage.py",)
) -> Contestant:
    kept = tuple(pair for pair in one.env if pair[0] != "TASKDECK_DIRECT_CLAIM_SECONDS")  # as shipped
    if one.name == "celery_redis":
        at = CELERY_WORKER.index("--concurrency") + 1
        command = (*CELERY_WORKER[:at], "1", *CELERY_WORKER[at + 1 :], "--hostname")
        workers = tuple((*command, name) for name in ("first@%h", "second@%h"))
    else:
        command = (*manage, "runworker", "--concurrency", "1", "--name")
        workers = tuple((*command, name) for name in ("first", "second"))
    return replace(one, label=label, workers=workers, env=(*kept, *MODULES, *env))


CONTESTANTS = {
    "taskdeck_message": two_workers(BY_NAME["taskdeck_message"], "Taskdeck by message"),
    "taskdeck_unoffered": two_workers(
        BY_NAME["taskdeck_message"], "the same without offers", manage=("-m", "benchmarks.unoffered")
    ),
    "taskdeck_direct": two_workers(BY_NAME["taskdeck_direct"], "Taskdeck by direct claim"),
    "celery_redis": two_workers(BY_NAME["celery_redis"], "Celery, defaults (prefetch multiplier 4)"),
    "celery_tuned": two_workers(
        BY_NAME["celery_redis"], "Celery, prefetch multiplier 1 and late acks", ("CELERY_TUNED", "1")
    ),
}
# The drain counts those by message, and looks into the table seldom: as in the workload of that name.
DRAINS = {
    name: replace(CONTESTANTS[name], env=BY_NAME["taskdeck_message"].env)
    for name in ("taskdeck_message", "taskdeck_unoffered")
}


def run(servers: Services, rounds: int) -> Found:
    waits: dict[str, list[list[float]]] = {name: [] for name in CONTESTANTS}
    drains: dict[str, list[Drained]] = {name: [] for name in DRAINS}
    for _ in range(rounds):
        for name, drained in drains.items():
            drained.append(drain(DRAINS[name], servers))
            print(f"{name:24} {drained[-1]}", flush=True)
        for name, found in waits.items():
            found.append(waits_ms(CONTESTANTS[name], servers))
            print(f"{name:24} {points(found[-1])}  load {os.getloadavg()[0]:.1f}", flush=True)
    point = {name: points([wait for one in found for wait in one]) for name, found in waits.items()}
    cpu = {name: statistics.median(one.cpu_us for one in found) for name, found in drains.items()}
    return Found(
        facts={
            "waits_ms": waits,
            "drains": {name: [asdict(one) for one in found] for name, found in drains.items()},
        },
        ratios={
            "short_wait_vs_celery": ratio(point["taskdeck_message"], point["celery_redis"]),
            "short_wait_direct_vs_celery": ratio(point["taskdeck_direct"], point["celery_redis"]),
            "drain_cpu_of_offers": round(cpu["taskdeck_message"] / cpu["taskdeck_unoffered"], 2),
            "short_wait_vs_celery_tuned": ratio(point["taskdeck_message"], point["celery_tuned"]),
        },
        lines=[
            "| 1 ms tasks among some of 100 ms and 5 s, 2 workers of one process: wait, ms | p50 | p95 |",
            "|---|---|---|",
            *(
                f"| {CONTESTANTS[name].label} | {p50:,.0f} | {p95:,.0f} |"
                for name, (p50, p95) in point.items()
            ),
            "",
            "The same instants of submit for all; the ratios compare p95. A no-op by two workers costs"
            f" {cpu['taskdeck_message']:.0f} µs of processor time, without their offers"
            f" {cpu['taskdeck_unoffered']:.0f}.",
        ],
        ceilings={
            "short_wait_vs_celery": 0.2,
            "short_wait_direct_vs_celery": 0.2,
            "drain_cpu_of_offers": 1.15,
        },
    )


def points(waits: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    found = statistics.quantiles(waits, n=100)
    return round(found[49], 1), round(found[94], 1)


def ratio(ours: tuple[float, float], theirs: tuple[float, float]) -> float:
    return round(max(ours[1], LEAST_MS) / max(theirs[1], LEAST_MS), 3)


def waits_ms(one: Contestant, servers: Services) -> list[float]:
    """From submit to start, of every short task; the results of all are stored at the end."""
    side = "celery" if one.settings == BY_NAME["celery_redis"].settings else "taskdeck"
    with noting(one, servers) as (env, notes, log):
        subprocess.run(python(*one.enqueue, str(NOOPS)), env=env, cwd=ROOT, check=True)
        with running([python(*worker) for worker in one.workers], env, log):
            deadline = time.monotonic() + LIMIT_SECONDS
            until_stored(one, env, NOOPS, deadline, log)
            subprocess.run(python("-m", "benchmarks.arrivals", side), env=env, cwd=ROOT, check=True)
            until_stored(one, env, NOOPS + WARMING + len(arrivals()), deadline, log)
        found = notes.read_text().split()
    expected = SHORT_WARMING + sum(length == 1 for _, length in arrivals())
    if len(found) != expected:
        raise SystemExit(f"{one.name}: {len(found)} of {expected} short tasks were noted")
    return [1000 * float(wait) for wait in found[SHORT_WARMING:]]


def until_stored(one: Contestant, env: dict[str, str], count: int, deadline: float, log: Path) -> None:
    """Each of so many results, in every place where the contestant keeps it."""
    places = (one.stored, TASKDECK_ROWS) if one.settings == TASKDECK else (one.stored,)
    while found := [place(env) for place in places if place(env) != count]:
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: {found} of {count} are stored\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
