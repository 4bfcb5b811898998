"""Sites that are judged at their end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.broker import BrokerSite
from tests.chaos.site import Site, SplitSite
from tests.support.cluster import Services
from tests.support.machine import Machine
from tests.support.servers import RabbitMQ

StartSite = Callable[..., Site]
StartSplitSite = Callable[..., SplitSite]
StartBrokerSite = Callable[..., BrokerSite]
Figure = Callable[[str], None]


@contextmanager
def judged_sites() -> Iterator[list[Machine]]:
    """What is put into the list ends with the test, and the rules of the row are judged then."""
    started: list[Machine] = []
    try:
        yield started
    finally:
        for site in started:
            site.end()
    assert [fault for site in started for fault in site.judged()] == []


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[StartSite]:
    """Start a site, ready and recorded; the rules of the row are judged when the test is over."""

    def start(**settings: str) -> Site:
        site = Site(tmp_path, **settings)
        started.append(site)
        site.wait_until_ready()
        return site

    with judged_sites() as started:
        yield start


@pytest.fixture
def start_split_site(tmp_path: Path) -> Iterator[StartSplitSite]:
    """Start a web process on these services, ready and recorded; judged when the test is over."""

    def start(services: Services, **settings: str) -> SplitSite:
        site = SplitSite(tmp_path, services, **settings)
        started.append(site)
        site.wait_until_ready()
        return site

    with judged_sites() as started:
        yield start


@pytest.fixture
def start_broker_site(tmp_path: Path, services: Services, rabbitmq: RabbitMQ) -> Iterator[StartBrokerSite]:
    """Start a site on real servers with one worker, ready and recorded; judged when the test is over."""

    def start(*, web_url: str = "", intake_url: str = "", **settings: str) -> BrokerSite:
        its = dataclasses.replace(services, rabbitmq_url=web_url) if web_url else services
        site = BrokerSite(tmp_path, its, rabbitmq, intake_url=intake_url, **settings)
        started.append(site)
        site.wait_until_ready()
        site.start_worker("first")
        site.wait_for_consumers(1)
        return site

    with judged_sites() as started:
        yield start


@pytest.fixture
def broker_site(start_broker_site: StartBrokerSite) -> BrokerSite:
    return start_broker_site()


@pytest.fixture
def figure(capsys: pytest.CaptureFixture[str]) -> Figure:
    """Print one measured figure where whoever runs the suite sees it."""

    def show(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}")

    return show
