"""A machine whose tasks travel by RabbitMQ message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pika

from tasks_app.messages import broker_queue
from tests.support.machine import Up
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

QUEUE = broker_queue("default")
NOTED = "tests.support.ledger_tasks.noted_fibonacci"
SECONDS = 60


class Deck:
    """A machine with its own virtual host; by default its worker never asks the table by itself."""

    def __init__(self, rabbitmq: RabbitMQ, data_dir: Path, **settings: str) -> None:
        self.rabbitmq = rabbitmq
        self.vhost = rabbitmq.fresh_vhost()
        self.url = rabbitmq.url_of(self.vhost)
        never = {"TASKDECK_DIRECT_CLAIM_SECONDS": "3600"}
        self.up = Up(data_dir, **{"RABBITMQ_URL": self.url, **never, **settings})
        self.up.wait_until_ready()
        wait_until(self.is_consuming, seconds=SECONDS, what="the worker consumes")

    def queue(self) -> dict[str, Any]:
        found = [q for q in self.rabbitmq.list_queues(vhost=self.vhost) if q["name"] == QUEUE]
        return found[0] if found else {}

    def is_consuming(self) -> bool:
        """Asked by AMQP: `rabbitmqctl` starts an Erlang machine for each question."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            try:
                declared = connection.channel().queue_declare(QUEUE, passive=True)
            except pika.exceptions.ChannelClosedByBroker:  # there is no such queue yet
                return False
            return bool(declared.method.consumer_count == 1)

    def wait_for_messages(self, count: int) -> None:
        """So many are in the queue or at the worker; a doorbell that came with the last of them has rung."""

        def are_there() -> bool:
            queue = self.queue()
            return bool(queue["messages_ready"] + queue["messages_unacknowledged"] == count)

        wait_until(are_there, seconds=SECONDS, what=f"{count} messages are there")

    def is_drained(self) -> bool:
        queue = self.queue()
        return (queue["messages_ready"], queue["messages_unacknowledged"]) == (0, 0)

    def submit(self, *, priority: int = 0) -> str:
        return self._submit("noted_fibonacci", {"number": 5}, priority)

    def submit_many(self, count: int, *, seconds: float) -> list[str]:
        """Tasks that take so long each, in one request."""
        one = {"function": "sleeps", "arguments": {"seconds": seconds}}
        status, answer = self.up.call("/api/tasks/bulk/", {"tasks": [one] * count})
        assert status == 202
        return [task["task_id"] for task in answer["tasks"]]

    def occupy(self, gate: Path) -> str:
        """Keep the only executor busy until the file exists."""
        task_id = self._submit("waits_for_file", {"path": str(gate)}, 0)
        wait_until(lambda: task_id in self.up.ran(), seconds=SECONDS, what="the executor is busy")
        return task_id

    def _submit(self, function: str, arguments: dict[str, Any], priority: int) -> str:
        document = {"function": function, "arguments": arguments, "priority": priority}
        status, answer = self.up.call("/api/tasks/", document)
        assert status == 202
        return str(answer["task_id"])

    def has_ended(self, task_id: str) -> bool:
        return bool(self.up.call(f"/api/tasks/{task_id}/")[1]["state"] == "succeeded")

    def wait_for(self, *task_ids: str) -> None:
        for task_id in task_ids:
            what = f"task {task_id} ends\n{self.up.log.read_text()[-3000:]}"
            wait_until(lambda one=task_id: self.has_ended(one), seconds=SECONDS, what=what)

    def claims(self) -> tuple[int, int]:
        """By message and direct."""
        worker = self.up.workers()[0]
        return worker["claims_by_message"], worker["claims_direct"]

    def wait_for_claims(self, by_message: int, direct: int) -> None:
        """The counters follow with the worker's next heartbeat."""
        wait_until(
            lambda: sum(self.claims()) >= by_message + direct, seconds=SECONDS, what="the claims are counted"
        )
        assert self.claims() == (by_message, direct)

    def send(self, body: bytes, function: str = NOTED) -> None:
        """A message from somebody else."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            properties = pika.BasicProperties(type=function)
            connection.channel().basic_publish("", QUEUE, body, properties)
