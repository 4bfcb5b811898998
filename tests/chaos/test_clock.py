"""The wall clock of a worker, of the database, or of the one machine jumps by a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import StartSite, StartSplitSite
from tests.chaos.site import LEASE_SECONDS, SECONDS, Ledgered
from tests.support.cluster import Services
from tests.support.processes import wait_until
from tests.support.servers import Home, PostgreSQL, Redis
from tests.support.wall_clock import WallClock

DAY = 86_400
HOUR = 3_600
TOLERANCE_SECONDS = 600
JUMPS = (DAY, -DAY, 0)


@pytest.fixture
def clock(home: Home) -> WallClock:
    return WallClock(home.directory)


def lives_through(site: Ledgered, clock: WallClock, gate: Path) -> None:
    """A task runs on through all jumps, each worker stays alive beyond its lease, further tasks run."""
    before = site.worker_states()
    site.hold(gate)
    for jump in JUMPS:
        clock.set(jump)
        began = time.monotonic()
        wait_until(
            lambda began=began: time.monotonic() - began > 1.5 * LEASE_SECONDS,
            seconds=SECONDS,
            what="the lease has passed",
        )
        assert site.worker_states() == before
        site.wait_until_succeeded(site.submit())
    gate.touch()


@pytest.mark.long
def test_a_worker_whose_clock_jumps_is_not_lost_and_runs_each_task_once(
    database_url: str, redis_server: Redis, start_split_site: StartSplitSite, clock: WallClock, tmp_path: Path
) -> None:
    site = start_split_site(Services(database_url, redis_server.url))
    site.start_worker_by("by that clock", "--concurrency", "2", **clock.environment)
    site.wait_for_workers(1)
    site.start_worker("other", "--queues", "elsewhere")  # it would reap
    site.wait_for_workers(2)

    clock.set(DAY)
    told = site.wait_until_ended(site.submit("tells-time"))["result"]
    assert abs(told - time.time() - DAY) < TOLERANCE_SECONDS
    later = site.submit_later(HOUR)
    soon = site.submit_later(1)
    site.wait_until_succeeded(soon)  # by the database's clock
    lives_through(site, clock, tmp_path / "gate")
    assert site.task(later)["state"] == "scheduled"
    site.call(f"/api/tasks/{later}/cancel/", {})
    site.audit(again=[later], states={later: "cancelled"})


@pytest.fixture
def own_postgresql(home: Home, clock: WallClock) -> Iterator[PostgreSQL]:
    """A server that lives by that clock."""
    server = PostgreSQL(home)
    server.environment |= clock.environment
    server.start()
    yield server
    server.stop()


@pytest.mark.long
def test_a_database_whose_clock_jumps_makes_nobody_lost_and_runs_each_task_once(
    own_postgresql: PostgreSQL,
    redis_server: Redis,
    start_split_site: StartSplitSite,
    clock: WallClock,
    tmp_path: Path,
) -> None:
    site = start_split_site(Services(own_postgresql.fresh_database(), redis_server.url))
    for name in ("first", "second"):
        site.start_worker(name, "--concurrency", "2")
    site.wait_for_workers(2)

    clock.set(DAY)
    with site.database.session() as session:
        [(now,)] = session.rows("SELECT extract(epoch FROM now())::float8", {})
    assert abs(now - time.time() - DAY) < TOLERANCE_SECONDS
    site.wait_until_succeeded(site.submit_later(HOUR))  # due, as the database sees it
    clock.set(-DAY)
    waits = site.submit_later(1)
    lives_through(site, clock, tmp_path / "gate")  # and back to the right time
    site.wait_until_succeeded(waits)
    site.audit()


def test_a_machine_whose_clock_jumps_runs_each_task_once(
    start_site: StartSite, clock: WallClock, tmp_path: Path
) -> None:
    site = start_site(WORKER_CONCURRENCY="2", **clock.environment)
    site.wait_for_workers(1)
    clock.set(DAY)
    told = site.wait_until_ended(site.submit("tells-time"))["result"]
    assert abs(told - time.time() - DAY) < TOLERANCE_SECONDS
    site.wait_until_succeeded(site.submit_later(HOUR))
    clock.set(0)
    soon = site.submit_later(1)
    lives_through(site, clock, tmp_path / "gate")
    site.wait_until_succeeded(soon)
    site.audit()
