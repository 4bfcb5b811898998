"""Workloads (f) and start-up: what an idle worker node with two executors costs, and how soon it is ready."""

from __future__ import annotations

import contextlib
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.drain import surroundings
from benchmarks.services import ROOT, Services, python, running
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
