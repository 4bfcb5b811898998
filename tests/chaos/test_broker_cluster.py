"""Three RabbitMQ nodes with a quorum queue: its leader is killed, then its quorum is lost and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from tasks_app.messages import Message
from tasks_app.publisher import MOST_UNCONFIRMED, MOST_WAITING, Publisher
from tests.chaos.broker import QUEUE, SECONDS, BrokerSite
from tests.chaos.conftest import Figure, judged_sites
from tests.support.cluster import Services
from tests.support.processes import until, wait_until
from tests.support.servers import Home, RabbitMQ, RabbitMQCluster, Redis
from tests.support.servers.common import accepts

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def formed() -> Iterator[RabbitMQCluster]:
    home = Home()
    try:
        yield RabbitMQCluster(home)
    finally:
        home.end()


@pytest.fixture
def nodes(formed: RabbitMQCluster) -> RabbitMQCluster:
    """All three run."""
    formed.start()
    return formed


@pytest.fixture
def start_site(
    nodes: RabbitMQCluster, database_url: str, redis_server: Redis, tmp_path: Path
) -> Iterator[Callable[..., BrokerSite]]:
    """A site with one worker, whose queue has a member on each node."""

    def start(**settings: str) -> BrokerSite:
        first = nodes.nodes[0]
        services = Services(database_url, redis_server.url, nodes.url_of(first.fresh_vhost()))
        site = BrokerSite(tmp_path, services, first, **settings)
        started.append(site)
        site.wait_until_ready()
        site.start_worker("first")
        site.wait_for_consumers(1)
        wait_until(
            lambda: len(nodes.queue(QUEUE, vhost=site.vhost)["online"]) == 3,
            seconds=SECONDS,
            what="the queue has three members",
        )
        return site

    with judged_sites() as started:
        yield start


def longest_gap_seconds(site: BrokerSite, since: datetime) -> float:
    """Between two claims that followed one another; the first may have come before ``since``."""
    with site.database.session() as session:
        rows = session.rows("SELECT started_at FROM taskdeck_task ORDER BY started_at", {})
    pairs = [(earlier, later) for (earlier,), (later,) in pairwise(rows) if later > since]
    return max((later - earlier).total_seconds() for earlier, later in pairs)


def test_a_killed_leader_costs_neither_a_task_nor_a_message(
    start_site: Callable[..., BrokerSite], nodes: RabbitMQCluster, figure: Figure
) -> None:
    site = start_site(TASKDECK_DIRECT_CLAIM_SECONDS="3600")  # so that a lost message would be a lost task
    with site.under_load() as load:
        site.wait_for_messages(20)
        warm = datetime.now(UTC)
        site.wait_for_messages(50)
        leader = nodes.node(nodes.queue(QUEUE, vhost=site.vhost)["leader"])
        site.rabbitmq = survivor = next(node for node in nodes.nodes if node is not leader)
        before, killed = longest_gap_seconds(site, warm), datetime.now(UTC)
        leader.kill()
        assert not accepts(leader.port)
        site.wait_for_messages(100)
        next_leader = nodes.queue(QUEUE, vhost=site.vhost, seen_by=survivor)["leader"]
    assert next_leader not in ("", leader.node_name)
    site.audit()
    figure(
        f"leader killed: longest gap between hand-overs {longest_gap_seconds(site, killed):.2f} s (before:"
        f" {before:.2f} s); {site.claims().by_message} of {len(site.submitted)} tasks by message;"
        f" {load.count} submits, slowest answer {load.slowest_seconds:.2f} s"
    )


def test_without_a_quorum_tasks_are_claimed_from_the_table_and_by_message_once_it_is_back(
    start_site: Callable[..., BrokerSite], nodes: RabbitMQCluster, figure: Figure
) -> None:
    site = start_site()
    with site.under_load() as load:
        site.wait_for_messages(20)
        site.rabbitmq = survivor = nodes.nodes[-1]
        for node in nodes.nodes[:-1]:
            node.kill()
        wait_until(
            lambda: nodes.running(survivor) == {survivor.node_name},
            seconds=SECONDS,
            what="the survivor knows that it is alone",
        )
        without = site.wait_for_direct(50)
        asyncio.run(a_publisher_stays_bounded(survivor, site.vhost))
        site.wait_for_direct(50)

        nodes.start()
        began = time.monotonic()
        site.wait_for_messages(1, than=site.claims().by_message)
        figure(
            f"quorum lost: {load.count} submits, slowest answer {load.slowest_seconds:.2f} s;"
            f" by message again {time.monotonic() - began:.1f} s after the cluster was whole"
        )
        site.wait_for_messages(50, than=without.by_message)
    site.audit()


async def a_publisher_stays_bounded(survivor: RabbitMQ, vhost: str) -> None:
    """The queue confirms nothing: so much is kept, the rest is dropped and counted, and no call blocks."""
    publisher = Publisher([survivor.url_of(vhost)], "test of a bound")
    running = asyncio.create_task(publisher.run())
    try:
        for number in range(MOST_WAITING + 10_000):
            publisher.publish(Message(str(uuid4()), "default", "tasks_app.examples.tasks.fibonacci"))
            if number % 1000 == 0:
                await asyncio.sleep(0)
        await until(
            lambda: publisher.nacked > 0 or publisher.unconfirmed == MOST_UNCONFIRMED,
            "it is refused, or has sent what it may",
        )
        await until(
            lambda: publisher.unconfirmed <= 1, "it asks with one message, or gives the connection up"
        )
        counts = publisher.counts()
        assert (counts["waiting"], counts["dropped"]) == (MOST_WAITING, 10_000)
        assert publisher.confirmed == 0
    finally:
        running.cancel()
        await until(running.done, "it ends")
