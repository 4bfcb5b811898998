"""Workloads (f) and start-up: what an idle worker node with two executors costs, and how soon it is ready."""

from __future__ import annotations

import contextlib
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.drain import surroundings
from benchmarks.drains import BY_NAME
from benchmarks.services import ROOT, Services, python, running
from benchmarks.workload import Found
from tests.support.servers.postgresql import children_of

REPEATS = 3
NAMES = ("taskdeck_message", "taskdeck_direct", "celery_redis")
IDLE_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Idle:
    pss_mib: float
    """Proportional set size of the node's processes together."""
    ready_seconds: float
    """From the command to the first task's result."""


def run(servers: Services, rounds: int) -> Found:
    runs: dict[str, list[Idle]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name in NAMES:
            runs[name].append(idle(BY_NAME[name], servers))
            print(f"{name:24} {runs[name][-1]}", flush=True)
    memory = {name: statistics.median(one.pss_mib for one in found) for name, found in runs.items()}
    ready = {name: statistics.median(one.ready_seconds for one in found) for name, found in runs.items()}
    to_help = help_seconds()
    return Found(
        facts={name: [asdict(one) for one in found] for name, found in runs.items()}
        | {"help_seconds": to_help},
        ratios={"idle_memory_vs_celery": round(memory["taskdeck_message"] / memory["celery_redis"], 2)},
        lines=[
            "| idle node, 2 worker processes | MiB (PSS) | command to first result, s |",
            "|---|---|---|",
            *(f"| {BY_NAME[name].label} | {memory[name]:.0f} | {ready[name]:.1f} |" for name in NAMES),
            "",
            f"`manage.py runworker --help` takes {to_help} s.",
        ],
        ceilings={"idle_memory_vs_celery": 1.0},
    )


def idle(one: Contestant, servers: Services) -> Idle:
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(one, servers, Path(name)) as (env, _),
    ):
        subprocess.run(python(*one.enqueue, "1"), env=env, cwd=ROOT, check=True)
        started = time.monotonic()
        commands = [python(*worker) for worker in one.workers]
        with running(commands, env, Path(name) / "workers.log") as pids:
            while one.stored(env) < 1:
                if time.monotonic() - started > 60:
                    raise SystemExit(f"{one.name}: the workers do not run")
                time.sleep(0.01)
            ready = time.monotonic() - started
            time.sleep(IDLE_AFTER_SECONDS)
            memory = pss_mib(pids)
    return Idle(round(memory, 1), round(ready, 2))


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


def help_seconds() -> float:
    """``manage.py runworker --help``, median of REPEATS."""
    times = []
    for _ in range(REPEATS):
        started = time.monotonic()
        subprocess.run(
            python("manage.py", "runworker", "--help"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        times.append(time.monotonic() - started)
    return round(statistics.median(times), 2)
