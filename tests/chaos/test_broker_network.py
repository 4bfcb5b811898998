"""The network between Taskdeck and RabbitMQ breaks, on the web process's side or on the workers'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.chaos.broker import BrokerSite
from tests.chaos.conftest import StartBrokerSite
from tests.support.cluster import Services
from tests.support.proxy import Proxy
from tests.support.servers import RabbitMQ

SHORT_HEARTBEAT = "?heartbeat=2"
"""Silence is noticed after some seconds instead of half a minute."""
SLOW_BYTES_PER_SECOND = 400
"""Room for two messages a second or three, while ten are submitted."""


@dataclass
class Broken:
    """A site with a proxy on one of its two ways to RabbitMQ."""

    site: BrokerSite
    proxy: Proxy
    is_intake: bool

    def passed(self) -> int:
        """Bytes in the direction of the messages."""
        return self.proxy.bytes_to_client if self.is_intake else self.proxy.bytes_to_server

    def nothing_passes(self) -> bool:
        """Ten more tasks were submitted and ended, and no byte passed."""
        before = self.passed()
        self.site.wait_for_direct()
        return self.passed() == before

    def has_noticed(self) -> bool:
        word = "no messages" if self.is_intake else "messages wait"
        return f"{word}, RabbitMQ is away" in self.site.log.read_text()

    def connections(self) -> int:
        """Open on this way, as RabbitMQ sees it."""
        names = self.site.rabbitmq.rabbitmqctl("list_connections", "client_properties", "vhost")
        word = "taskdeck worker" if self.is_intake else "taskdeck web"
        return sum(word in line and self.site.vhost in line for line in names.splitlines())


@pytest.fixture(params=["web", "intake"])
def broken(
    request: pytest.FixtureRequest,
    start_broker_site: StartBrokerSite,
    services: Services,
    rabbitmq: RabbitMQ,
) -> Iterator[Broken]:
    with Proxy(rabbitmq.port) as proxy:
        way = services.rabbitmq_url.replace(f":{rabbitmq.port}/", f":{proxy.port}/") + SHORT_HEARTBEAT
        is_intake = request.param == "intake"
        straight = services.rabbitmq_url + SHORT_HEARTBEAT
        site = start_broker_site(
            web_url=straight if is_intake else way, intake_url=way if is_intake else straight
        )
        yield Broken(site, proxy, is_intake)
        proxy.pass_on()


def breaks_and_heals(broken: Broken, fault: Callable[[], None], seen: Callable[[], object]) -> None:
    site = broken.site
    with site.under_load():
        site.wait_for_messages()
        assert broken.proxy.open_connections > 0
        fault()
        site.wait(seen, what="the fault is there")
        site.wait(broken.has_noticed, what="Taskdeck notices")
        without = site.wait_for_direct()
        broken.proxy.pass_on()
        site.wait_for_messages(20, than=without.by_message)
    site.audit()


@pytest.mark.long
def test_a_cut_connection_costs_no_task(broken: Broken) -> None:
    breaks_and_heals(broken, broken.proxy.cut, lambda: broken.connections() == 0)


@pytest.mark.long
def test_a_black_hole_costs_no_task(broken: Broken) -> None:
    breaks_and_heals(broken, broken.proxy.black_hole, broken.nothing_passes)


@pytest.mark.long
def test_a_connection_that_only_the_broker_knows_to_be_closed_costs_no_task(broken: Broken) -> None:
    breaks_and_heals(broken, broken.proxy.half_open, lambda: broken.connections() == 0)


@pytest.mark.long
def test_a_slow_connection_costs_no_task(broken: Broken) -> None:
    site = broken.site
    with site.under_load():
        site.wait_for_messages()
        broken.proxy.slow(SLOW_BYTES_PER_SECOND)
        submitted, claims = len(site.submitted), site.claims()
        site.wait(lambda: len(site.submitted) >= submitted + 200, what="200 submits")
        handed_over = site.claims().by_message - claims.by_message
        assert handed_over < 100, "it was not slow"
        broken.proxy.pass_on()
        site.wait_for_messages(20)
    site.audit()
