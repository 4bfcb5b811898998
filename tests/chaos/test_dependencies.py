"""The database, Redis or the web process fails while tasks run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.conftest import StartSite
from tests.chaos.site import LEASE_SECONDS, NUMBER, RUN, stop
from tests.support.guarded_node import is_alive
from tests.support.machine import ROOT
from tests.support.processes import wait_until
from tests.support.servers import PostgreSQL, Redis


def test_a_database_away_for_longer_than_the_lease_makes_nobody_lost(
    database_url: str, postgresql: PostgreSQL, redis_server: Redis, start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    site.start_worker("second")
    site.wait_for_workers(2)
    workers = {worker["id"] for worker in site.workers()}
    running = [site.hold(tmp_path / "gate") for _ in range(2)]
    executors = [site.executions(task_id)[0].executor for task_id in running]

    postgresql.stop()
    assert not postgresql.is_running
    site.refused_submit()
    away = time.monotonic()
    wait_until(lambda: time.monotonic() - away > 1.5 * LEASE_SECONDS, seconds=60, what="the lease has passed")
    wait_until(lambda: not any(map(is_alive, executors)), seconds=60, what="the workers killed what ran")
    (tmp_path / "gate").touch()
    postgresql.start()

    after = site.submit_when_accepted()
    for task_id in [*running, after]:
        ended = site.wait_until_succeeded(task_id)
        assert ended["losses"] == 0  # nobody blames a task for the database
    assert {worker["id"] for worker in site.workers()} == workers
    for task_id in running:
        first, second = site.executions(task_id)
        assert (first.ended_at, second.attempt) == (None, 2)


PAUSE_MS = 4000


def test_redis_flushed_paused_frozen_and_restarted_costs_no_task(
    database_url: str, redis_server: Redis, start_site: StartSite
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    site.wait_for_workers(1)
    tasks = [site.submit(seconds=0.1)]
    site.wait_until_succeeded(tasks[0])

    redis_server.flush()
    assert site.task(tasks[0])["result"] is not None  # from the row
    tasks.append(site.submit(seconds=0.1))
    with redis_server.client() as client:
        client.client_pause(PAUSE_MS)
    paused = time.monotonic()
    tasks.append(site.submit(seconds=0.1))
    site.wait_until_succeeded(tasks[-1])
    with redis_server.client() as client:
        client.ping()  # answered when the pause is over
    assert time.monotonic() - paused > PAUSE_MS / 2000
    assert redis_server.process is not None
    stop(redis_server.process.pid)
    tasks.append(site.submit(seconds=0.1))
    site.wait_until_succeeded(tasks[-1])
    os.kill(redis_server.process.pid, signal.SIGCONT)
    redis_server.kill()
    assert not redis_server.is_running
    tasks.append(site.submit(seconds=0.1))
    site.wait_until_succeeded(tasks[-1])
    redis_server.start()
    tasks.append(site.submit(seconds=0.1))

    for task_id in tasks:
        assert site.wait_until_succeeded(task_id)["attempt"] == 1
    site.audit()


COMMIT_AND_DIE = f"""
import os, signal, django
django.setup()
from tasks_app.delivery import DeliveryThread
from tasks_app.functions import registry
from tasks_app.submit import submit

def die(*args, **facts):
    os.kill(os.getpid(), signal.SIGKILL)

DeliveryThread.announce_all = die
arguments = {{"run": "{RUN}", "number": {NUMBER}, "seconds": 0}}
submit(function=registry.by_slug("prove-long"), arguments=arguments, owner_id=None)
"""


def test_a_web_process_killed_between_commit_and_publish_loses_no_task(
    database_url: str, redis_server: Redis, start_site: StartSite
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    died = subprocess.run(
        [sys.executable, "-c", COMMIT_AND_DIE],
        cwd=ROOT,
        env=site.environment | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    _, page = site.call("/api/tasks/")
    [task] = page["results"]
    site.wait_until_succeeded(task["id"])
    assert len(site.executions(task["id"])) == 1
