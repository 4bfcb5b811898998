"""`kill -9` of an executor, a supervisor and a whole node while they run a task."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Callable

import pytest

from tests.chaos.conftest import Figure, StartSplitSite
from tests.chaos.site import LEASE_SECONDS, SplitSite, parent_of
from tests.support.cluster import Services
from tests.support.guarded_node import is_alive
from tests.support.processes import wait_until
from tests.support.servers.postgresql import children_of
from worker.board import boottime

ROUNDS = 5
LONG_SECONDS = 60.0
Strike = Callable[[SplitSite, str], list[int]]


def kill_executor(site: SplitSite, task_id: str) -> list[int]:
    return [site.executions(task_id)[-1].executor]


def kill_supervisor(site: SplitSite, task_id: str) -> list[int]:
    return [parent_and_self(site, task_id)[1]]


def kill_node(site: SplitSite, task_id: str) -> list[int]:
    """As a power cut would: guard, supervisor and executors at once."""
    guard, _ = parent_and_self(site, task_id)
    return [guard, *children_of(guard)]


def parent_and_self(site: SplitSite, task_id: str) -> tuple[int, int]:
    supervisor = site.supervisor_of(task_id)["pid"]
    return parent_of(supervisor), supervisor


def recovery_seconds(site: SplitSite, strike: Strike) -> float:
    """From the blow to the moment when the task runs again, by its own ledger."""
    before = len(site.workers())
    task_id = site.submit(seconds=LONG_SECONDS)
    site.wait_until_begun(task_id)
    victims = strike(site, task_id)
    at = boottime()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, victims)), seconds=60, what=f"{victims} are gone")
    site.wait_until_begun(task_id, times=2)
    first, second = site.executions(task_id)
    assert (first.ended_at, first.attempt, second.attempt) == (None, 1, 2)
    assert site.task(task_id)["losses"] == 1
    site.call(f"/api/tasks/{task_id}/cancel/", {})
    assert site.wait_until_ended(task_id)["state"] == "cancelled"
    if strike is kill_node:
        site.start_worker(f"node {task_id}")
    site.wait_for_workers(before)
    return second.began_at - at


@pytest.fixture
def site(services: Services, start_split_site: StartSplitSite) -> SplitSite:
    site = start_split_site(services)
    for name in ("first", "second"):
        site.start_worker(name)
    site.wait_for_workers(2)
    return site


def test_a_task_runs_again_when_its_executor_supervisor_or_node_is_killed(site: SplitSite) -> None:
    neighbours = [site.submit() for _ in range(20)]
    for strike in (kill_executor, kill_supervisor, kill_node):
        recovery_seconds(site, strike)
    again = [task_id for task_id in site.submitted if task_id not in neighbours]
    site.audit(again=again, states=dict.fromkeys(again, "cancelled"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("strike", "promised_seconds"),
    [(kill_executor, 1.0), (kill_supervisor, 3.0), (kill_node, LEASE_SECONDS + 5.0)],
)
def test_it_runs_again_within_the_promised_time(
    site: SplitSite, figure: Figure, strike: Strike, promised_seconds: float
) -> None:
    took = [recovery_seconds(site, strike) for _ in range(ROUNDS)]
    figure(
        f"{strike.__name__.replace('_', ' ')}: its task runs again after {min(took):.2f}-{max(took):.2f} s,"
        f" median {statistics.median(took):.2f} s, of {ROUNDS} (lease {LEASE_SECONDS:g} s)"
    )
    site.audit(again=site.submitted, states=dict.fromkeys(site.submitted, "cancelled"))
    assert statistics.median(took) < promised_seconds
