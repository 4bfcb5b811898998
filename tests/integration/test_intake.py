"""The intake against a real RabbitMQ: what is delivered is held, settled, and comes again when it was not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pika
import pytest

from tasks_app.messages import broker_queue, encode
from tests.support.processes import until
from tests.support.servers import RabbitMQ
from worker import intake as module
from worker.intake import Batch, Intake

QUEUE = broker_queue("default")
FUNCTION = "package.tasks.known"


class Bench:
    """An intake with a prefetch of 2 that is told to change, and the broker's view of its queue."""

    def __init__(self, rabbitmq: RabbitMQ) -> None:
        self.rabbitmq = rabbitmq
        self.vhost = rabbitmq.fresh_vhost()
        self.url = rabbitmq.url_of(self.vhost)
        self.prefetch = 2
        self.delivered = 0
        self.intake = Intake(
            [self.url],
            "test",
            ["default"],
            [FUNCTION],
            prefetch=lambda: self.prefetch,
            on_delivery=self._on_delivery,
        )

    def _on_delivery(self) -> None:
        self.delivered += 1

    def send(self, count: int) -> list[str]:
        ids = [str(uuid4()) for _ in range(count)]
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for task_id in ids:
                properties = pika.BasicProperties(type=FUNCTION)
                channel.basic_publish("", QUEUE, encode(task_id), properties, mandatory=True)
        return ids

    def delete_queue(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            connection.channel().queue_delete(QUEUE)

    def take(self, limit: int = 100) -> Batch:
        batch = self.intake.take(limit, [FUNCTION])
        assert batch is not None
        return batch

    async def left(self, ready: int, unacknowledged: int) -> None:
        """Wait until the broker counts so."""

        def counts() -> tuple[int, int]:
            (queue,) = self.rabbitmq.list_queues(vhost=self.vhost)
            return queue["messages_ready"], queue["messages_unacknowledged"]

        for _ in range(60):
            if await asyncio.to_thread(counts) == (ready, unacknowledged):
                return
        pytest.fail(f"{counts()} instead of {(ready, unacknowledged)}")


@pytest.fixture
def impatient(rabbitmq: RabbitMQ) -> Iterator[None]:
    """A broker that closes the channel of a consumer which holds a message for more than a second."""
    rabbitmq.rabbitmqctl("eval", "application:set_env(rabbit, consumer_timeout, 1000).")
    rabbitmq.rabbitmqctl("eval", "application:set_env(rabbit, channel_tick_interval, 500).")
    yield
    rabbitmq.rabbitmqctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
    rabbitmq.rabbitmqctl("eval", "application:set_env(rabbit, channel_tick_interval, 60000).")


@pytest.fixture
async def bench(rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Consuming, and without the look for dead consumers, which would heal what a test wants to see."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 3600)
    bench = Bench(rabbitmq)
    running = asyncio.create_task(bench.intake.run())
    await until(lambda: bench.intake.is_consuming, "it consumes")
    yield bench
    bench.intake.stop()
    await asyncio.wait([running], timeout=60)
    assert running.done()
    assert running.exception() is None


def ids(batch: Batch) -> list[str]:
    return [delivery.task_id for delivery in batch.taken]


async def test_deliveries_are_held_up_to_the_prefetch_until_they_are_settled(bench: Bench) -> None:
    sent = bench.send(5)
    await until(lambda: bench.delivered == 2, "the prefetch is used up")
    await bench.left(ready=3, unacknowledged=2)

    batch = bench.take()
    assert ids(batch) == sent[:2]
    bench.intake.settle(batch)

    await until(lambda: bench.delivered == 4, "the next come")
    await bench.left(ready=1, unacknowledged=2)


async def test_what_is_put_back_is_taken_again(bench: Bench) -> None:
    sent = bench.send(2)
    await until(lambda: bench.delivered == 2, "both came")
    bench.intake.put_back(bench.take())
    assert ids(bench.take()) == sent


async def test_a_new_prefetch_loses_and_doubles_nothing(bench: Bench) -> None:
    sent = bench.send(10)
    await until(lambda: bench.delivered == 2, "the prefetch is used up")
    first = bench.take()

    bench.prefetch = 20

    def rest_came() -> bool:
        bench.intake.adjust()
        return bench.delivered == 10

    await until(rest_came, "the rest came")
    second = bench.take()
    assert sorted(ids(first) + ids(second)) == sorted(sent)
    bench.intake.settle(first)
    bench.intake.settle(second)
    await bench.left(ready=0, unacknowledged=0)


async def test_a_queue_that_was_deleted_is_made_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.send(1)
    await until(lambda: bench.delivered == 1, "it works")

    await asyncio.to_thread(bench.delete_queue)
    await until(lambda: "RabbitMQ ended the consumer" in caplog.text, "it is noticed")
    await until(lambda: bench.intake.is_consuming, "it consumes again")

    bench.send(1)
    await until(lambda: bench.delivered == 2, "it works again")
    (queue,) = bench.rabbitmq.list_queues(vhost=bench.vhost)
    assert (queue["type"], queue["durable"]) == ("quorum", True)


async def test_a_channel_closed_by_the_broker_is_replaced_and_what_it_held_comes_again(
    impatient: None, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    sent = bench.send(1)
    await until(lambda: bench.delivered == 1, "it came")
    stale = bench.take()

    await until(lambda: bench.delivered == 2, "it came again, on a new channel")

    assert "closed the intake's channel" in caplog.text
    bench.intake.settle(stale)  # of a channel that is gone: must not reach the new one
    batch = bench.take()
    assert ids(batch) == sent
    bench.intake.settle(batch)
    await bench.left(ready=0, unacknowledged=0)


async def test_a_consumer_that_died_without_a_word_is_replaced(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    bench = Bench(rabbitmq)
    running = asyncio.create_task(bench.intake.run())
    await until(lambda: bench.intake.is_consuming, "it consumes")
    assert bench.intake._channel is not None
    await bench.intake._channel.cancel(bench.intake._consumers["default"])  # behind its back

    bench.send(1)

    await until(lambda: bench.delivered == 1, "the message came")
    bench.intake.stop()
    await asyncio.wait([running], timeout=60)
