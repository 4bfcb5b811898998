"""One proof from its first task to its clean-up."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connections
from django.db.models import QuerySet

from tasks_app.access import Access
from tasks_app.conf import get_conf
from tasks_app.functions import registry
from tasks_app.models import Task, Worker
from tasks_app.states import TERMINAL
from worker.board import boottime
from worker.prove import ledger
from worker.prove.audit import audit
from worker.prove.faults import Faults, Struck
from worker.prove.messages import Messages
from worker.prove.nodes import MODULE, Fleet, Leases, Misbehaved, TooLate, wait_for
from worker.prove.plan import make_plan
from worker.prove.report import Result
from worker.prove.user import User

Say = Callable[[str], None]
EVERYTHING = Access(
    user_id=None, view=True, submit=True, cancel=True, retry=True, operate=True, view_all=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOptions:
    """``over_seconds``: the tasks are submitted evenly over this time. ``settle_seconds``: how long the
    rest may take once the last fault is over."""

    tasks: int
    over_seconds: float
    settle_seconds: float
    rounds: int
    nodes: int
    concurrency: int
    seed: int
    keep: bool
    leases: Leases
    is_disruptive: bool = False
    """May harm others on the same broker: its queue is deleted, and ``broker_restart`` is run."""
    broker_restart: str = ""
    """A shell command."""


class Proof:
    def __init__(self, options: ProofOptions, say: Say) -> None:
        self._options, self._say = options, say
        self.run = secrets.token_hex(4)
        self._queue = f"prove-{self.run}"
        self._rng = random.Random(options.seed)
        self._user = User(run=self.run, queue=self._queue, access=EVERYTHING, rng=self._rng)
        self._log = get_conf().data_dir / f"prove-{self.run}.log"

    def execute(self) -> Result:
        began = boottime()
        registry.add_module(MODULE)
        options = self._options
        fleet = Fleet(
            self.run,
            self._queue,
            size=options.nodes,
            concurrency=options.concurrency,
            leases=options.leases,
            log=self._log,
        )
        struck: list[Struck] = []
        failed: list[str] = []
        try:
            fleet.wait_until_alive()
            self._say(f"run {self.run}: {options.tasks} tasks on {options.nodes} nodes, log {self._log}")
            self._user.start(make_plan(options.tasks, self.run, self._rng), options.over_seconds)
            messages = Messages(self._queue, self._user)
            for fault in self._schedule(Faults(self.run, fleet, self._user), messages):
                try:
                    struck.append(fault())
                    self._say(f"{struck[-1].kind}: {_seconds(struck[-1])}")
                except Misbehaved as error:
                    failed.append(str(error))
                    self._say(f"FAULT: {error}")
            self._user.finish()
            self._settle()
        finally:
            self._user.finish(at_once=True)
            fleet.stop()
        result = Result(
            run=self.run,
            servers=servers(),
            seconds=boottime() - began,
            audit=audit(self._user.snapshot(), self._rows(), ledger.executions(ledger.read(self.run))),
            struck=struck,
            failed_faults=failed,
        )
        if not options.keep:
            messages.remove_queue()
            self._clean_up(keep_evidence=not result.is_clean)
        return result

    def _schedule(self, faults: Faults, messages: Messages) -> list[Callable[[], Struck]]:
        kinds = [
            faults.kill_executor,
            faults.kill_supervisor,
            faults.kill_executor,
            faults.freeze_supervisor,
            faults.kill_executor,
            faults.drain_node,
            faults.kill_node,
            faults.flush_results,
            faults.kill_executor,
        ]
        if get_conf().rabbitmq_urls:
            kinds += [messages.send_doubles, messages.send_malformed]
            if self._options.is_disruptive:
                kinds.append(messages.delete_queue)
            if self._options.broker_restart:
                kinds.append(lambda: messages.restart_broker(self._options.broker_restart))
        return kinds * self._options.rounds

    def _rows(self) -> QuerySet[Task]:
        return Task.objects.filter(queue=self._queue)

    def _settle(self) -> None:
        """Wait for the rest; what is left then is stuck."""
        rest = self._rows().exclude(state__in=TERMINAL)
        self._say(f"all submitted and every fault over; {rest.count()} tasks are left")
        try:
            wait_for(
                lambda: not rest.exists(), seconds=self._options.settle_seconds, what="every task has ended"
            )
        except TooLate as error:
            self._say(str(error))

    def _clean_up(self, *, keep_evidence: bool) -> None:
        self._rows().delete()
        Worker.objects.filter(node__startswith=f"prove-{self.run}-").delete()
        if not keep_evidence:
            ledger.path_of(self.run).unlink(missing_ok=True)
            self._log.unlink(missing_ok=True)


def servers() -> dict[str, str]:
    conf = get_conf()
    embedded = "embedded" if conf.redis_url.startswith("unix:") else "configured"
    return {
        "database": str(connections["default"].vendor),
        "redis": embedded if conf.redis_url else "none",
        "broker": "RabbitMQ" if conf.rabbitmq_urls else "none",
    }


def _seconds(struck: Struck) -> str:
    times = ", ".join(f"{seconds:.2f} s" for seconds in struck.recovered)
    return " ".join(filter(None, [f"ran again after {times}" if times else "", struck.detail])) or "done"
