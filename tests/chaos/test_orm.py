"""Tasks that use Django's ORM in an executor whose connection was cut while it was idle."""

from __future__ import annotations

from tests.chaos.conftest import StartSite
from tests.chaos.site import Site
from tests.support.servers import PostgreSQL, Redis
from tests.support.servers.common import accepts

PATIENT = {"TASKDECK_LEASE_SECONDS": "60", "TASKDECK_SELF_STOP_SECONDS": "40"}


def executor_of(site: Site, task_id: str) -> int:
    return site.executions(task_id)[-1].executor


def test_a_restart_between_two_tasks_of_one_executor_fails_neither(
    database_url: str, postgresql: PostgreSQL, redis_server: Redis, start_site: StartSite
) -> None:
    site = start_site(DATABASE_URL=database_url, REDIS_URL=redis_server.url, **PATIENT)
    site.wait_for_workers(1)
    kinds = ("uses-the-orm", "uses-the-orm-async")
    before = [site.submit(kind) for kind in kinds]
    backends = {site.wait_until_ended(task_id)["result"] for task_id in before}

    postgresql.stop()
    assert not accepts(postgresql.port)
    postgresql.start()
    site.submit_when_accepted()
    after = [site.submit(kind) for kind in kinds]
    assert backends.isdisjoint({site.wait_until_ended(task_id)["result"] for task_id in after})
    site.audit()
    assert [executor_of(site, one) for one in before] == [executor_of(site, one) for one in after]
