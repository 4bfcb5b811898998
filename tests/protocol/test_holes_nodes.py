"""Holes that need whole worker nodes: real processes, killed, drained, cut off; with the rule and without."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.protocol.nodes import MANY_BEATS, PATIENT, SECONDS, Nodes
from tests.protocol.rules import with_and_without_the_rule
from tests.support import history
from tests.support.databases import Database
from tests.support.guarded_node import is_alive, wait_until_gone
from tests.support.judge import judge


@pytest.fixture
def nodes(sqlite: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path, sqlite)
    yield nodes
    nodes.end()
    if request.node.callspec.params.get("is_kept"):
        with sqlite.session() as session:
            assert judge(history.read(session)) == []


@with_and_without_the_rule
def test_a_real_worker_gives_back_a_claim_of_which_it_never_heard(nodes: Nodes, is_kept: bool) -> None:
    fault = "the_reply_of_its_first_claim"
    task_id = nodes.submit()
    nodes.start("n1", without=fault if is_kept else f"{fault},reconcile")
    if is_kept:
        [(attempt, _)] = nodes.wait_for_executions(task_id, 1)
        assert attempt == 2
        assert nodes.wait_for_end(task_id)["losses"] == 1
        return
    nodes.beats(MANY_BEATS)
    assert (nodes.row(task_id)["state"], nodes.executions(task_id)) == ("running", [])


@pytest.mark.parametrize("is_kept", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_node_killed_and_started_under_its_name_gets_its_task_back_after_a_lease(
    nodes: Nodes, is_kept: bool
) -> None:
    without = "" if is_kept else "incarnations,reconcile"
    task_id = nodes.submit()
    node = nodes.start("n1", without=without)
    [(_, executor)] = nodes.wait_for_executions(task_id, 1)
    node.kill()
    node.wait(SECONDS)
    wait_until_gone(executor)

    nodes.start("n1", without=without)

    if is_kept:
        assert [attempt for attempt, _ in nodes.wait_for_executions(task_id, 2)] == [1, 2]
        assert nodes.wait_for_end(task_id)["losses"] == 1
        return
    nodes.beats(MANY_BEATS)
    assert (nodes.row(task_id)["state"], len(nodes.executions(task_id))) == ("running", 1)


@pytest.mark.parametrize(
    "without",
    [
        "",
        "forgiving_what_it_killed",
        pytest.param("giving_back_what_it_killed", marks=pytest.mark.long),
    ],
)
def test_a_worker_that_stopped_itself_gives_back_what_it_killed_and_blames_no_task(
    nodes: Nodes, without: str
) -> None:
    task_id = nodes.submit()
    nodes.start("n1", without=without)
    [(_, executor)] = nodes.wait_for_executions(task_id, 1)

    with nodes.database.session() as session, session.transaction():  # nobody else can write
        wait_until_gone(executor)

    if without == "giving_back_what_it_killed":
        nodes.beats(MANY_BEATS)
        assert (nodes.row(task_id)["state"], len(nodes.executions(task_id))) == ("running", 1)
        return
    assert [attempt for attempt, _ in nodes.wait_for_executions(task_id, 2)] == [1, 2]
    assert nodes.wait_for_end(task_id)["losses"] == (1 if without else 0)


@with_and_without_the_rule
def test_a_drain_gives_a_task_back_only_when_its_executor_is_dead(nodes: Nodes, is_kept: bool) -> None:
    task_id = nodes.submit()
    without = "" if is_kept else "killing_before_releasing"
    node = nodes.start("n1", "--drain-seconds", "0.2", without=without, timing=PATIENT)
    [(_, first)] = nodes.wait_for_executions(task_id, 1)
    nodes.start("n2", timing=PATIENT)

    node.send_signal(signal.SIGTERM)
    nodes.wait_for_executions(task_id, 2)

    assert is_alive(first) is not is_kept  # two executors at once, and nobody was frozen
    nodes.gate.touch()
    status = node.wait(SECONDS)
    assert status == 0
    assert nodes.wait_for_end(task_id)["losses"] == 0
