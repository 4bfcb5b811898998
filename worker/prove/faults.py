"""The faults of a proof. Each proves that it happened, and tells how long its victims took to run again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tasks_app.models import Task, Worker
from tasks_app.redis_client import forget_results
from tasks_app.states import TERMINAL
from worker.board import boottime
from worker.prove import ledger
from worker.prove.nodes import Fleet, Misbehaved, Node, is_process, wait_for
from worker.prove.user import User

VICTIM_SECONDS = 60.0
"""Until something runs where the fault is to strike."""


@dataclass(slots=True)
class Struck:
    """One fault. ``recovered``: seconds from the fault until each victim ran again."""

    kind: str
    recovered: list[float] = field(default_factory=list)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Victim:
    task_id: str
    attempt: int
    executor: int
    guard: int


class Faults:
    """``recover_seconds`` bounds the wait for the victims of one fault. All raise Misbehaved."""

    def __init__(self, run: str, fleet: Fleet, user: User) -> None:
        self._run, self._fleet, self._user = run, fleet, user
        self.recover_seconds = fleet.leases.lease + 30.0

    def kill_executor(self) -> Struck:
        victim = self._running()[0]
        with self._struck("executor killed", [victim]) as struck:
            os.kill(victim.executor, signal.SIGKILL)
            self._wait(lambda: not is_process(victim.executor), "the executor is dead")
        return struck

    def kill_supervisor(self) -> Struck:
        node, victims = self._busy_node()
        supervisor = node.supervisor()
        with self._struck("supervisor killed", victims) as struck:
            os.kill(supervisor, signal.SIGKILL)
            self._wait(lambda: not is_process(supervisor), "the supervisor is dead")
        wait_for(lambda: node.supervisor() != supervisor, seconds=VICTIM_SECONDS, what="a new supervisor")
        return struck

    def kill_node(self) -> Struck:
        """Guard, supervisor and executors at once, as when the machine loses its power."""
        node, victims = self._busy_node()
        pids = {node.guard, node.supervisor(), *(victim.executor for victim in victims)}
        with self._struck("whole node killed", victims) as struck:
            os.kill(node.guard, signal.SIGSTOP)  # it shall not save anything
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.process.wait()
            self._wait(lambda: not any(map(is_process, pids)), "the node is dead")
        self._fleet.replace(node)
        return struck

    def freeze_supervisor(self) -> Struck:
        """Longer than its lease; when it wakes up, it must have lost everything."""
        node, victims = self._busy_node()
        row = node.incarnation()
        supervisor = row.pid
        with self._struck("supervisor frozen beyond its lease", victims) as struck:
            os.kill(supervisor, signal.SIGSTOP)
            try:
                self._wait(lambda: Worker.objects.get(pk=row.pk).state == "lost", "it is declared lost")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(supervisor, signal.SIGCONT)
            struck.detail = f"declared lost after {boottime() - self._at:.1f} s"
        wait_for(
            lambda: (now := node.row()) and now.pk != row.pk,
            seconds=VICTIM_SECONDS,
            what="it comes back as a new incarnation",
        )
        return struck

    def drain_node(self) -> Struck:
        node, victims = self._busy_node()
        try:
            with self._struck("node drained", victims) as struck:
                node.process.send_signal(signal.SIGTERM)
                if status := node.process.wait():
                    raise Misbehaved(f"a drained node ended with exit status {status}")
                struck.detail = "exit status 0"
                self._wait(lambda: node.row() is None, "its worker row is stopped")
        finally:
            self._fleet.replace(node)
        return struck

    def flush_results(self) -> Struck:
        """Every result of this proof that Redis holds; the audit then reads them from the rows."""
        attempts = Task.objects.filter(pk__in=list(self._user.accepted)).values_list("pk", "attempt")
        gone = forget_results((str(pk), attempt) for pk, attempt in attempts)
        return Struck("results deleted from Redis", detail=f"{gone} keys")

    # Victims

    def _running(self) -> list[Victim]:
        """What runs now, once something does that will go on for a while."""
        mine = {self._user.probe().id for _ in self._fleet.nodes}  # others stay free to take over
        return wait_for(
            lambda: [victim for victim in self._now() if victim.task_id in mine],
            seconds=VICTIM_SECONDS,
            what="a long task runs",
        )

    def _now(self) -> list[Victim]:
        found = []
        for task_id, executions in ledger.executions(ledger.read(self._run)).items():
            last = executions[-1]
            if last.ended_at is None and is_process(last.executor):
                found.append(Victim(task_id, last.attempt, last.executor, last.guard))
        return found

    def _busy_node(self) -> tuple[Node, list[Victim]]:
        """A node of this proof with a long task, and all that runs on it."""
        guard = self._running()[0].guard
        node = self._fleet.of_guard(guard)
        assert node is not None, f"guard {guard} is none of ours"
        return node, [victim for victim in self._now() if victim.guard == guard]

    # Recovery

    @contextlib.contextmanager
    def _struck(self, kind: str, victims: list[Victim]) -> Iterator[Struck]:
        struck = Struck(kind)
        self._at = boottime()
        yield struck
        wait_for(
            lambda: self._all_again(victims, struck),
            seconds=self.recover_seconds,
            what=f"{kind}: its {len(victims)} tasks run again or have ended",
        )

    def _all_again(self, victims: list[Victim], struck: Struck) -> bool:
        """Whether each victim began a further attempt or has ended; then the times are kept."""
        begun = ledger.executions(ledger.read(self._run))
        again: dict[str, float] = {}
        for victim in victims:
            for one in begun[victim.task_id]:
                if one.attempt == victim.attempt + 1:
                    again[victim.task_id] = one.began_at - self._at
        rest = [victim.task_id for victim in victims if victim.task_id not in again]
        if rest and Task.objects.filter(pk__in=rest, state__in=TERMINAL).count() < len(rest):
            return False
        struck.recovered = list(again.values())
        return True

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_for(condition, seconds=self.recover_seconds, what=what)
