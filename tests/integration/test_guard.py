"""The processes of a worker node: who dies with whom, and how a drain ends."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from tests.support.guarded_node import (
    DEADLINE_SECONDS,
    StartNode,
    descriptors,
    is_alive,
    process_state,
    sockets,
    wait_for,
    wait_until_gone,
)
from tests.support.servers.postgresql import children_of

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


def test_a_signal_without_a_name_ends_the_executor_alone(start_node: StartNode) -> None:
    node = start_node()
    victim, sibling = node.ready()
    nameless = signal.SIGRTMIN + 6
    os.kill(victim, nameless)
    assert node.event("exited", pid=victim)["how"] == f"killed by signal {nameless}"
    assert sibling in node.ready(victim)


def test_an_executor_that_finds_no_line_on_the_board_waits_for_one(start_node: StartNode) -> None:
    node = start_node("--lines", "2", "--executors", "3")
    first = node.ready()
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    assert len(node.ready(first[0])) == 2
    assert node.process.poll() is None


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


def test_a_fork_that_finds_no_descriptor_leaves_nothing_behind(start_node: StartNode) -> None:
    node = start_node()
    guard = node.process.pid
    wait_for(lambda: len(sockets(guard)) == 1, "the guard keeps only its control socket")
    before = descriptors(guard)
    used = {int(name) for name in os.listdir(f"/proc/{guard}/fd")}
    free = [number for number in range(1000) if number not in used]
    limits = resource.prlimit(guard, resource.RLIMIT_NOFILE)
    for spare in range(6):
        failures = node.text().count("cannot fork an executor now")
        victim, sibling = node.ready()
        resource.prlimit(guard, resource.RLIMIT_NOFILE, (free[spare], limits[1]))
        os.kill(victim, signal.SIGKILL)
        node.event("exited", pid=victim)

        def was_tried(failures: int = failures) -> bool:
            has_failed = node.text().count("cannot fork an executor now") > failures
            return has_failed or len(node.state()["executors"]) == 2

        wait_for(was_tried, "a fork was tried")
        resource.prlimit(guard, resource.RLIMIT_NOFILE, limits)
        assert sibling in node.ready(victim)
    assert "cannot fork an executor now" in node.text()
    wait_for(lambda: descriptors(guard) == before, "no descriptor is left over")
    wait_for(lambda: len(children_of(guard)) == 3, "no executor is left over")


def test_a_guard_that_cannot_fork_a_supervisor_tries_again(start_node: StartNode) -> None:
    node = start_node()
    guard, old = node.process.pid, node.supervisor
    limits = resource.prlimit(guard, resource.RLIMIT_NOFILE)
    resource.prlimit(guard, resource.RLIMIT_NOFILE, (3, limits[1]))
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: "cannot fork a supervisor now" in node.text(), "a fork failed")
    resource.prlimit(guard, resource.RLIMIT_NOFILE, limits)
    node.connect(not_pid=old)
    node.submit("noop")
    assert node.settled(1)["count"]["succeeded"] == 1


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
