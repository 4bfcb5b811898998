"""A supervisor that stands still for longer than its lease."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.chaos.conftest import StartSite
from tests.chaos.site import LEASE_SECONDS, stop
from tests.support.machine import worker_command
from tests.support.processes import wait_until
from tests.support.servers import Redis
from worker.prove.nodes import is_process


def test_its_late_finish_changes_nothing_and_publishes_nothing(
    database_url: str, redis_server: Redis, start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    site.start_worker("second")
    site.wait_for_workers(2)
    task_id = site.hold(tmp_path / "gate")
    worker = site.supervisor_of(task_id)

    stop(worker["pid"])
    (tmp_path / "gate").touch()  # its executor finishes meanwhile; the outcome waits in the socket
    wait_until(lambda: site.executions(task_id)[0].ended_at, seconds=60, what="the first execution ends")
    wait_until(lambda: site.worker_state(worker["id"]) == "lost", seconds=60, what="it is declared lost")
    before = site.wait_until_succeeded(task_id)
    os.kill(worker["pid"], signal.SIGCONT)
    site.wait_for_workers(2)  # as a new incarnation, so what it had to say is said

    after = site.task(task_id)
    assert (after["revision"], after["attempt"], after["losses"]) == (before["revision"], 2, 1)
    assert [one.attempt for one in site.executions(task_id)] == [1, 2]
    assert site.worker_state(worker["id"]) == "lost"
    with redis_server.client() as client:
        keys = sorted(key.decode() for key in client.keys(f"taskdeck:result:{task_id}:*"))
    assert keys == [f"taskdeck:result:{task_id}:2"]


def test_within_its_lease_it_costs_its_task_no_loss(start_site: StartSite, tmp_path: Path) -> None:
    """The guard has killed the executor: the node, not the task, is at fault."""
    site = start_site(TASKDECK_LEASE_SECONDS="60")
    task_id = site.hold(tmp_path / "gate")
    site.wait_until_begun(task_id)
    worker = site.supervisor_of(task_id)
    [first] = site.executions(task_id)

    stop(worker["pid"])
    wait_until(lambda: not is_process(first.executor), seconds=20, what="the guard kills its executor")
    os.kill(worker["pid"], signal.SIGCONT)
    site.wait_until_begun(task_id, times=2)
    (tmp_path / "gate").touch()

    task = site.wait_until_succeeded(task_id)
    assert (task["attempt"], task["losses"], task["attempts"]) == (2, 0, [])
    assert site.worker_state(worker["id"]) == "alive"


def test_it_is_judged_by_its_own_lease_not_by_a_shorter_one_of_the_reaper(start_site: StartSite) -> None:
    site = start_site()
    site.wait_for_workers(1)
    [short] = site.workers()
    patient = {"TASKDECK_LEASE_SECONDS": "60", "TASKDECK_SELF_STOP_SECONDS": "40"}
    site.spawn(*worker_command("patient"), environment=site.environment | patient)
    site.wait_for_workers(2)
    [worker] = [one for one in site.workers() if one["id"] != short["id"]]

    stop(worker["pid"])
    began = time.monotonic()
    victim = site.submit()
    wait_until(
        lambda: time.monotonic() - began > 2 * LEASE_SECONDS and site.task(victim)["state"] == "succeeded",
        seconds=60,
        what="twice the reaper's lease has passed, and it is at work",
    )
    assert site.worker_state(worker["id"]) == "alive"
    os.kill(worker["pid"], signal.SIGCONT)
    wait_until(lambda: worker["id"] in {one["id"] for one in site.workers()}, seconds=60, what="it lives on")
