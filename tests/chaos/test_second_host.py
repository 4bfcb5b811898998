"""A worker's whole host loses the network while it runs a task, and gets it back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chaos.conftest import Figure, StartSplitSite
from tests.chaos.site import LEASE_SECONDS, SECONDS, SELF_STOP_SECONDS, SplitSite
from tests.support.cluster import Services
from tests.support.guarded_node import is_alive
from tests.support.network import SecondHost
from tests.support.processes import wait_until
from tests.support.servers import Redis
from worker.board import boottime


def link_is_up(host: SecondHost) -> bool:
    ended = subprocess.run(
        ["ip", "-brief", "link", "show", host.link], capture_output=True, text=True, check=True
    )
    return ended.stdout.split()[1] == "UP"


@pytest.mark.long
def test_a_host_that_is_cut_off_stops_in_time_and_its_task_runs_elsewhere(
    database_url: str,
    redis_server: Redis,
    start_split_site: StartSplitSite,
    tmp_path: Path,
    figure: Figure,
) -> None:
    site: SplitSite = start_split_site(Services(database_url, redis_server.url))
    with SecondHost("cut.test") as host:
        site.start_worker_on(host, "there")
        site.wait_for_workers(1)
        task_id = site.hold(tmp_path / "gate")
        [held] = site.executions(task_id)
        [worker] = site.workers()
        assert worker["host"] == "cut.test"
        site.start_worker("here")
        site.wait_for_workers(2)

        assert link_is_up(host)
        host.cut_off()
        at = boottime()
        assert not link_is_up(host)
        wait_until(lambda: not is_alive(held.executor), seconds=SECONDS, what="its executor is killed")
        dead = boottime()
        site.wait_until_begun(task_id, times=2)
        again = site.executions(task_id)[1]
        assert dead < again.began_at  # never both
        assert site.worker_state(worker["id"]) == "lost"
        figure(
            f"host cut off: executor killed after {dead - at:.1f} s (self-stop: {SELF_STOP_SECONDS}),"
            f" task runs elsewhere after {again.began_at - at:.1f} s (lease {LEASE_SECONDS:g})"
        )

        host.join_again()
        site.wait_for_workers(2)
        back = {one["id"] for one in site.workers() if one["host"] == "cut.test"}
        assert back - {worker["id"]}, "it is back as a new incarnation"
        (tmp_path / "gate").touch()
        for _ in range(10):
            site.submit(seconds=0.2)
        site.audit(again=[task_id])
        assert len(site.executions(task_id)) == 2
