"""The one broker dies, stands still or takes nothing while tasks are submitted: nothing shows but latency."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.chaos.broker import BrokerSite
from tests.chaos.conftest import Figure
from tests.chaos.site import stop
from tests.support.servers import RabbitMQ
from tests.support.servers.common import accepts

RESUMED_SECONDS = 15.0
"""The promise: by message again within so long of the port's opening."""
NO_ALARM = "[]"


def alarms(rabbitmq: RabbitMQ) -> str:
    return rabbitmq.rabbitmqctl("eval", "rabbit_alarm:get_alarms().").strip()


@pytest.mark.long
def test_a_killed_broker_costs_no_task_and_once_back_hands_over_within_15_seconds(
    broker_site: BrokerSite, rabbitmq: RabbitMQ, figure: Figure
) -> None:
    site = broker_site
    with site.under_load() as load:
        site.wait_for_messages()
        rabbitmq.sync()
        rabbitmq.kill()
        assert not accepts(rabbitmq.port)
        without = site.wait_for_direct()

        rabbitmq.start()
        opened = time.monotonic()
        site.wait_for_messages(1, than=without.by_message, seconds=RESUMED_SECONDS)
        resumed = time.monotonic() - opened
        site.wait_for_messages(20)
    figure(
        f"broker killed and started: first task by message {resumed:.1f} s after the port opened;"
        f" {load.count} submits, slowest answer {load.slowest_seconds:.2f} s"
    )
    site.audit()


@pytest.mark.long
def test_a_broker_that_stands_still_costs_no_task(broker_site: BrokerSite, rabbitmq: RabbitMQ) -> None:
    site = broker_site
    assert rabbitmq.process is not None
    with site.under_load():
        site.wait_for_messages()
        stop(rabbitmq.process.pid)
        try:
            assert accepts(rabbitmq.port)  # by the kernel; nobody answers
            without = site.wait_for_direct(50)
            for noticed in ("messages wait, RabbitMQ is away", "no messages, RabbitMQ is away"):
                site.wait(
                    lambda words=noticed: words in site.log.read_text(),
                    seconds=90,
                    what=f"the silence is noticed: {noticed}",
                )
        finally:
            os.kill(rabbitmq.process.pid, signal.SIGCONT)
        site.wait_for_messages(20, than=without.by_message)
    site.audit()


@pytest.mark.long
@pytest.mark.parametrize(
    ("alarm", "well"),
    [
        (("set_vm_memory_high_watermark", "absolute", "1"), ("set_vm_memory_high_watermark", "0.4")),
        (("set_disk_free_limit", "100000GB"), ("set_disk_free_limit", "50MB")),
    ],
    ids=["memory", "disk"],
)
def test_an_alarm_stops_messages_and_no_task(
    broker_site: BrokerSite, rabbitmq: RabbitMQ, alarm: tuple[str, ...], well: tuple[str, ...]
) -> None:
    site = broker_site
    assert alarms(rabbitmq) == NO_ALARM
    with site.under_load():
        site.wait_for_messages()
        rabbitmq.rabbitmqctl(*alarm)
        try:
            site.wait(lambda: alarms(rabbitmq) != NO_ALARM, seconds=60, what="the alarm is raised")
            without = site.wait_for_direct(30)
            assert "RabbitMQ takes no messages for now" in site.log.read_text()
            assert site.call("/readyz")[1]["checks"]["rabbitmq"] == "unavailable"
        finally:
            rabbitmq.rabbitmqctl(*well)
        site.wait_for_messages(20, than=without.by_message)
        assert alarms(rabbitmq) == NO_ALARM
    site.audit()
