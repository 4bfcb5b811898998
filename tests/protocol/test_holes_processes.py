"""Holes between guard, supervisor and executors, on real processes, with the rule and without."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.rules import with_and_without_the_rule
from tests.support.guarded_node import Node, StartNode, is_alive, process_state, wait_for, wait_until_gone

SELF_STOP = 1.0


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    nodes: list[Node] = []

    def start(*args: str, without: str) -> Node:
        nodes.append(Node(tmp_path, *args, *(["--without", without] if without else [])))
        return nodes[-1]

    yield start
    for node in nodes:
        for pid in node.known:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        node.end()


@with_and_without_the_rule
def test_an_executor_that_listens_to_nobody_dies_with_its_node(start_node: StartNode, is_kept: bool) -> None:
    """It is in a C call that keeps the interpreter, so no thread and no handler of its own can end it."""
    node = start_node(without="" if is_kept else "dying_with_the_parent")
    executor = node.running(node.submit("keep_gil"))
    idle = [pid for pid in node.ready() if pid != executor]
    node.process.kill()
    node.process.wait(60)
    wait_until_gone(node.supervisor, *idle)
    if is_kept:
        wait_until_gone(executor)
    assert is_alive(executor) is not is_kept


@with_and_without_the_rule
def test_the_executors_of_a_supervisor_that_stands_still_are_killed_by_the_guard(
    start_node: StartNode, is_kept: bool
) -> None:
    """It cannot stop itself, and another node runs its tasks as soon as the lease has passed."""
    without = "" if is_kept else "the_guard_of_the_tick"
    node = start_node("--self-stop", str(SELF_STOP), without=without)
    executor = node.running(node.submit("keep_gil"))
    began = time.monotonic()
    os.kill(node.supervisor, signal.SIGSTOP)

    def is_over() -> bool:
        return not is_alive(executor) or time.monotonic() - began > 4 * SELF_STOP

    wait_for(is_over, "the executor is killed, or its lease is long over")
    assert process_state(node.supervisor) == "T"
    assert is_alive(executor) is not is_kept


@with_and_without_the_rule
def test_a_supervisor_whose_loop_hangs_is_ended_and_replaced(start_node: StartNode, is_kept: bool) -> None:
    """Its process lives, so nothing else would ever notice."""
    limits = ("--self-stop", "0.5", "--give-up", str(SELF_STOP))
    node = start_node(*limits, without="" if is_kept else "the_guard_of_the_tick")
    hung = node.supervisor
    node.ask("hang")
    if is_kept:
        wait_until_gone(hung)
        node.connect(not_pid=hung)
        assert node.event("up")["previous"]["how"] == "stalled"
        return
    began = time.monotonic()
    wait_for(lambda: not is_alive(hung) or time.monotonic() - began > 3 * SELF_STOP, "long enough")
    assert is_alive(hung)


@with_and_without_the_rule
def test_what_waits_behind_a_long_task_is_taken_back_and_runs_elsewhere(
    start_node: StartNode, tmp_path: Path, is_kept: bool
) -> None:
    node = start_node(without="" if is_kept else "take_back")
    gate = tmp_path / "gate"
    long = node.submit("hold", str(gate), behind=51)
    executor = node.running(long)
    if is_kept:
        node.settled(51)
        assert node.running(long) == executor
    else:
        state = wait_for(lambda: is_quiet(node.state(), executor), "the other executor has nothing to do")
        assert 0 < state["settled"] < 51
    gate.touch()
    node.settled(52)


def is_quiet(state: dict[str, Any], executor: int) -> dict[str, Any] | None:
    """All that is left stands behind the task that runs in this executor."""
    others = sum(row["given"] for row in state["executors"] if row["pid"] != executor)
    return state if others == state["queue"] == 0 else None
