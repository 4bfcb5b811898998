"""Workload (f): what a node with two executors holds in memory: idle, while it drains, and just after."""

from __future__ import annotations

import contextlib
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.drain import surroundings
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.workload import Found
from tests.support.servers.postgresql import children_of

NAMES = ("taskdeck_message", "taskdeck_direct", "celery_redis")
EXECUTORS = 2
SHARE = 0.5
"""Of the tasks of a drain, submitted while the workers run."""
IDLE_AFTER_SECONDS = 5
LOOK_EVERY_SECONDS = 0.1
LIMIT_SECONDS = 120
CEILINGS = {"idle_memory_vs_celery": 1.0, "busy_memory_vs_celery": 1.0, "idle_node_mib": 100.0}


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of proportional set size: of the node's processes together, and of one of its executors."""

    idle: float
    busy: float
    """The most seen during the drain."""
    after: float
    idle_executor: float
    after_executor: float


def run(servers: Services, rounds: int) -> Found:
    runs: dict[str, list[Memory]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name in NAMES:
            runs[name].append(memory(BY_NAME[name], servers))
            print(f"{name:24} {runs[name][-1]}", flush=True)
    medians = {
        name: Memory(
            *(round(statistics.median(column), 1) for column in zip(*map(values, found), strict=True))
        )
        for name, found in runs.items()
    }
    ours, celery = medians["taskdeck_message"], medians["celery_redis"]
    return Found(
        facts={name: [asdict(one) for one in found] for name, found in runs.items()},
        ratios={
            "idle_memory_vs_celery": round(ours.idle / celery.idle, 2),
            "busy_memory_vs_celery": round(ours.busy / celery.busy, 2),
            "idle_node_mib": max(medians[name].idle for name in NAMES if name.startswith("taskdeck")),
        },
        lines=[
            f"| memory of a node with {EXECUTORS} worker processes, MiB (PSS) | idle | draining, at most"
            " | just after | of it one worker process, idle / after |",
            "|---|---|---|---|---|",
            *(
                f"| {BY_NAME[name].label} | {one.idle:.0f} | {one.busy:.0f} | {one.after:.0f}"
                f" | {one.idle_executor:.0f} / {one.after_executor:.0f} |"
                for name, one in medians.items()
            ),
        ],
        ceilings=CEILINGS,
    )


def values(one: Memory) -> tuple[float, ...]:
    return tuple(asdict(one).values())


def memory(one: Contestant, servers: Services) -> Memory:
    count = int(one.count * SHARE)
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(one, servers, Path(name)) as (env, _),
    ):
        subprocess.run(python(*one.enqueue, "1"), env=env, cwd=ROOT, check=True)
        commands = [python(*worker) for worker in one.workers]
        with running(commands, env, Path(name) / "workers.log") as pids:
            until_stored(one, env, 1, lambda: None)
            time.sleep(IDLE_AFTER_SECONDS)
            idle, idle_executor = pss_mib(pids), executor_mib(pids)
            seen: list[float] = []
            submitter = subprocess.Popen(python(*one.enqueue, str(count)), env=env, cwd=ROOT)
            try:
                until_stored(one, env, count + 1, lambda: seen.append(pss_mib(pids)))
            finally:
                if submitter.wait(LIMIT_SECONDS):
                    raise SystemExit(f"{one.name}: the tasks were not submitted")
            return Memory(
                *(
                    round(mib, 1)
                    for mib in (idle, max(seen), pss_mib(pids), idle_executor, executor_mib(pids))
                )
            )


def until_stored(one: Contestant, env: dict[str, str], count: int, look: Callable[[], None]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while (found := one.stored(env)) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: {found} of {count} results in {LIMIT_SECONDS} s")
        look()
        time.sleep(LOOK_EVERY_SECONDS)


def executor_mib(roots: Sequence[int]) -> float:
    """The mean of the worker processes: the smallest children, since ours have the supervisor beside them."""
    sizes = sorted(pss_mib([child]) for pid in roots for child in children_of(pid))
    return statistics.mean(sizes[:EXECUTORS])


def pss_mib(roots: Sequence[int]) -> float:
    """Of these processes and all below them."""
    total = 0.0
    for pid in roots:
        with contextlib.suppress(OSError):
            found = re.search(
                r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
            )
            total += int(found[1]) / 1024 if found else 0
        total += pss_mib(children_of(pid))
    return total
