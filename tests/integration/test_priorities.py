"""Priorities under a backlog, with and without a broker: the better first, and the oldest gets its share."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import Up
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

SECONDS = 120
BACKLOG = 300
MOST_DISPLACED = 6
"""How many tasks may run out of order: the shares of the oldest, a few seconds apart."""


@pytest.fixture
def up(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Up]:
    """Its parameter: whether tasks come by ``messages`` or by the ``direct`` claim."""
    settings = {}
    if request.param == "messages":
        rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
        settings["RABBITMQ_URL"] = rabbitmq.url_of(rabbitmq.fresh_vhost())
    running = Up(tmp_path, **settings)
    running.wait_until_ready()
    yield running
    running.end()


def submit(up: Up, *tasks: dict[str, object]) -> list[str]:
    status, answer = up.call("/api/tasks/bulk/", {"tasks": list(tasks)})
    assert status == 202, up.log.read_text()
    return [task["task_id"] for task in answer["tasks"]]


def wait_for_runs(up: Up, number: int) -> list[str]:
    wait_until(lambda: len(up.ran()) >= number, seconds=SECONDS, what=f"{number} tasks have run")
    return up.ran()


def occupy(up: Up, gate: Path) -> str:
    """Keep the only executor busy until the file exists."""
    [task_id] = submit(up, {"function": "waits_for_file", "arguments": {"path": str(gate)}})
    wait_until(lambda: up.ran() == [task_id], seconds=SECONDS, what="the executor is busy")
    return task_id


def longest_in_order(ranks: list[int]) -> int:
    """The length of the longest increasing subsequence."""
    tails: list[int] = []
    for rank in ranks:
        place = bisect_left(tails, rank)
        tails[place : place + 1] = [rank]
    return len(tails)


@pytest.mark.parametrize("up", ["direct", "messages"], indirect=True)
def test_a_backlog_runs_in_the_order_of_its_priorities(up: Up, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = occupy(up, gate)
    dice = random.Random(5)
    priorities = [dice.choice([-100, -5, 0, 1, 7, 100]) for _ in range(BACKLOG)]
    ids = submit(
        up,
        *(
            {"function": "noted_fibonacci", "arguments": {"number": 3}, "priority": priority}
            for priority in priorities
        ),
    )
    gate.touch()

    ran = wait_for_runs(up, BACKLOG + 1)

    promised = sorted(range(BACKLOG), key=lambda index: (-priorities[index], index))
    rank = {ids[index]: place for place, index in enumerate(promised)}
    assert ran[0] == first
    assert sorted(ran[1:]) == sorted(ids), "each once"
    displaced = BACKLOG - longest_in_order([rank[task_id] for task_id in ran[1:]])
    assert displaced <= MOST_DISPLACED


@pytest.mark.parametrize("up", ["direct"], indirect=True)
def test_an_old_task_of_low_priority_is_not_starved_by_a_backlog(up: Up, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    occupy(up, gate)
    low = {"function": "noted_fibonacci", "arguments": {"number": 3}, "priority": -100}
    better = {"function": "sleeps", "arguments": {"seconds": 0.1}, "priority": 50}
    patient, *_ = submit(up, low, *([better] * 80))
    gate.touch()

    ran = wait_for_runs(up, 82)

    assert ran.index(patient) < 75, "while better ones wait"
