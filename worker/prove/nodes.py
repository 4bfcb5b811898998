"""The worker nodes of a proof: real ``manage.py runworker`` processes on a queue of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tasks_app.children import die_with_parent
from tasks_app.models import Worker

T = TypeVar("T")
MODULE = "worker.prove.tasks"
LOOK_EVERY_SECONDS = 0.05
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class Misbehaved(Exception):
    """Taskdeck did not do what it must after a fault."""


class TooLate(Misbehaved):
    """A condition did not come true in time."""


def wait_for(condition: Callable[[], T], *, seconds: float, what: str) -> T:
    """The first true answer. Raises TooLate."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TooLate(f"not within {seconds:g} s: {what}")
        time.sleep(LOOK_EVERY_SECONDS)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Seconds. Shorter than in production, so that a proof is short; each node's lease is its own."""

    lease: float = 5.0
    self_stop: float = 3.0
    heartbeat: float = 0.5


class Node:
    """One node; its process is the guard."""

    def __init__(self, name: str, queue: str, *, concurrency: int, leases: Leases, log: Path) -> None:
        self.name = name
        parent = os.getpid()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(Path(sys.argv[0]).absolute()), "runworker", "--name", name),
                    *("--queues", queue, "--concurrency", str(concurrency), "--drain-seconds", "10"),
                ],
                env=environment(leases),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )

    @property
    def guard(self) -> int:
        return self.process.pid

    def row(self) -> Worker | None:
        """The incarnation that is alive now."""
        return Worker.objects.filter(node=self.name, state="alive").first()

    def incarnation(self) -> Worker:
        """Raises TooLate when none is alive for a minute."""

        def alive() -> list[Worker]:
            row = self.row()
            return [row] if row and is_process(row.pid) else []

        return wait_for(alive, seconds=START_SECONDS, what=f"node {self.name} is alive")[0]

    def supervisor(self) -> int:
        """Its process id. Raises TooLate."""
        return self.incarnation().pid

    def stop(self) -> None:
        """Drain; kill when that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def environment(leases: Leases) -> dict[str, str]:
    """The nodes' own, as ``taskqueue_site.settings`` reads it."""
    modules = os.environ.get("TASKDECK_MODULES", "tasks_app.examples.tasks").split(",")
    return os.environ | {
        "TASKDECK_MODULES": ",".join([*modules, MODULE]),
        "TASKDECK_LEASE_SECONDS": str(leases.lease),
        "TASKDECK_SELF_STOP_SECONDS": str(leases.self_stop),
        "TASKDECK_HEARTBEAT_SECONDS": str(leases.heartbeat),
    }


def is_process(pid: int) -> bool:
    """Whether it lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


class Fleet:
    """The nodes of one proof, kept at a number."""

    def __init__(
        self, run: str, queue: str, *, size: int, concurrency: int, leases: Leases, log: Path
    ) -> None:
        self._run, self._queue, self._concurrency = run, queue, concurrency
        self.leases, self.log = leases, log
        self._count = 0
        self.nodes: list[Node] = []
        for _ in range(size):
            self.add()

    def add(self) -> Node:
        self._count += 1
        node = Node(
            f"prove-{self._run}-{self._count}",
            self._queue,
            concurrency=self._concurrency,
            leases=self.leases,
            log=self.log,
        )
        self.nodes.append(node)
        return node

    def replace(self, node: Node) -> None:
        """A node that was killed or drained gets a successor."""
        self.nodes.remove(node)
        self.add().supervisor()

    def wait_until_alive(self) -> None:
        for node in self.nodes:
            node.supervisor()

    def of_guard(self, guard: int) -> Node | None:
        return next((node for node in self.nodes if node.guard == guard), None)

    def stop(self) -> None:
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.send_signal(signal.SIGTERM)
        for node in self.nodes:
            node.stop()
