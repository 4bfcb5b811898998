"""Workload (d): pure Python on every core. How much of what ``multiprocessing.Pool(2)`` does is left?"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from operator import truediv
from pathlib import Path
from unittest import mock

from benchmarks.contestants import WARM_UP, Contestant
from benchmarks.drain import noting
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.timed import spin
from benchmarks.workload import Found

TASK_SECONDS = 0.06
TASKS = 160
LIMIT_SECONDS = 120
POOL = "pool"
OURS = ("-m", "benchmarks.enqueue_noops", "benchmarks.timed_tasks.spin")
ENQUEUE = {
    "taskdeck_message": OURS,
    "taskdeck_direct": OURS,
    "celery_redis": ("-m", "benchmarks.peers.celery_app", "spin"),
    "dramatiq": ("-m", "benchmarks.peers.dramatiq_app", "spin"),
}
ONE_THREAD = ("-m", "dramatiq", "benchmarks.peers.dramatiq_app", "--processes", "2", "--threads", "1")


def run(servers: Services, rounds: int) -> Found:
    turns = turns_of(TASK_SECONDS)
    rates: dict[str, list[float]] = {name: [] for name in (POOL, *ENQUEUE)}
    for _ in range(rounds):
        for name, found in rates.items():
            found.append(pool_rate(turns) if name == POOL else rate(contestant(name, turns), servers))
            print(f"{name:24} {found[-1]:6.2f} tasks/s  load {os.getloadavg()[0]:.1f}", flush=True)
    median = {name: statistics.median(found) for name, found in rates.items()}
    share = {  # round by round: what else the machine does falls on neighbours alike
        name: round(statistics.median(map(truediv, rates[name], rates[POOL])), 3) for name in ENQUEUE
    }
    label = {name: BY_NAME[name].label.removesuffix(", 8 threads") for name in ENQUEUE}
    return Found(
        facts={"turns": turns, "rates": rates},
        ratios={
            "cpu_efficiency": share["taskdeck_message"],
            "cpu_efficiency_direct": share["taskdeck_direct"],
            "cpu_efficiency_celery": share["celery_redis"],
            "cpu_efficiency_dramatiq": share["dramatiq"],
        },
        lines=[
            f"| {1000 * TASK_SECONDS:.0f} ms of pure Python a task, 2 processes | tasks/s | of the Pool's |",
            "|---|---|---|",
            f"| `multiprocessing.Pool(2)` | {median[POOL]:.1f} |  |",
            *(f"| {label[name]} | {median[name]:.1f} | {share[name]:.1%} |" for name in ENQUEUE),
        ],
        floors={"cpu_efficiency": 0.97, "cpu_efficiency_direct": 0.97},
    )


def turns_of(seconds: float) -> int:
    """How many turns of ``spin`` take so long here, when nobody disturbs."""
    turns, best = 200_000, float("inf")
    with mock.patch.dict(os.environ, NOTES=os.devnull):
        for _ in range(7):
            started = time.perf_counter()
            spin(turns)
            best = min(best, time.perf_counter() - started)
    return round(turns * seconds / best)


def contestant(name: str, turns: int) -> Contestant:
    one = BY_NAME[name]
    return replace(
        one,
        enqueue=(*ENQUEUE[name], str(turns)),
        workers=(ONE_THREAD,) if name == "dramatiq" else one.workers,
        env=(*one.env, ("TASKDECK_MODULES", "benchmarks.timed_tasks")),
    )


def pool_rate(turns: int) -> float:
    with (
        tempfile.NamedTemporaryFile() as notes,
        mock.patch.dict(os.environ, NOTES=notes.name),
        multiprocessing.get_context("fork").Pool(2) as pool,
    ):
        for _ in pool.imap_unordered(spin, [turns] * TASKS):
            pass
        return rate_of(noted(Path(notes.name)))


def rate(one: Contestant, servers: Services) -> float:
    with noting(one, servers) as (env, notes, log):
        subprocess.run(python(*one.enqueue, str(TASKS)), env=env, cwd=ROOT, check=True)
        with running([python(*worker) for worker in one.workers], env, log):
            deadline = time.monotonic() + LIMIT_SECONDS
            while len(noted(notes)) < TASKS or one.stored(env) < TASKS:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{one.name}: {len(noted(notes))} of {TASKS}\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            one.verify(env, TASKS)
        return rate_of(noted(notes))


def noted(notes: Path) -> list[float]:
    return sorted(map(float, notes.read_text().split()))


def rate_of(ends: Sequence[float]) -> float:
    """Tasks per second between the end of the warm-up and the last end."""
    first = int(WARM_UP * len(ends))
    return (len(ends) - 1 - first) / (ends[-1] - ends[first])
