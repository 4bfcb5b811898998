"""A quiet worker finishes what it runs and claims nothing, until it is woken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks_app.messages import broker_queue
from tests.support.machine import Up
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

SECONDS = 60


def only_worker(up: Up) -> dict[str, Any]:
    found: list[dict[str, Any]] = wait_until(up.workers, seconds=SECONDS, what="a worker is alive")
    return found[0]


def ask(up: Up, worker_id: str, act: str) -> None:
    """The worker hears it at its next heartbeat, which the log tells."""
    said = up.log.read_text().count("this worker is quiet" if act == "quiet" else "this worker claims again")
    assert up.call(f"/api/workers/{worker_id}/{act}/", {})[0] == 200
    sentence = "this worker is quiet" if act == "quiet" else "this worker claims again"
    wait_until(lambda: up.log.read_text().count(sentence) > said, seconds=SECONDS, what=f"it heard {act}")


def submit(up: Up, function: str, arguments: dict[str, Any]) -> str:
    status, answer = up.call(f"/api/functions/{function}/", arguments)
    assert status == 202
    return str(answer["task_id"])


def ended_on(up: Up, task_id: str) -> str:
    def ended() -> Any:
        task = up.call(f"/api/tasks/{task_id}/")[1]
        return task if task["state"] == "succeeded" else None

    return str(wait_until(ended, seconds=SECONDS, what="the task ends")["worker"])


def test_others_take_the_work_of_a_quiet_worker_and_it_finishes_its_own(up: Up, tmp_path: Path) -> None:
    up.wait_until_ready()
    first = only_worker(up)
    gate = tmp_path / "gate"
    running = submit(up, "waits_for_file", {"path": str(gate)})
    wait_until(lambda: running in up.ran(), seconds=SECONDS, what="it runs")
    ask(up, first["id"], "quiet")
    gate.touch()
    assert ended_on(up, running) == first["node"]

    left = [submit(up, "noted_fibonacci", {"number": 5}) for _ in range(5)]
    second = up.start_worker("second")
    assert {ended_on(up, task_id) for task_id in left} == {"second"}
    assert sorted(up.ran()) == sorted([running, *left])
    second.terminate()
    assert second.wait(60) == 0

    ask(up, first["id"], "wake")
    assert ended_on(up, submit(up, "noted_fibonacci", {"number": 5})) == first["node"]


@pytest.fixture
def with_broker(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[tuple[Up, str]]:
    vhost = rabbitmq.fresh_vhost()
    url = rabbitmq.url_of(vhost)
    up = Up(tmp_path, RABBITMQ_URL=url, TASKDECK_DIRECT_CLAIM_SECONDS="3600")
    up.wait_until_ready()
    yield up, vhost
    up.end()


def test_a_quiet_worker_leaves_the_messages_to_others(
    rabbitmq: RabbitMQ, with_broker: tuple[Up, str]
) -> None:
    up, vhost = with_broker

    def queue() -> dict[str, Any]:
        return next(q for q in rabbitmq.list_queues(vhost=vhost) if q["name"] == broker_queue("default"))

    wait_until(lambda: queue()["consumers"] == 1, seconds=SECONDS, what="the worker consumes")
    worker = only_worker(up)
    ask(up, worker["id"], "quiet")
    wait_until(lambda: queue()["consumers"] == 0, seconds=SECONDS, what="it consumes no more")
    left = [submit(up, "noted_fibonacci", {"number": 5}) for _ in range(3)]
    wait_until(lambda: queue()["messages_ready"] == 3, seconds=SECONDS, what="the messages wait")
    assert up.ran() == []

    ask(up, worker["id"], "wake")
    for task_id in left:
        assert ended_on(up, task_id) == worker["node"]
    wait_until(
        lambda: only_worker(up)["claims_by_message"] == 3, seconds=SECONDS, what="they came by message"
    )
