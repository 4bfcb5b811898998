"""A site whose workers may reach RabbitMQ by a way of their own, and the audit of what it ran."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tasks_app.messages import broker_queue
from tests.support.cluster import Cluster, Services
from tests.support.machine import worker_command
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

T = TypeVar("T")
QUEUE = broker_queue("default")
SECONDS = 90.0
"""For what has to happen sooner or later; the product is far quicker."""
QUICK_COUNTERS = {"TASKDECK_HEARTBEAT_SECONDS": "0.3"}
"""The claims are counted in the worker's row, which each heartbeat writes."""
LOAD_PAUSE_SECONDS = 0.1


class Claims(NamedTuple):
    """Of all workers so far."""

    by_message: int
    direct: int


@dataclass
class Load:
    """Submits that were answered while something broke."""

    count: int = 0
    refused: int = 0
    slowest_seconds: float = 0.0


class BrokerSite(Cluster):
    """``intake_url``: how the workers reach RabbitMQ; empty: as the web process does."""

    def __init__(
        self, data_dir: Path, services: Services, rabbitmq: RabbitMQ, *, intake_url: str = "", **settings: str
    ) -> None:
        super().__init__(data_dir, services, **QUICK_COUNTERS | settings)
        self.rabbitmq = rabbitmq
        self.submitted: list[str] = []
        self._intake_url = intake_url or services.rabbitmq_url

    @property
    def vhost(self) -> str:
        return self.services.rabbitmq_url.split(",")[0].rpartition("/")[2].partition("?")[0]

    def start_worker(self, name: str, *options: str) -> Any:
        environment = self.environment | {"RABBITMQ_URL": self._intake_url}
        return self.spawn(*worker_command(name, *options), environment=environment)

    def queue(self, name: str = QUEUE) -> dict[str, Any]:
        """As RabbitMQ sees it; empty where there is none."""
        found = [one for one in self.rabbitmq.list_queues(vhost=self.vhost) if one["name"] == name]
        return found[0] if found else {}

    def wait_for_consumers(self, count: int, *, seconds: float = SECONDS) -> None:
        self.wait(
            lambda: self.queue().get("consumers") == count, seconds=seconds, what=f"{count} workers consume"
        )

    def wait(self, condition: Callable[[], T], *, what: str, seconds: float = SECONDS) -> T:
        """As wait_until; a failure shows how things stand."""
        try:
            return wait_until(condition, seconds=seconds, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.claims()}\n{self.call('/readyz')}\n{self.tail()}") from None

    def tail(self) -> str:
        return self.log.read_text()[-3000:]

    # Tasks

    def submit(self, function: str = "noted_fibonacci", **arguments: Any) -> str:
        """A task, accepted; its id."""
        status, answer = self.call(f"/api/functions/{function}/", arguments or {"number": 10})
        assert status == 202, f"{status}\n{self.tail()}"
        self.submitted.append(answer["task_id"])
        return str(answer["task_id"])

    def occupy(self, gate: Path) -> str:
        """Keep an executor busy until the file exists."""
        task_id = self.submit("waits_for_file", path=str(gate))
        self.wait(lambda: task_id in self.ran(), what="it runs")
        return task_id

    @contextmanager
    def under_load(self) -> Iterator[Load]:
        """Ten tasks a second beside the block; each must be accepted."""
        load, is_over = Load(), threading.Event()

        def submit_on() -> None:
            while not is_over.wait(LOAD_PAUSE_SECONDS):
                began = time.monotonic()
                try:
                    self.submit()
                except AssertionError:
                    load.refused += 1
                load.count += 1
                load.slowest_seconds = max(load.slowest_seconds, time.monotonic() - began)

        thread = threading.Thread(target=submit_on, name="load", daemon=True)
        thread.start()
        try:
            yield load
        finally:
            is_over.set()
            thread.join(SECONDS)
        assert load.refused == 0, self.tail()

    # Claims

    def claims(self) -> Claims:
        statement = "SELECT sum(claims_by_message)::bigint, sum(claims_direct)::bigint FROM taskdeck_worker"
        with self.database.session() as session:
            [(by_message, direct)] = session.rows(statement, {})
        return Claims(by_message or 0, direct or 0)

    def wait_for_messages(self, more: int = 5, *, than: int | None = None, seconds: float = SECONDS) -> None:
        """Until that many further tasks were handed over by message."""
        least = (self.claims().by_message if than is None else than) + more
        self.wait(
            lambda: self.claims().by_message >= least,
            seconds=seconds,
            what=f"{least} tasks in all are handed over by message",
        )

    def wait_for_direct(self, more: int = 10) -> Claims:
        """Until that many tasks were claimed from the table and meanwhile none by message; the claims."""
        before = self.claims()

        def went_on() -> Claims | None:
            nonlocal before
            now = self.claims()
            if now.by_message != before.by_message:
                before = now
            return now if now.direct >= before.direct + more else None

        found = self.wait(went_on, what=f"{more} tasks are claimed from the table, none by message")
        assert found is not None
        return found

    # The audit

    def audit(self, *, seconds: float = SECONDS) -> None:
        """Each accepted task has one row, ended well at the first attempt, and ran once by the ledger."""
        self.wait(
            lambda: all(row[1] in ("succeeded", "failed", "cancelled") for row in self._rows()),
            seconds=seconds,
            what="every task ends",
        )
        rows = self._rows()
        assert [row for row in rows if row[1:] != ("succeeded", 1, 0, 0)] == []
        assert sorted(row[0] for row in rows) == sorted(self.submitted)
        assert collections.Counter(self.ran()) == collections.Counter(self.submitted)

    def seconds_of(self, task_id: str) -> float:
        """From start to end, by the row."""
        _, task = self.call(f"/api/tasks/{task_id}/")
        began, ended = (datetime.fromisoformat(task[name]) for name in ("started_at", "finished_at"))
        return (ended - began).total_seconds()

    def _rows(self) -> list[tuple[Any, ...]]:
        statement = "SELECT id::text, state, attempt, failures, losses FROM taskdeck_task"
        with self.database.session() as session:
            return [tuple(row) for row in session.rows(statement, {})]
