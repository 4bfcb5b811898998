"""Tasks between a supervisor and its executors: each has one outcome, and none waits behind a long one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgpack
import pytest

from tests.support.guarded_node import StartNode, descriptors, wait_for


def test_each_of_20000_tasks_has_exactly_one_outcome(start_node: StartNode) -> None:
    node = start_node()
    node.submit("noop", count=20_000)
    state = node.settled(20_000)
    assert state["count"]["succeeded"] == 20_000
    assert set(state["count"]) <= {"succeeded", "taken_back", "bytes_back"}
    assert state["settled"] == 20_000


def test_tasks_behind_a_long_one_are_taken_back_and_run_elsewhere(start_node: StartNode, gate: Path) -> None:
    node = start_node(executors=2)
    serial = node.submit("hold", str(gate), behind=51)  # dealt in halves: 25 behind the long one
    state = node.settled(51)
    assert node.running(serial)
    assert state["count"]["taken_back"] >= 25
    gate.touch()
    count = node.settled(52)["count"]
    assert count["succeeded"] == 52
    assert "twice" not in count


def test_tasks_in_one_packet_with_a_long_one_are_given_back_and_run_elsewhere(
    start_node: StartNode, gate: Path
) -> None:
    node = start_node(executors=2)
    serial = node.submit("hold", str(gate), behind=51, at_once=16)
    state = node.settled(51)
    assert node.running(serial)
    assert state["count"]["given_back"] == 15
    gate.touch()
    count = node.settled(52)["count"]
    assert count["succeeded"] == 52
    assert "twice" not in count


def test_what_shared_a_packet_with_a_killed_task_was_not_begun_and_runs_elsewhere(
    start_node: StartNode,
) -> None:
    node = start_node(executors=2)
    executor = node.running(node.submit("keep_gil", behind=51, at_once=16))  # it cannot give anything back
    state = node.settled(36)
    assert "given_back" not in state["count"]
    os.kill(executor, signal.SIGKILL)
    count = node.settled(52)["count"]
    assert (count["lost"], count["succeeded"]) == (1, 51)
    assert "twice" not in count


def test_outcomes_do_not_wait_for_the_long_task_after_them(start_node: StartNode, gate: Path) -> None:
    node = start_node(executors=1)
    node.submit("noop", count=20)
    serial = node.submit("hold", str(gate))
    node.running(serial)
    node.submit("noop", count=30)
    state = wait_for(
        lambda: (s := node.state())["queue"] == 30 and s["settled"] == 20 and s, "both ways back"
    )
    assert state["executors"][0]["running"] == serial
    gate.touch()
    assert node.settled(51)["count"]["succeeded"] == 51


def test_progress_comes_in_order_and_before_the_outcome(start_node: StartNode) -> None:
    node = start_node()
    serial = node.submit("count_to", "2000", keep=True)
    node.settled(1)
    events = [event for event in node.ask("events") if event.get("serial") == serial]
    assert [event["body"] for event in events[:-1]] == [str(number) for number in range(2000)]
    assert (events[-1]["event"], events[-1]["word"]) == ("outcome", "succeeded")


@pytest.mark.parametrize("word", ["hold", "spin"])
def test_a_cancelled_task_stops_and_its_executor_lives(start_node: StartNode, gate: Path, word: str) -> None:
    node = start_node()
    serial = node.submit(word, str(gate), keep=True)
    executor = node.running(serial)
    assert node.ask("cancel", serial=serial)
    assert node.event("outcome", serial=serial)["word"] == "TaskCancelled"
    node.submit("noop", count=100)
    node.settled(101)
    assert executor in node.ready()


def test_a_task_cannot_end_its_executor_by_an_exception(start_node: StartNode) -> None:
    node = start_node()
    before = node.ready()
    serial = node.submit("leave", keep=True)
    outcome = node.event("outcome", serial=serial)
    assert outcome["word"] == "failed"
    facts = msgpack.unpackb(bytes.fromhex(outcome["hex"]))
    assert facts["error"] == "SystemExit: the task wants to end the executor"
    assert facts["error_class"] == "SystemExit"
    assert "in leave" in facts["traceback"]
    assert node.ready() == before


def test_a_program_of_a_task_obeys_sigterm(start_node: StartNode) -> None:
    node = start_node()
    serial = node.submit("terminate_program", keep=True)
    assert node.event("outcome", serial=serial)["body"] == str(-signal.SIGTERM)


def test_large_bodies_pass_both_ways_and_leave_no_descriptor(start_node: StartNode) -> None:
    node = start_node()
    serial = node.submit("measure", size=5_000_000, keep=True)
    assert node.event("outcome", serial=serial)["body"] == "5000000"
    node.submit("produce", "20000000")
    assert node.settled(2)["count"]["bytes_back"] == 20_000_000 + len("5000000")
    everyone = [node.process.pid, node.supervisor, *node.ready()]
    before = [descriptors(pid) for pid in everyone]
    node.submit("produce", "100000", count=300)
    node.submit("measure", size=100_000, count=300)
    node.submit("measure", size=30_000, count=400)  # within a frame, together more than a buffer
    state = node.settled(1002)
    assert state["count"]["succeeded"] == 1002
    assert state["count"]["bytes_back"] == 20_000_007 + 300 * 100_000 + 300 * 6 + 400 * 5
    wait_for(lambda: [descriptors(pid) for pid in everyone] == before, "no descriptor is left over")
