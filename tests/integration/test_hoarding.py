"""Two nodes of one executor each: what waits behind a long task of one starts on the other.

The pauses between two looks into the table are an hour long here, so that no look by chance helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster, Services
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ, Redis

NODES = {"first", "second"}
SECONDS = 60


@pytest.fixture(params=["messages", "direct"])
def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, redis_server: Redis
) -> Iterator[Cluster]:
    url = ""
    if request.param == "messages":
        rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
        url = rabbitmq.url_of(rabbitmq.fresh_vhost())
    services = Services(database_url, redis_server.url, url)
    running = Cluster(tmp_path, services, TASKDECK_DIRECT_CLAIM_SECONDS="3600")
    running.wait_until_ready()
    for name in sorted(NODES):
        running.start_worker(name)
    wait_until(
        lambda: {worker["node"] for worker in running.workers()} == NODES,
        seconds=SECONDS,
        what=f"both nodes are alive\n{running.log.read_text()[-3000:]}",
    )
    yield running
    running.end()


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """For tasks that end at once."""
    path = tmp_path / "opened"
    path.touch()
    return path


@pytest.fixture
def busy(cluster: Cluster, opened: Path, tmp_path: Path) -> str:
    """The node whose only executor is at a task that does not end; the other has proven that it works."""
    run = {run_one(cluster, opened)["worker"]}
    while run != NODES:
        run.add(run_one(cluster, opened)["worker"])
    (long,) = submit(cluster, tmp_path / "never")
    return str(wait_for(cluster, long, "running")["worker"])


def run_one(cluster: Cluster, gate: Path) -> dict[str, Any]:
    """One that has succeeded."""
    (task_id,) = submit(cluster, gate)
    return wait_for(cluster, task_id, "succeeded")


def submit(cluster: Cluster, *gates: Path) -> list[str]:
    """Tasks that end once their gate exists, in one transaction."""
    tasks = [{"function": "waits_for_file", "arguments": {"path": str(gate)}} for gate in gates]
    status, answer = cluster.call("/api/tasks/bulk/", {"tasks": tasks})
    assert status == 202, cluster.log.read_text()[-3000:]
    return [task["task_id"] for task in answer["tasks"]]


def wait_for(cluster: Cluster, task_id: str, state: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        _, task = cluster.call(f"/api/tasks/{task_id}/")
        return task if task["state"] == state else None

    task = wait_until(found, seconds=SECONDS, what=f"{task_id} is {state}\n{cluster.log.read_text()[-3000:]}")
    assert task
    return task


def wait_for_another(cluster: Cluster, task_id: str, node: str) -> None:
    """Until it runs elsewhere; that node may have claimed it ahead, and gives it back then."""

    def is_elsewhere() -> bool:
        task = wait_for(cluster, task_id, "running")
        return bool(task["worker"] != node)

    wait_until(is_elsewhere, seconds=SECONDS, what=f"{task_id} runs elsewhere than on {node}")


def unacknowledged(cluster: Cluster, rabbitmq: RabbitMQ) -> int:
    vhost = cluster.services.rabbitmq_url.rpartition("/")[2]
    (queue,) = rabbitmq.list_queues("messages_unacknowledged", vhost=vhost)
    return int(queue["messages_unacknowledged"])


def test_short_tasks_start_on_the_idle_node(
    cluster: Cluster, busy: str, opened: Path, request: pytest.FixtureRequest
) -> None:
    for _ in range(8):
        assert run_one(cluster, opened)["worker"] != busy
    if cluster.services.rabbitmq_url:  # the messages of some of them lie with the busy node still
        rabbitmq = request.getfixturevalue("rabbitmq")
        wait_until(lambda: unacknowledged(cluster, rabbitmq), seconds=SECONDS, what="the broker counts them")


def test_long_tasks_start_on_the_idle_node(cluster: Cluster, busy: str, tmp_path: Path) -> None:
    for number in range(4):
        gate = tmp_path / f"gate {number}"
        (task_id,) = submit(cluster, gate)
        wait_for_another(cluster, task_id, busy)
        gate.touch()
        wait_for(cluster, task_id, "succeeded")


def test_what_was_claimed_ahead_of_a_task_that_turns_out_long_starts_on_the_idle_node(
    cluster: Cluster, opened: Path, tmp_path: Path
) -> None:
    for _ in range(10):  # so short that many are claimed ahead
        run_one(cluster, opened)
    long, *short = submit(cluster, tmp_path / "never", *[opened] * 20)
    busy = wait_for(cluster, long, "running")["worker"]
    shares = [wait_for(cluster, task_id, "succeeded")["worker"] for task_id in short]
    assert set(shares) <= NODES
    assert shares[-1] != busy
    assert wait_for(cluster, long, "running")["attempt"] == 1
