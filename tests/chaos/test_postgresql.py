"""PostgreSQL restarts, stays away, or cannot be reached by one of two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import Figure, StartSite, StartSplitSite
from tests.chaos.site import LEASE_SECONDS, SECONDS, SELF_STOP_SECONDS, SplitSite
from tests.support.cluster import Services
from tests.support.guarded_node import is_alive
from tests.support.processes import wait_until
from tests.support.proxy import Proxy
from tests.support.servers import PostgreSQL, Redis
from tests.support.servers.common import accepts
from worker.board import boottime

PATIENT = {"TASKDECK_LEASE_SECONDS": "60", "TASKDECK_SELF_STOP_SECONDS": "40"}
"""Nothing here takes so long: nobody stops itself."""
Break = Callable[[Proxy], None]


def test_what_ends_and_is_told_while_the_database_is_away_is_written_when_it_is_back(
    database_url: str, postgresql: PostgreSQL, redis_server: Redis, start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(
        DATABASE_URL=database_url, REDIS_URL=redis_server.url, WORKER_CONCURRENCY="2", **PATIENT
    )
    site.wait_for_workers(1)
    before = site.worker_states()
    ends = site.hold(tmp_path / "ends")
    tells = site.submit("tells", path=str(tmp_path / "tells"))
    site.wait_until_begun(tells)

    postgresql.stop()
    assert not accepts(postgresql.port)
    (tmp_path / "tells").touch()
    wait_until((tmp_path / "tells.told").exists, seconds=SECONDS, what="it reports progress meanwhile")
    wait_until(
        lambda: "outcomes wait for the database" in site.log.read_text(),
        seconds=SECONDS,
        what="the report could not be written",
    )
    (tmp_path / "ends").touch()
    wait_until(lambda: site.executions(ends)[0].ended_at, seconds=SECONDS, what="the other one ends")
    site.refused_submit()

    postgresql.start()
    wait_until(
        lambda: (site.task(tells).get("progress") or {}).get("stage") == "told",
        seconds=SECONDS,
        what=f"the last progress is shown\n{site.tail()}",
    )
    assert site.task(tells)["state"] == "running"
    (tmp_path / "tells.end").touch()
    site.audit()
    assert site.worker_states() == before


@pytest.mark.long
@pytest.mark.parametrize("end", [PostgreSQL.stop, PostgreSQL.kill])
def test_a_restart_of_postgresql_under_load_costs_no_task_and_runs_none_twice(
    database_url: str,
    postgresql: PostgreSQL,
    redis_server: Redis,
    start_site: StartSite,
    figure: Figure,
    end: Callable[[PostgreSQL], None],
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url, **PATIENT)
    site.start_worker("second")
    site.wait_for_workers(2)
    before = site.worker_states()
    for _ in range(60):
        site.submit(seconds=0.05)
    end(postgresql)
    assert not accepts(postgresql.port)
    postgresql.start()
    back = boottime()
    after = site.submit_when_accepted()
    site.wait_until_begun(after)
    figure(
        f"PostgreSQL {end.__name__} and start: next task begins"
        f" {site.executions(after)[0].began_at - back:.1f} s after it answers"
    )
    site.audit()
    assert site.worker_states() == before


@pytest.fixture
def proxy(postgresql: PostgreSQL) -> Iterator[Proxy]:
    """The way of one worker to the database."""
    with Proxy(postgresql.port) as proxy:
        yield proxy


@pytest.fixture
def site(
    database_url: str,
    postgresql: PostgreSQL,
    redis_server: Redis,
    proxy: Proxy,
    start_split_site: StartSplitSite,
) -> SplitSite:
    """One worker goes by the proxy; another one, ``other``, is started by the test."""
    site = start_split_site(Services(database_url, redis_server.url))
    way = database_url.replace(f":{postgresql.port}/", f":{proxy.port}/")
    site.start_worker_by("by proxy", DATABASE_URL=way)
    site.wait_for_workers(1)
    wait_until(lambda: proxy.open_connections >= 2, seconds=SECONDS, what="it goes by the proxy")
    return site


@pytest.mark.long
@pytest.mark.parametrize("break_network", [Proxy.cut, Proxy.black_hole, Proxy.half_open])
def test_a_worker_that_cannot_reach_the_database_stops_in_time_and_its_task_runs_elsewhere(
    site: SplitSite, proxy: Proxy, tmp_path: Path, figure: Figure, break_network: Break
) -> None:
    task_id = site.hold(tmp_path / "gate")
    site.start_worker("other")
    site.wait_for_workers(2)
    [held] = site.executions(task_id)
    worker = site.supervisor_of(task_id)

    break_network(proxy)
    at, passed_bytes = boottime(), proxy.bytes_to_client
    wait_until(lambda: not is_alive(held.executor), seconds=SECONDS, what="its executor is killed")
    dead = boottime()
    site.wait_until_begun(task_id, times=2)
    again = site.executions(task_id)[1]
    assert dead < again.began_at  # never both
    assert site.worker_state(worker["id"]) == "lost"
    assert proxy.bytes_to_client == passed_bytes
    figure(
        f"{break_network.__name__}: executor killed after {dead - at:.1f} s (self-stop: {SELF_STOP_SECONDS}),"
        f" task runs elsewhere after {again.began_at - at:.1f} s (lease {LEASE_SECONDS:g})"
    )

    proxy.pass_on()
    site.wait_for_workers(2)  # it comes back, as a new incarnation
    assert site.worker_state(worker["id"]) == "lost"
    (tmp_path / "gate").touch()
    for _ in range(10):
        site.submit(seconds=0.2)
    site.audit(again=[task_id])
    assert len(site.executions(task_id)) == 2


@pytest.mark.long
def test_a_break_shorter_than_the_self_stop_costs_no_run(
    site: SplitSite, proxy: Proxy, tmp_path: Path
) -> None:
    site.hold(tmp_path / "gate")
    before = proxy.connections
    proxy.cut()
    assert proxy.open_connections == 0
    proxy.pass_on()
    (tmp_path / "gate").touch()
    site.submit()
    site.audit()
    assert proxy.connections > before
