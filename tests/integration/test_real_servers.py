"""PostgreSQL, RabbitMQ and Redis as in production: two hosts share the work, and a broker may go and come."""

from __future__ import annotations

import collections
import http.cookiejar
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable

import pytest

from tasks_app.messages import broker_queue
from tasks_app.redis_client import result_key
from tests.support.cluster import Cluster
from tests.support.network import SecondHost
from tests.support.page import open_page
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ, RabbitMQCommandError, Redis
from tests.support.servers.common import accepts, program

TASKS = 400
LEAST_SHARE = 120
BACK_SECONDS = 60
QUEUE = broker_queue("default")


def submit(cluster: Cluster, count: int, number: int = 22) -> list[str]:
    submitted = []
    for _ in range(count):
        status, answer = cluster.call("/api/functions/noted_fibonacci/", {"number": number})
        assert status == 202, cluster.log.read_text()[-3000:]
        submitted.append(answer["task_id"])
    return submitted


def wait_for_workers(cluster: Cluster, rabbitmq: RabbitMQ, *names: str) -> None:
    """Until these workers, and no others, are alive and consume."""
    wait_until(
        lambda: {worker["node"] for worker in cluster.workers()} == set(names),
        seconds=60,
        what=f"{names} are alive\n{cluster.log.read_text()[-3000:]}",
    )
    consuming = [{"name": QUEUE, "consumers": len(names)}]
    wait_until(
        lambda: rabbitmq.list_queues("name", "consumers", vhost=vhost(cluster)) == consuming,
        seconds=60,
        what=f"{names} consume\n{cluster.log.read_text()[-3000:]}",
    )


def claims(cluster: Cluster) -> dict[str, tuple[int, int]]:
    """By message and direct, of each node; the counters follow the claims with the next heartbeat."""
    return {
        worker["node"]: (worker["claims_by_message"], worker["claims_direct"]) for worker in cluster.workers()
    }


def claimed(cluster: Cluster) -> int:
    return sum(map(sum, claims(cluster).values()))


def claimed_by_message(cluster: Cluster) -> int:
    return sum(by_message for by_message, _ in claims(cluster).values())


def vhost(cluster: Cluster) -> str:
    return cluster.services.rabbitmq_url.rpartition("/")[2]


def wait_for_success(cluster: Cluster, ids: Iterable[str], *, seconds: float = 60) -> None:
    left = set(ids)

    def all_have_ended() -> bool:
        for task_id in list(left):
            if cluster.call(f"/api/tasks/{task_id}/")[1]["state"] == "succeeded":
                left.discard(task_id)
        return not left

    wait_until(all_have_ended, seconds=seconds, what=f"all succeed\n{cluster.log.read_text()[-3000:]}")


def test_two_hosts_share_400_tasks_by_message_and_run_each_once(cluster: Cluster, rabbitmq: RabbitMQ) -> None:
    with SecondHost("second.test") as host, open_page(cluster) as page:
        cluster.start_worker("first")
        second = cluster.start_worker_on(host, "second")
        wait_for_workers(cluster, rabbitmq, "first", "second")
        assert len({worker["host"] for worker in cluster.workers()}) == 2

        submitted = submit(cluster, TASKS)
        page.wait_for_success(submitted)

        wait_until(lambda: claimed(cluster) == TASKS, seconds=60, what="every claim is counted")
        assert min(by_message for by_message, _ in claims(cluster).values()) >= LEAST_SHARE, claims(cluster)
        second.terminate()
        assert second.wait(60) == 0, cluster.log.read_text()[-3000:]

    assert sorted(cluster.ran()) == sorted(submitted)
    shares = collections.Counter(line.split()[2] for line in cluster.ledger.read_text().splitlines())
    assert len(shares) == 2
    assert min(shares.values()) >= LEAST_SHARE, shares


def test_at_rest_each_server_shows_its_part(
    cluster: Cluster, rabbitmq: RabbitMQ, redis_server: Redis
) -> None:
    cluster.start_worker("first")
    wait_for_workers(cluster, rabbitmq, "first")
    task_id, *_ = submitted = submit(cluster, 3, number=10)
    wait_for_success(cluster, submitted)

    at_rest = {
        "name": QUEUE,
        "type": "quorum",
        "durable": True,
        "consumers": 1,
        "messages_ready": 0,
        "messages_unacknowledged": 0,
    }
    wait_until(
        lambda: rabbitmq.list_queues(*at_rest, vhost=vhost(cluster)) == [at_rest],
        seconds=60,
        what=f"the queue is at rest: {rabbitmq.list_queues(*at_rest, vhost=vhost(cluster))}",
    )
    with redis_server.client() as client:
        assert client.get(result_key(task_id, 1)) == b"55"
    assert told_by_psql(cluster, f"SELECT state, result FROM taskdeck_task WHERE id = '{task_id}'") == (
        "succeeded|55"
    )
    assert task_id in admin_page(cluster, "/admin/tasks_app/task/")


def test_without_rabbitmq_tasks_are_taken_and_run_and_messages_resume_when_it_is_back(
    cluster: Cluster, rabbitmq: RabbitMQ
) -> None:
    cluster.start_worker("first")
    wait_for_workers(cluster, rabbitmq, "first")
    submitted = submit(cluster, 10)
    wait_for_success(cluster, submitted)
    wait_until(lambda: claimed(cluster) == 10, seconds=60, what="every claim is counted")
    before = claimed_by_message(cluster)
    assert before > 0

    rabbitmq.stop()
    assert not accepts(rabbitmq.port)
    with pytest.raises(RabbitMQCommandError):
        rabbitmq.rabbitmqctl("status")
    wait_until(lambda: broker_check(cluster) != "ok", seconds=60, what="the web process noticed")
    without = submit(cluster, 20)
    wait_for_success(cluster, without)
    wait_until(lambda: claimed(cluster) == 30, seconds=60, what="every claim is counted")
    assert claimed_by_message(cluster) == before

    rabbitmq.start()
    submitted += without

    def a_message_was_claimed() -> bool:
        submitted.extend(submit(cluster, 1))
        return claimed_by_message(cluster) > before

    wait_until(a_message_was_claimed, seconds=BACK_SECONDS, what="hand-over by message resumes")
    wait_for_success(cluster, submitted)
    assert sorted(cluster.ran()) == sorted(submitted)


def broker_check(cluster: Cluster) -> str:
    return str(cluster.call("/readyz")[1]["checks"]["rabbitmq"])


def told_by_psql(cluster: Cluster, statement: str) -> str:
    psql = program("psql", "postgresql")
    command = [psql, "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement]
    ended = subprocess.run(
        [*command, cluster.services.database_url], capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout.strip()


def admin_page(cluster: Cluster, path: str) -> str:
    """What the admin shows to a new superuser who logs in by its form."""
    cluster.environment["DJANGO_SUPERUSER_PASSWORD"] = password = "correct horse"
    cluster.manage("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.test")
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    browser.addheaders = [("Origin", cluster.url)]
    login = f"{cluster.url}/admin/login/?next={path}"
    form = browser.open(login, timeout=20).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None, form
    fields = {"csrfmiddlewaretoken": token[1], "username": "ada", "password": password, "next": path}
    answer = browser.open(login, urllib.parse.urlencode(fields).encode(), timeout=20)
    assert urllib.parse.urlsplit(answer.url).path == path
    return str(answer.read().decode())
