"""Workload (d): pure Python on every core. How much of what ``multiprocessing.Pool(2)`` does is left?

By processor time, because other programs on the machine would decide a comparison of rates (beside it).
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest import mock

from benchmarks.busy_time import Moment, Spun, noted, useful_share
from benchmarks.contestants import WARM_UP, Contestant
from benchmarks.drain import noting
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.timed import spin
from benchmarks.workload import Found

TASK_SECONDS = 0.06
TASKS = 160
END = 0.95  # of the tasks: later a core may have none left
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


@dataclass(frozen=True, slots=True)
class Spinning:
    """``share`` of the time that the cores gave to all of it or to nobody, used by the tasks themselves."""

    share: float
    rate: float


def run(servers: Services, rounds: int) -> Found:
    turns = turns_of(TASK_SECONDS)
    runs: dict[str, list[Spinning]] = {name: [] for name in (POOL, *ENQUEUE)}
    for _ in range(rounds):
        for name, found in runs.items():
            found.append(pool(turns) if name == POOL else spinning(contestant(name, turns), servers))
            print(f"{name:24} {found[-1]}  load {os.getloadavg()[0]:.1f}", flush=True)
    median = {
        name: {what: statistics.median(getattr(one, what) for one in found) for what in ("share", "rate")}
        for name, found in runs.items()
    }
    label = {name: BY_NAME[name].label.removesuffix(", 8 threads") for name in ENQUEUE}
    of_pool = {
        what: {  # round by round: what else the machine does falls on neighbours alike
            name: round(
                statistics.median(
                    getattr(ours, what) / getattr(pools, what)
                    for ours, pools in zip(runs[name], runs[POOL], strict=True)
                ),
                3,
            )
            for name in ENQUEUE
        }
        for what in ("share", "rate")
    }
    return Found(
        facts={
            "turns": turns,
            "runs": {name: [asdict(one) for one in found] for name, found in runs.items()},
        },
        ratios={
            "cpu_efficiency": of_pool["share"]["taskdeck_message"],
            "cpu_efficiency_direct": of_pool["share"]["taskdeck_direct"],
            "cpu_efficiency_celery": of_pool["share"]["celery_redis"],
            "cpu_efficiency_dramatiq": of_pool["share"]["dramatiq"],
            "spin_rate_vs_pool": of_pool["rate"]["taskdeck_message"],
            "spin_rate_direct_vs_pool": of_pool["rate"]["taskdeck_direct"],
        },
        lines=[
            f"| {1000 * TASK_SECONDS:.0f} ms of pure Python a task, 2 processes | used by tasks, of the cores"
            " | of the Pool's | tasks/s, of the Pool's |",
            "|---|---|---|---|",
            f"| `multiprocessing.Pool(2)` | {median[POOL]['share']:.1%} |  |  |",
            *(
                f"| {label[name]} | {median[name]['share']:.1%} | {of_pool['share'][name]:.1%}"
                f" | {of_pool['rate'][name]:.1%} |"
                for name in ENQUEUE
            ),
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


def pool(turns: int) -> Spinning:
    with (
        tempfile.NamedTemporaryFile() as notes,
        mock.patch.dict(os.environ, NOTES=notes.name),
        multiprocessing.get_context("fork").Pool(2) as workers,
    ):
        before = after = Moment.now([os.getpid()])
        for done, _ in enumerate(workers.imap_unordered(spin, [turns] * TASKS), start=1):
            if done == int(WARM_UP * TASKS):
                before = Moment.now([os.getpid()])
            if done == int(END * TASKS):
                after = Moment.now([os.getpid()])
        return judged(noted(Path(notes.name)), before, after)


def spinning(one: Contestant, servers: Services) -> Spinning:
    with noting(one, servers) as (env, notes, log):
        subprocess.run(python(*one.enqueue, str(TASKS)), env=env, cwd=ROOT, check=True)
        with running([python(*worker) for worker in one.workers], env, log) as pids:
            roots = [*pids, *servers.pids()]
            wait_for(WARM_UP, one, notes, log)
            before = Moment.now(roots)
            wait_for(END, one, notes, log)
            after = Moment.now(roots)
            wait_for(1.0, one, notes, log)
            deadline = time.monotonic() + LIMIT_SECONDS
            while one.stored(env) < TASKS and time.monotonic() < deadline:
                time.sleep(0.1)
            one.verify(env, TASKS)
        return judged(noted(notes), before, after)


def wait_for(share: float, one: Contestant, notes: Path, log: Path) -> None:
    """Until so much of the tasks has ended."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (done := notes.read_bytes().count(b"\n")) < int(share * TASKS):
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: {done} of {TASKS}\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def judged(spuns: Sequence[Spun], before: Moment, after: Moment) -> Spinning:
    first, last = int(WARM_UP * len(spuns)), int(END * len(spuns)) - 1
    rate = (last - first) / (spuns[last].ended_at - spuns[first].ended_at)
    return Spinning(round(useful_share(spuns, before, after), 4), round(rate, 2))
