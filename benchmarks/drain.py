"""Workload (a): how fast queued no-ops drain, two worker processes each, every result stored."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import TASKDECK, WARM_UP, Contestant
from benchmarks.services import ROOT, Services, cpu_seconds, python, running
from tasks_app.embedded import EmbeddedValkey

LIMIT_SECONDS = 240
LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Drained:
    rate: float
    cpu_us: float
    """Of workers and servers together, per task."""
    load: float


@contextlib.contextmanager
def surroundings(
    one: Contestant, servers: Services, folder: Path
) -> Iterator[tuple[dict[str, str], list[int]]]:
    """The environment of one run, and the servers whose CPU time counts."""
    env = os.environ | {
        "TASKDECK_DATA_DIR": str(folder),
        "TASKDECK_MODULES": "benchmarks.noop_tasks",
        "LOG_LEVEL": "WARNING",
    }
    env |= {"DJANGO_SETTINGS_MODULE": one.settings} if one.settings else {}
    if one.is_embedded:
        valkey = EmbeddedValkey(folder)
        server = valkey.start()
        try:
            env |= {"DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}", "REDIS_URL": valkey.url}
            yield env, [server.pid] if one.settings == TASKDECK else []
        finally:
            valkey.stop()
        return
    env |= servers.fresh() | dict(one.env)
    if env.get("CELERY_RESULTS") == "redis":
        env["CELERY_RESULTS"] = env["REDIS_URL"]
    for name in one.without:
        del env[name]
    yield env, servers.pids()


@contextlib.contextmanager
def noting(one: Contestant, servers: Services) -> Iterator[tuple[dict[str, str], Path, Path]]:
    """For tasks of ``benchmarks.timed``: the environment, the file of their notes, the workers' log."""
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(one, servers, Path(name)) as (env, _),
    ):
        notes = Path(name) / "notes"
        notes.touch()
        yield env | {"NOTES": str(notes)}, notes, Path(name) / "workers.log"


def drain(one: Contestant, servers: Services, *, share: float = 1.0) -> Drained:
    """Queue, start the workers, count until everything is stored. ``share`` of the usual number of tasks."""
    count = int(one.count * share)
    with (
        tempfile.TemporaryDirectory() as name,
        surroundings(one, servers, Path(name)) as (env, server_pids),
    ):
        log = Path(name) / "workers.log"
        subprocess.run(python(*one.enqueue, str(count)), env=env, cwd=ROOT, check=True)
        commands = [
            python(*(str(count) if part == str(one.count) else part for part in worker))
            for worker in one.workers
        ]
        with running(commands, env, log) as pids:
            drained = watch(one, env, count, [*pids, *server_pids], log)
            one.verify(env, count)
    return drained


def watch(one: Contestant, env: dict[str, str], count: int, pids: list[int], log: Path) -> Drained:
    """From the end of the warm-up to the last result."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (before := one.stored(env)) < WARM_UP * count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: nothing in {LIMIT_SECONDS} s\n{log.read_text()[-2000:]}")
        time.sleep(LOOK_EVERY_SECONDS)
    started, cpu = time.monotonic(), cpu_seconds(pids)
    while (done := one.stored(env)) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{one.name}: {done} of {count} in {LIMIT_SECONDS} s\n{log.read_text()[-2000:]}")
        time.sleep(LOOK_EVERY_SECONDS)
    seconds = time.monotonic() - started
    used = cpu_seconds(pids) - cpu
    tasks = count - before
    return Drained(tasks / seconds, 1e6 * used / tasks, os.getloadavg()[0])
