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
class Length:
    """How long a task takes, and how many there are. The Pool hands out ``chunk`` of them at a time, so that
    its own hand-over does not spoil the measure; ``suffix`` belongs to the names of the ratios."""

    seconds: float
    tasks: int
    chunk: int
    suffix: str = ""


LENGTHS = (Length(0.06, 160, 1), Length(0.005, 2000, 12, "_short"))


@dataclass(frozen=True, slots=True)
class Spinning:
    """``share`` of the time that the cores gave to all of it or to nobody, used by the tasks themselves."""

    share: float
    rate: float


def run(servers: Services, rounds: int) -> Found:
    found = [measured(length, servers, rounds) for length in LENGTHS]
    return Found(
        facts={
            f"ms_{1000 * length.seconds:.0f}": one.facts for length, one in zip(LENGTHS, found, strict=True)
        },
        ratios={name: ratio for one in found for name, ratio in one.ratios.items()},
        lines=[line for one in found for line in ("", *one.lines)][1:],
        floors={name: floor for one in found for name, floor in one.floors.items()},
    )


def measured(length: Length, servers: Services, rounds: int) -> Found:
    turns = turns_of(length.seconds)
    runs: dict[str, list[Spinning]] = {name: [] for name in (POOL, *ENQUEUE)}
    for _ in range(rounds):
        for name, found in runs.items():
            found.append(
                pool(length, turns)
                if name == POOL
                else spinning(contestant(name, turns), servers, length.tasks)
            )
            ms = 1000 * length.seconds
            print(f"{ms:3.0f} ms {name:24} {found[-1]}  load {os.getloadavg()[0]:.1f}", flush=True)
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
    efficiency, rate = f"cpu_efficiency{length.suffix}", f"spin_rate{length.suffix}"
    return Found(
        facts={
            "turns": turns,
            "runs": {name: [asdict(one) for one in found] for name, found in runs.items()},
        },
        ratios={
            efficiency: of_pool["share"]["taskdeck_message"],
            f"{efficiency}_direct": of_pool["share"]["taskdeck_direct"],
            f"{efficiency}_celery": of_pool["share"]["celery_redis"],
            f"{efficiency}_dramatiq": of_pool["share"]["dramatiq"],
            f"{rate}_vs_pool": of_pool["rate"]["taskdeck_message"],
            f"{rate}_direct_vs_pool": of_pool["rate"]["taskdeck_direct"],
        },
        lines=[
            f"| {1000 * length.seconds:.0f} ms of pure Python a task, 2 processes"
            " | used by tasks, of the cores | of the Pool's | tasks/s, of the Pool's |",
            "|---|---|---|---|",
            f"| `multiprocessing.Pool(2)`, {length.chunk} at a time | {median[POOL]['share']:.1%} |  |  |",
            *(
                f"| {label[name]} | {median[name]['share']:.1%} | {of_pool['share'][name]:.1%}"
                f" | {of_pool['rate'][name]:.1%} |"
                for name in ENQUEUE
            ),
        ],
        floors={efficiency: 0.97, f"{efficiency}_direct": 0.97},
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


def pool(length: Length, turns: int) -> Spinning:
    with (
        tempfile.NamedTemporaryFile() as notes,
        mock.patch.dict(os.environ, NOTES=notes.name),
        multiprocessing.get_context("fork").Pool(2) as workers,
    ):
        before = after = Moment.now([os.getpid()])
        ends = workers.imap_unordered(spin, [turns] * length.tasks, length.chunk)
        for done, _ in enumerate(ends, start=1):
            if done == int(WARM_UP * length.tasks):
                before = Moment.now([os.getpid()])
            if done == int(END * length.tasks):
                after = Moment.now([os.getpid()])
        return judged(noted(Path(notes.name)), before, after)


def spinning(one: Contestant, servers: Services, tasks: int) -> Spinning:
    with noting(one, servers) as (env, notes, log):
        subprocess.run(python(*one.enqueue, str(tasks)), env=env, cwd=ROOT, check=True)
        with running([python(*worker) for worker in one.workers], env, log) as pids:
            roots = [*pids, *servers.pids()]
            wait_for(int(WARM_UP * tasks), one, notes, log)
            before = Moment.now(roots)
            wait_for(int(END * tasks), one, notes, log)
            after = Moment.now(roots)
            wait_for(tasks, one, notes, log)
            deadline = time.monotonic() + LIMIT_SECONDS
            while one.stored(env) < tasks and time.monotonic() < deadline:
                time.sleep(0.1)
            one.verify(env, tasks)
        return judged(noted(notes), before, after)


def wait_for(tasks: int, one: Contestant, notes: Path, log: Path) -> None:
    """Until so many tasks have ended."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (done := notes.read_bytes().count(b"\n")) < tasks:
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: {done} of {tasks}\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


def judged(spuns: Sequence[Spun], before: Moment, after: Moment) -> Spinning:
    first, last = int(WARM_UP * len(spuns)), int(END * len(spuns)) - 1
    rate = (last - first) / (spuns[last].ended_at - spuns[first].ended_at)
    return Spinning(round(useful_share(spuns, before, after), 4), round(rate, 2))
