"""The processes of a worker node: who dies with whom, how a drain ends, what the frames carry."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest

from tests.support.guarded_node import (
    DEADLINE_SECONDS,
    Node,
    descriptors,
    is_alive,
    process_state,
    sockets,
    wait_for,
    wait_until_gone,
)

StartNode = Callable[..., Node]


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    nodes: list[Node] = []

    def start(*args: str, executors: int = 2) -> Node:
        folder = tmp_path / str(len(nodes))
        folder.mkdir()
        nodes.append(Node(folder, *args, executors=executors))
        return nodes[-1]

    yield start
    for node in nodes:
        node.end()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that ends every ``hold``."""
    return tmp_path / "gate"


# Deaths


def test_a_killed_executor_takes_its_programs_along_and_is_replaced(
    start_node: StartNode, gate: Path
) -> None:
    node = start_node()
    serial = node.submit("hold_with_program", str(gate))
    program = int(node.event("progress", serial=serial)["body"])
    victim = node.running(serial)
    assert is_alive(program)
    [sibling] = set(node.ready()) - {victim}
    os.kill(victim, signal.SIGKILL)
    wait_until_gone(victim, program)
    exited = node.event("exited", pid=victim)
    assert exited["how"] == "killed by SIGKILL"
    assert exited["why"] == ""
    assert exited["begun"] == [serial]
    assert sibling in node.ready(victim)


def test_an_executor_killed_in_a_flood_loses_only_what_it_had_begun(start_node: StartNode) -> None:
    node = start_node()
    many = 20_000
    node.submit("noop", count=many)
    victim = node.ready()[0]
    wait_for(lambda: node.state()["settled"] > 100, "the flood runs")
    os.kill(victim, signal.SIGKILL)
    exited = node.event("exited", pid=victim)
    count = node.settled(many)["count"]
    assert count["succeeded"] + count.get("lost", 0) == many
    assert count.get("lost", 0) == len(exited["begun"])
    assert "twice" not in count


def test_executors_die_with_their_supervisor_and_the_next_one_is_told(
    start_node: StartNode, gate: Path
) -> None:
    node = start_node()
    born = node.event("up")
    serial = node.submit("hold_with_program", str(gate))
    program = int(node.event("progress", serial=serial)["body"])
    node.running(node.submit("keep_gil"))
    old, executors = node.supervisor, node.ready()
    os.kill(old, signal.SIGKILL)
    wait_until_gone(old, *executors, program)
    node.connect(not_pid=old)
    previous = node.event("up")["previous"]
    assert previous == {"incarnation": born["incarnation"], "how": "killed by SIGKILL"}
    node.submit("noop")
    assert node.settled(1)["count"]["succeeded"] == 1


def test_everything_dies_with_the_guard(start_node: StartNode, gate: Path) -> None:
    node = start_node()
    node.running(node.submit("keep_gil"))
    node.running(node.submit("hold", str(gate)))
    family = [node.supervisor, *node.ready()]
    assert all(map(is_alive, family))
    node.process.kill()
    node.process.wait(DEADLINE_SECONDS)
    wait_until_gone(*family)


def test_the_executors_of_a_frozen_supervisor_are_killed(start_node: StartNode, gate: Path) -> None:
    node = start_node("--self-stop", "1")
    node.running(node.submit("keep_gil"))
    node.running(node.submit("hold", str(gate)))
    executors = node.ready()
    os.kill(node.supervisor, signal.SIGSTOP)
    wait_until_gone(*executors)
    assert process_state(node.supervisor) == "T"
    os.kill(node.supervisor, signal.SIGCONT)
    assert len(node.event("stalled")["killed"]) == 2
    assert node.event("exited", pid=executors[0])["why"] == "supervisor stalled"
    assert node.settled(2)["count"]["lost"] == 2
    node.ready(*executors)
    node.submit("noop", count=100)
    assert node.settled(102)["count"]["succeeded"] == 100


def test_a_supervisor_that_stays_frozen_is_replaced(start_node: StartNode) -> None:
    node = start_node("--self-stop", "0.5", "--give-up", "1.5")
    old = node.supervisor
    os.kill(old, signal.SIGSTOP)
    wait_until_gone(old)
    node.connect(not_pid=old)
    assert node.event("up")["previous"]["how"] == "stalled"


def test_replaced_executors_leave_no_descriptor_behind(start_node: StartNode) -> None:
    node = start_node()
    wait_for(lambda: len(sockets(node.process.pid)) == 1, "the guard keeps only its control socket")
    before = descriptors(node.process.pid), descriptors(node.supervisor)
    for _ in range(20):
        old = node.ready()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        node.ready(*old)

    def is_as_before() -> bool:
        return (descriptors(node.process.pid), descriptors(node.supervisor)) == before

    wait_for(is_as_before, "no descriptor is left over")
    first, second = node.ready()
    wait_for(lambda: len(sockets(first)) == len(sockets(second)) == 1, "each executor keeps only its own end")
    assert not sockets(first) & sockets(second)


# Drains


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_drain_lets_the_running_task_finish_and_exits_0(
    start_node: StartNode, gate: Path, number: signal.Signals
) -> None:
    node = start_node(executors=1)
    node.running(node.submit("hold", str(gate)))
    node.submit("noop", count=1000)
    for pid in [node.process.pid, node.supervisor, *node.ready()]:
        os.kill(pid, number)  # to everyone, as a service manager does: still one drain
    wait_for(lambda: node.state()["is_stopping"], "the drain began")
    assert node.process.poll() is None
    gate.touch()
    assert node.process.wait(DEADLINE_SECONDS) == 0, node.text()
    report = node.drained()
    assert report["drained"]["succeeded"] == 1
    assert report["unstarted"] == 1000


@pytest.mark.parametrize("word", ["hold", "keep_gil"])
def test_a_second_signal_ends_the_running_task(start_node: StartNode, gate: Path, word: str) -> None:
    node = start_node()
    serial = node.submit(word, str(gate))
    node.running(serial)
    family = [node.supervisor, *node.ready()]
    node.process.terminate()
    wait_for(lambda: node.state()["is_stopping"], "the drain began")
    assert node.process.poll() is None
    node.process.terminate()
    assert node.process.wait(DEADLINE_SECONDS) == 0, node.text()
    assert not any(map(is_alive, family))
    assert node.drained()["drained"]["lost"] == 1


def test_a_frozen_supervisor_cannot_hold_up_the_third_signal(start_node: StartNode) -> None:
    node = start_node("--self-stop", "60")
    family = [node.supervisor, *node.ready()]
    os.kill(node.supervisor, signal.SIGSTOP)

    def is_ended() -> bool:
        node.process.terminate()  # signals sent too close together count as one: the kernel keeps no number
        return not is_alive(family[0])

    wait_for(is_ended, "the supervisor is killed")
    assert node.process.wait(DEADLINE_SECONDS) == 128 + signal.SIGKILL
    assert not any(map(is_alive, family))


# Tasks


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
