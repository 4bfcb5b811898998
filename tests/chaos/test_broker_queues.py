"""The broker's queue is lost, emptied or of another kind, and what it brings is doubled or foreign."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pika
import pytest

from tasks_app.messages import encode
from tests.chaos.broker import QUEUE, BrokerSite
from tests.chaos.conftest import StartBrokerSite
from tests.support.cluster import Services
from tests.support.servers import RabbitMQ

T = TypeVar("T")
NOTED = "tests.support.ledger_tasks.noted_fibonacci"
BEHIND = 10
"""Tasks that wait behind a busy executor; the worker holds two of their messages."""


def use(url: str, call: Callable[[Any], T]) -> T:
    """A channel of somebody else."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return call(connection.channel())


def ready(site: BrokerSite) -> int:
    """Messages that no worker holds, counted at once: `list_queues` is some seconds behind."""
    url = site.services.rabbitmq_url
    return use(url, lambda channel: channel.queue_declare(QUEUE, passive=True).method.message_count)


def hold_up(site: BrokerSite, gate: Path) -> None:
    """Some tasks wait as messages, in RabbitMQ or held by the worker."""
    site.occupy(gate)
    for _ in range(BEHIND):
        site.submit()
    site.wait(lambda: messages(site) >= BEHIND, what=f"messages wait: {site.queue()}")


def messages(site: BrokerSite) -> int:
    queue = site.queue()
    return int(queue["messages_ready"] + queue["messages_unacknowledged"])


def test_a_queue_that_is_purged_and_then_deleted_costs_no_task(
    broker_site: BrokerSite, tmp_path: Path
) -> None:
    site = broker_site
    hold_up(site, tmp_path / "first")
    assert ready(site) >= BEHIND - 2
    site.rabbitmq.rabbitmqctl("purge_queue", "--vhost", site.vhost, QUEUE)
    assert ready(site) == 0
    (tmp_path / "first").touch()
    site.audit()

    hold_up(site, tmp_path / "second")
    site.rabbitmq.rabbitmqctl("delete_queue", "--vhost", site.vhost, QUEUE)
    site.wait(lambda: "RabbitMQ ended the consumer" in site.log.read_text(), what="it is noticed")
    (tmp_path / "second").touch()
    site.wait_for_consumers(1)
    with site.under_load():
        site.wait_for_messages(5)
    site.audit()
    assert (site.queue()["type"], site.queue()["durable"]) == ("quorum", True)


@pytest.mark.long
def test_a_queue_that_somebody_declared_otherwise_is_used_as_it_is_and_told(
    start_broker_site: StartBrokerSite, services: Services
) -> None:
    short = {"x-max-length": 1}  # and the oldest message is dropped
    use(services.rabbitmq_url, lambda channel: channel.queue_declare(QUEUE, durable=True, arguments=short))
    site = start_broker_site()
    with site.under_load():
        site.wait_for_messages(10)
    site.audit()
    assert site.queue()["type"] == "classic"
    told = f"queue {QUEUE} exists and is not a durable quorum queue; it is used as it is: PRECONDITION_FAILED"
    assert told in site.log.read_text()


@pytest.mark.long
def test_messages_that_are_foreign_malformed_or_doubled_a_hundredfold_run_nothing(
    broker_site: BrokerSite, services: Services, tmp_path: Path
) -> None:
    site = broker_site
    ended = site.submit()
    site.audit()
    hold_up(site, tmp_path / "gate")
    waiting = site.submitted[2:]  # after the ended one and the one that keeps the executor busy
    nobody = "01a20c86-97dc-75c0-bbd6-1b74873bca8a"
    bodies = [
        *(encode(task_id) for task_id in [ended, *waiting] for _ in range(100)),
        *(b"", b"{", b"\xff\x00", b"[]", b"null", b'{"v":1}', b"[" * 50_000, b"x" * 1_000_000),
        *(encode(nobody), encode(ended).replace(b'"v":1', b'"v":2')),
    ]

    def send(channel: Any) -> None:
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", QUEUE, body, pika.BasicProperties(type=NOTED), mandatory=True)
        channel.basic_publish("", QUEUE, encode(waiting[0]), pika.BasicProperties(type="os.system"))

    use(services.rabbitmq_url, send)
    site.wait(lambda: messages(site) > len(bodies), what="they wait")
    (tmp_path / "gate").touch()
    site.audit()
    site.wait(
        lambda: messages(site) == 0,
        what=f"every message is settled: {site.queue()}",
    )
    site.audit()
    [worker] = site.workers()
    assert (worker["messages"]["malformed"], worker["messages"]["unknown"]) == (9, 1)
    assert "a foreign message was dropped from queue default" in site.log.read_text()
    assert "brought a task of 'os.system', which this worker does not know" in site.log.read_text()
    with site.under_load():
        site.wait_for_messages(5)
    site.audit()


@pytest.fixture
def consumer_timeout(rabbitmq: RabbitMQ) -> Iterator[Callable[[int], None]]:
    """Set how long a consumer may hold a message, in seconds; the tick is how often RabbitMQ looks."""

    def set_to(seconds: float, tick_seconds: float = 60) -> None:
        for name, value in (("consumer_timeout", seconds), ("channel_tick_interval", tick_seconds)):
            rabbitmq.rabbitmqctl("eval", f"application:set_env(rabbit, {name}, {round(value * 1000)}).")

    yield set_to
    set_to(1800)


def closed_channels(site: BrokerSite) -> int:
    return len(re.findall(r"closed the intake's channel \(.*timeout", site.log.read_text()))


def test_a_task_longer_than_the_consumer_timeout_runs_once_and_the_intake_lives_on(
    consumer_timeout: Callable[[float, float], None], start_broker_site: StartBrokerSite, tmp_path: Path
) -> None:
    consumer_timeout(1, 0.5)
    site = start_broker_site()
    hold_up(site, tmp_path / "gate")
    site.wait(lambda: closed_channels(site) >= 2, what="the timeout strikes")
    (tmp_path / "gate").touch()
    with site.under_load():
        site.wait_for_messages(5)
    site.audit()


@pytest.mark.long
def test_a_task_of_three_minutes_against_a_timeout_of_one_finishes_once_and_the_intake_lives_on(
    consumer_timeout: Callable[[float], None], start_broker_site: StartBrokerSite, tmp_path: Path
) -> None:
    consumer_timeout(60)
    site = start_broker_site()
    task_id = site.submit("sleeps", seconds=180)
    for _ in range(BEHIND):
        site.submit()
    site.audit(seconds=300)
    assert closed_channels(site) >= 1
    assert site.seconds_of(task_id) >= 180
    with site.under_load():
        site.wait_for_messages(5)
    site.audit()


KILL_CONSUMERS = """
    {{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>)),
    [ra:process_command(amqqueue:get_pid(Queue), rabbit_fifo:make_checkout({{Tag, Channel}}, cancel, #{{}}))
     || {{Channel, Tag, _, _, _, _, _, _}} <- rabbit_amqqueue:consumers(Queue)]."""
"""Straight in the queue's state machine: neither the channel nor its client hears of it."""


@pytest.mark.long
def test_a_consumer_that_died_without_a_word_is_noticed_and_replaced(broker_site: BrokerSite) -> None:
    site = broker_site
    before = site.claims()
    site.rabbitmq.rabbitmqctl("eval", KILL_CONSUMERS.format(vhost=site.vhost, queue=QUEUE))
    site.wait_for_consumers(0)
    assert "messages wait in RabbitMQ and none comes" not in site.log.read_text()

    for _ in range(5):
        site.submit()
    site.wait(lambda: ready(site) == 5, what="they wait as messages")
    site.audit()
    assert site.claims().by_message == before.by_message

    site.wait(
        lambda: "messages wait in RabbitMQ and none comes" in site.log.read_text(),
        what="the worker notices",
    )
    site.wait_for_consumers(1)
    with site.under_load():
        site.wait_for_messages(5, than=before.by_message)
    site.audit()
    assert "RabbitMQ is away" not in site.log.read_text()
