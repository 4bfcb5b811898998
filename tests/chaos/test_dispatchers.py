"""Two dispatchers, one in each worker node, and many tasks that become due at the same time."""

from __future__ import annotations

import collections
from datetime import UTC, datetime, timedelta

import pika
import pytest

from tasks_app.messages import broker_queue, decode
from tests.chaos.broker import BrokerSite
from tests.chaos.conftest import StartBrokerSite
from tests.support import history

DUE, AT_ONCE = 3000, 1000
ASIDE = "aside"
"""A queue that no worker serves at first, so that its messages can be counted."""
DUE_AFTER_SECONDS = 10
SHARE_BYTES = 50_000
"""What a node that published only a few messages does not reach: one of them takes about 200 bytes."""


def schedule(site: BrokerSite, due_at: datetime) -> None:
    for _ in range(DUE // AT_ONCE):
        task = {
            "function": "noted_fibonacci",
            "arguments": {"number": 5},
            "queue": ASIDE,
            "run_after": due_at.isoformat(),
        }
        status, answer = site.call("/api/tasks/bulk/", {"tasks": [task] * AT_ONCE})
        assert status == 202, answer
        site.submitted += [one["task_id"] for one in answer["tasks"]]


def published_bytes(site: BrokerSite, node: str) -> int:
    """What RabbitMQ has received from one worker node."""
    lines = site.rabbitmq.rabbitmqctl("list_connections", "vhost", "client_properties", "recv_oct")
    mine = [line for line in lines.splitlines() if site.vhost in line and f'"taskdeck worker {node}"' in line]
    return sum(int(line.split()[-1]) for line in mine)


def promotions(site: BrokerSite) -> collections.Counter[str]:
    with site.database.session() as session:
        entries = history.read(session)
    return collections.Counter(
        entry.task_id
        for entry in entries
        if entry.task_id and entry.old and entry.new
        if (entry.old.state, entry.new.state) == ("scheduled", "queued")
    )


@pytest.mark.long
def test_each_due_task_is_promoted_and_published_by_one_of_two_dispatchers_and_runs_once(
    start_broker_site: StartBrokerSite,
) -> None:
    site = start_broker_site()
    site.start_worker("second")
    site.wait_for_consumers(2)
    due_at = datetime.now(UTC) + timedelta(seconds=DUE_AFTER_SECONDS)
    schedule(site, due_at)
    assert datetime.now(UTC) < due_at, "they shall become due all at once"
    before = {node: published_bytes(site, node) for node in ("first", "second")}

    site.wait(lambda: len(promotions(site)) == DUE, what="all are promoted")
    assert set(promotions(site).values()) == {1}
    site.wait(
        lambda: site.queue(broker_queue(ASIDE)).get("messages_ready", 0) >= DUE,
        what=f"all are published: {site.queue(broker_queue(ASIDE))}",
    )
    assert sorted(peeked(site)) == sorted(site.submitted)
    for node in ("first", "second"):
        assert published_bytes(site, node) - before[node] > SHARE_BYTES, f"{node} took no part"

    for name in ("third", "fourth"):
        site.start_worker(name, "--queues", ASIDE)
    site.audit()


def peeked(site: BrokerSite) -> list[str]:
    """The tasks of all messages in the queue, which get back into it."""
    with pika.BlockingConnection(pika.URLParameters(site.services.rabbitmq_url)) as connection:
        channel = connection.channel()
        found = []
        while (got := channel.basic_get(broker_queue(ASIDE)))[0] is not None:
            found.append(decode(got[2]))
    return found
