"""The publisher against a real RabbitMQ: what was taken on arrives, whatever the broker does meanwhile."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pika
import pytest

from tasks_app import publisher as module
from tasks_app.broker import Connection
from tasks_app.messages import Message, broker_queue, decode
from tasks_app.publisher import Publisher
from tests.support.processes import free_port, until
from tests.support.servers import RabbitMQ


@asynccontextmanager
async def publishing(*urls: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(urls, "test")
    running = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        running.cancel()
        await until(running.done, "the publisher ends")


@pytest.fixture
def url(rabbitmq: RabbitMQ) -> str:
    return rabbitmq.url_of(rabbitmq.fresh_vhost())


def message(queue: str = "default") -> Message:
    return Message(str(uuid4()), queue, "tasks_app.examples.tasks.fibonacci")


def drained(url: str, queue: str = "default") -> list[str]:
    """Take every message out of the queue; the ids."""
    ids = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while (got := channel.basic_get(broker_queue(queue), auto_ack=True))[0] is not None:
            ids.append(decode(got[2]))
    return ids


def use(url: str, call: Callable[[Any], None]) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        call(connection.channel())


async def test_messages_are_confirmed_and_carry_id_and_function(url: str) -> None:
    one = message()
    async with publishing(url) as publisher:
        publisher.publish(one)
        await until(lambda: publisher.is_empty and publisher.confirmed == 1, "the message is confirmed")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        _, properties, body = connection.channel().basic_get(broker_queue("default"))
    assert properties is not None
    assert body is not None
    assert (properties.message_id, properties.type, properties.delivery_mode) == (one.id, one.function, 2)
    assert decode(body) == one.id


async def test_messages_of_several_queues_and_functions_in_one_write_keep_what_is_theirs(url: str) -> None:
    sent = [
        Message(str(uuid4()), queue, function)
        for _ in range(50)
        for queue in ("default", "längst")
        for function in ("tasks_app.examples.tasks.fibonacci", "f")
    ]
    async with publishing(url) as publisher:
        for one in sent:
            publisher.publish(one)
        await until(lambda: publisher.is_empty and publisher.confirmed == len(sent), "all are confirmed")
    found = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for queue in ("default", "längst"):
            while (got := channel.basic_get(broker_queue(queue), auto_ack=True))[0] is not None:
                _, properties, body = got
                assert properties.message_id == decode(body)
                found.append(Message(decode(body), queue, properties.type))
    assert sorted(found) == sorted(sent)


async def test_what_is_published_has_left_before_the_loop_turns(url: str) -> None:
    connection = await Connection.open(url, "test")
    try:
        await connection.declare(broker_queue("default"))
        channel = await connection.channel()
        channel.publish_all([message()])
        assert connection._pika._transport.get_write_buffer_size() == 0
    finally:
        connection.close()


async def test_a_returned_message_is_published_again_to_a_new_queue(url: str) -> None:
    first, second = message(), message()
    async with publishing(url) as publisher:
        publisher.publish(first)
        await until(lambda: publisher.confirmed == 1, "the first is confirmed")
        use(url, lambda channel: channel.queue_delete(broker_queue("default")))
        publisher.publish(second)
        await until(lambda: publisher.is_empty, "the second is confirmed")
        assert publisher.returned == 1
    assert drained(url) == [second.id]


async def test_what_was_not_confirmed_is_published_again_after_the_broker_was_killed(
    rabbitmq: RabbitMQ, url: str
) -> None:
    messages = [message() for _ in range(50)]
    async with publishing(url) as publisher:
        publisher.publish(message())
        await until(lambda: publisher.confirmed == 1, "the publisher works")
        rabbitmq.sync()
        assert rabbitmq.process is not None
        rabbitmq.process.send_signal(signal.SIGSTOP)
        for one in messages:
            publisher.publish(one)
        await until(lambda: publisher.unconfirmed == 50, "all are on their way")
        assert publisher.confirmed == 1

        await asyncio.to_thread(rabbitmq.kill)
        await until(lambda: not publisher.is_ready, "the loss is noticed")
        await asyncio.to_thread(rabbitmq.start)

        await until(lambda: publisher.is_empty, "all are confirmed")
    assert {one.id for one in messages} <= set(drained(url))


async def test_an_alarm_stops_the_messages_and_no_caller(rabbitmq: RabbitMQ, url: str) -> None:
    async with publishing(url) as publisher:
        publisher.publish(message())
        await until(lambda: publisher.confirmed == 1, "the publisher works")
        await asyncio.to_thread(rabbitmq.rabbitmqctl, "set_vm_memory_high_watermark", "absolute", "1")
        try:
            publisher.publish(message())
            await until(lambda: not publisher.is_ready, "the broker has blocked the connection")
            for _ in range(100):
                assert not publisher.publish(message())
            await asyncio.to_thread(rabbitmq.rabbitmqctl, "status")  # the loop turns meanwhile
            assert (publisher.confirmed, publisher.unconfirmed) == (1, 1)
        finally:
            await asyncio.to_thread(rabbitmq.rabbitmqctl, "set_vm_memory_high_watermark", "0.4")
        await until(lambda: publisher.confirmed == 102, "everything is confirmed after the alarm")


async def test_after_a_refusal_one_message_at_a_time_asks_whether_more_are_taken(url: str) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    use(url, lambda channel: channel.queue_declare(broker_queue("default"), durable=True, arguments=full))
    sent = [message() for _ in range(301)]
    async with publishing(url) as publisher:
        for one in sent[1:]:
            publisher.publish(one)
        await until(lambda: publisher.nacked > 0 and publisher.unconfirmed == 0, "the rest is refused")
        assert not publisher.publish(sent[0])  # so that the workers are rung
        refused = publisher.nacked
        await until(lambda: publisher.nacked >= refused + 3, "it asks three times more")
        assert publisher.nacked < refused + 30, "all were sent again"

        use(url, lambda channel: channel.queue_delete(broker_queue("default")))
        await until(lambda: publisher.is_empty, "all are confirmed by a queue made anew")
        assert publisher.is_ready
    assert {one.id for one in sent} - set(drained(url)) <= {sent[1].id}  # deleted with the full queue


async def test_a_late_ack_of_what_went_before_the_refusal_does_not_end_the_asking(url: str) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    use(url, lambda channel: channel.queue_declare(broker_queue("full"), durable=True, arguments=full))
    async with publishing(url) as publisher:
        publisher.publish(message("full"))
        publisher.publish(message())
        await until(lambda: publisher.confirmed == 2, "both queues exist, and one is full")
        for _ in range(100):  # the nack of a classic queue overtakes the ack that a quorum queue writes for
            publisher.publish(message())
            publisher.publish(message("full"))
        await until(lambda: publisher.nacked > 0 and publisher.unconfirmed == 0, "all are answered")
        assert publisher.confirmed > 2
        assert not publisher.is_ready


async def test_a_connection_that_only_refuses_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STUCK_SECONDS", 2.0)
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    use(url, lambda channel: channel.queue_declare(broker_queue("default"), durable=True, arguments=full))
    async with publishing(url) as publisher:
        for _ in range(3):
            publisher.publish(message())
        await until(lambda: publisher.nacked > 0, "the second is refused")
        await until(lambda: "no confirm within 2 s" in caplog.text, "it is given up")


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancel_ends_the_publisher_whatever_comes_with_it(url: str, turns: int) -> None:
    async with publishing(url) as publisher:
        publisher.publish(message())
        await until(lambda: publisher.is_empty and publisher.confirmed == 1, "it waits for messages")
        publisher.publish(message())
        for _ in range(turns):  # the loop's turns between the wake-up and the cancel
            await asyncio.sleep(0)


async def test_a_queue_of_another_kind_is_used_and_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    use(url, lambda channel: channel.queue_declare(broker_queue("default"), durable=True))
    one = message()
    with caplog.at_level(logging.WARNING, "taskdeck"):
        async with publishing(url) as publisher:
            publisher.publish(one)
            await until(lambda: publisher.confirmed == 1, "the message is confirmed")
    assert drained(url) == [one.id]
    assert "queue task_queue.default exists and is not a durable quorum queue" in caplog.text


async def test_a_refused_queue_holds_no_other_up(
    rabbitmq: RabbitMQ, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    vhost, user = url.rsplit("/", 1)[1], f"user-{uuid4().hex}"
    use(url, lambda channel: channel.queue_declare(broker_queue("made"), durable=True))
    rabbitmq.rabbitmqctl("add_user", user, "secret")
    rabbitmq.rabbitmqctl("set_permissions", "-p", vhost, user, "", ".*", ".*")
    async with publishing(url.replace("guest:guest", f"{user}:secret")) as publisher:
        publisher.publish(message("missing"))
        publisher.publish(message("made"))
        await until(lambda: publisher.is_empty, "both are through")
        assert (publisher.confirmed, publisher.dropped) == (1, 1)
        assert not publisher.publish(message("missing"))
        assert publisher.is_empty
    assert "refuses queue task_queue.missing" in caplog.text
    assert "secret" not in caplog.text


async def test_the_next_host_is_tried_when_one_is_away(url: str) -> None:
    async with publishing(f"amqp://127.0.0.1:{free_port()}/", url) as publisher:
        publisher.publish(message())
        await until(lambda: publisher.confirmed == 1, "the message is confirmed")


async def test_without_a_broker_messages_are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    async with publishing(f"amqp://127.0.0.1:{free_port()}/") as publisher:
        assert await publisher.was_tried() is False
        assert [publisher.publish(message()) for _ in range(12)] == [False] * 12
        assert publisher.dropped == 2
