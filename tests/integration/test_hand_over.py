"""Tasks travel by RabbitMQ message; whatever happens to the messages, each task runs once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from tasks_app.messages import broker_queue, encode
from tests.support.machine import Up
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

QUEUE = broker_queue("default")
NOTED = "tests.support.ledger_tasks.noted_fibonacci"
SECONDS = 60


class Deck:
    """A machine whose worker practically never asks the table by itself, with its own virtual host."""

    def __init__(self, rabbitmq: RabbitMQ, data_dir: Path) -> None:
        self.rabbitmq = rabbitmq
        self.vhost = rabbitmq.fresh_vhost()
        self.url = rabbitmq.url_of(self.vhost)
        self.up = Up(data_dir, RABBITMQ_URL=self.url, TASKDECK_DIRECT_CLAIM_SECONDS="3600")
        self.up.wait_until_ready()
        wait_until(self.is_consuming, seconds=SECONDS, what="the worker consumes")

    def queue(self) -> dict[str, Any]:
        found = [q for q in self.rabbitmq.list_queues(vhost=self.vhost) if q["name"] == QUEUE]
        return found[0] if found else {}

    def is_consuming(self) -> bool:
        return self.queue().get("consumers") == 1

    def is_drained(self) -> bool:
        queue = self.queue()
        return (queue["messages_ready"], queue["messages_unacknowledged"]) == (0, 0)

    def submit(self, *, priority: int = 0) -> str:
        return self._submit("noted_fibonacci", {"number": 5}, priority)

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


@pytest.fixture
def deck(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(rabbitmq, tmp_path)
    yield deck
    deck.up.end()


def test_tasks_are_claimed_by_message_and_the_messages_are_settled(deck: Deck) -> None:
    submitted = [deck.submit() for _ in range(20)]

    deck.wait_for(*submitted)

    deck.wait_for_claims(by_message=20, direct=0)
    assert sorted(deck.up.ran()) == sorted(submitted)
    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")
    assert (deck.queue()["type"], deck.queue()["durable"]) == ("quorum", True)


def test_doubled_stale_foreign_and_unknown_messages_run_nothing_and_are_settled(deck: Deck) -> None:
    ended = deck.submit()
    deck.wait_for(ended)
    for _ in range(3):
        deck.send(encode(ended))
    deck.send(b"not ours")
    deck.send(b"\xff\x00", function="")
    deck.send(encode("01a20c86-97dc-75c0-bbd6-1b74873bca8a"))  # no such task
    deck.send(encode(ended), function="elsewhere.tasks.unknown")

    last = deck.submit()
    deck.wait_for(last)

    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")
    assert deck.up.ran() == [ended, last]
    deck.wait_for_claims(by_message=2, direct=0)
    [worker] = deck.up.workers()
    assert worker["messages"] == {"malformed": 2, "unknown": 1, "dropped": 0, "nacked": 0, "waiting": 0}


def test_tasks_run_while_the_broker_is_away_and_by_message_once_it_is_back(deck: Deck) -> None:
    before = deck.submit()
    deck.wait_for(before)
    deck.rabbitmq.stop()
    assert not deck.rabbitmq.is_running
    wait_until(
        lambda: deck.up.call("/readyz")[1]["checks"]["rabbitmq"] == "unavailable",
        seconds=SECONDS,
        what="/readyz tells",
    )
    assert deck.up.call("/readyz")[1]["status"] == "degraded"

    meanwhile = deck.submit()
    deck.wait_for(meanwhile)  # by the doorbell
    deck.wait_for_claims(by_message=1, direct=1)
    assert deck.up.call("/readyz")[1]["messages"] == {"waiting": 1, "dropped": 0, "nacked": 0}

    deck.rabbitmq.start()
    wait_until(deck.is_consuming, seconds=SECONDS, what="the worker consumes again")
    wait_until(lambda: deck.up.call("/readyz")[1]["status"] == "ready", seconds=SECONDS, what="/readyz tells")
    after = deck.submit()
    deck.wait_for(after)
    assert sorted(deck.up.ran()) == sorted([before, meanwhile, after])
    deck.wait_for_claims(by_message=2, direct=1)


def test_an_urgent_task_overtakes_messages_that_came_before(deck: Deck, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = deck.occupy(gate)
    usual = [deck.submit() for _ in range(3)]
    urgent = [deck.submit(priority=5) for _ in range(2)]
    gate.touch()

    deck.wait_for(*usual, *urgent)

    assert deck.up.ran() == [first, *urgent, *usual]
    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")


def test_a_drain_gives_unclaimed_messages_back(deck: Deck, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = deck.occupy(gate)
    for _ in range(3):
        deck.submit()
    wait_until(
        lambda: deck.queue()["messages_unacknowledged"] >= 1, seconds=SECONDS, what="the worker holds some"
    )

    deck.up.process.send_signal(signal.SIGTERM)
    wait_until(lambda: deck.queue()["consumers"] == 0, seconds=SECONDS, what="the worker stops consuming")
    gate.touch()
    assert deck.up.process.wait(SECONDS) == 0

    queue = deck.queue()
    assert (queue["messages_ready"], queue["messages_unacknowledged"]) == (3, 0)
    assert deck.up.ran() == [first]
