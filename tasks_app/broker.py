"""Connections, channels and queues of pika, with its errors translated.

pika calls back, and an exception in a callback would end the connection without a word: every callback
is guarded here. Waiting for the broker is always bounded, by STEP_SECONDS or by the connection's end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pika
from pika.exceptions import AMQPError

from tasks_app.errors import BrokerUnavailable, QueueRefused
from tasks_app.frames import Frames
from tasks_app.incoming import OnDelivery, ReadingConnection
from tasks_app.messages import Message

log = logging.getLogger("taskdeck.broker")
T = TypeVar("T")
STEP_SECONDS = 10.0
OPEN_SECONDS = 8.0  # less than a step: pika gives an attempt up by itself and cannot be made to
HEARTBEAT_SECONDS = 10  # unless the URL says otherwise; three silent ones end the connection
NOT_FOUND, PRECONDITION_FAILED = 404, 406
QUORUM = {"x-queue-type": "quorum"}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AMQPError as error:
        raise BrokerUnavailable(str(error) or type(error).__name__) from error


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


class Connection:
    """One connection on the running event loop. It ends once (``closed`` tells why) and never comes back."""

    def __init__(self, url: str, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = loop.create_future()
        self.unblocked = asyncio.Event()  # cleared by an alarm; set for good at the end
        self.unblocked.set()
        self.closed.add_done_callback(lambda _: self.unblocked.set())
        self._opened: asyncio.Future[None] = loop.create_future()
        try:
            parameters = pika.URLParameters(url)
        except (ValueError, TypeError) as error:
            raise BrokerUnavailable(f"RABBITMQ_URL cannot be read: {error}") from None
        if "heartbeat=" not in url:
            parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.stack_timeout = OPEN_SECONDS
        parameters.client_properties = {"connection_name": name}
        self._pika = ReadingConnection(
            parameters,
            on_open_callback=lambda _: _resolve(self._opened, None),
            on_open_error_callback=lambda _, error: _resolve(self.closed, _reason(error)),
            on_close_callback=lambda _, error: _resolve(self.closed, _reason(error)),
            custom_ioloop=loop,
        )
        self.consumers = self._pika.consumers
        self._pika.add_on_connection_blocked_callback(self.guarded(self._on_blocked))
        self._pika.add_on_connection_unblocked_callback(self.guarded(self._on_unblocked))

    @classmethod
    async def open(cls, url: str, name: str) -> Connection:
        """``name`` is shown to the broker's operator. Raises BrokerUnavailable."""
        connection = cls(url, name)
        await connection.answer(connection._opened, "the connection opens")
        return connection

    def _on_blocked(self, _inner: Any, frame: Any) -> None:
        log.warning("RabbitMQ takes no messages for now: %s", frame.method.reason)
        self.unblocked.clear()

    def _on_unblocked(self, _inner: Any, _frame: Any) -> None:
        log.warning("RabbitMQ takes messages again")
        self.unblocked.set()

    def guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """The callback for pika: what it raises is logged and ends this connection in the open."""

        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception:
                log.exception("a callback failed; the connection to RabbitMQ starts anew")
                self.close()

        return call

    async def answer(self, future: asyncio.Future[T], what: str, *ends: asyncio.Future[str]) -> T | None:
        """Wait for the broker; None when one of ``ends`` came first. Raises BrokerUnavailable."""
        first: list[asyncio.Future[Any]] = [future, self.closed, *ends]
        await asyncio.wait(first, timeout=STEP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        if self.closed.done():
            raise BrokerUnavailable(self.closed.result())
        if any(end.done() for end in ends):
            return None
        raise BrokerUnavailable(f"no answer within {STEP_SECONDS:g} s: {what}")

    async def channel(self) -> Channel:
        """A new channel. Raises BrokerUnavailable."""
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with _translated():
            inner = self._pika.channel(on_open_callback=lambda _: _resolve(opened, None))
        channel = Channel(self, inner)
        await self.answer(opened, "a channel opens")
        return channel

    async def declare(self, queue: str) -> None:
        """Make sure that the queue exists; create it as a durable quorum queue.

        Any further argument would have to be equal for ever, so limits are for the operator's policies. A
        queue that exists otherwise is used as it is. Raises QueueRefused and BrokerUnavailable.
        """
        found = await self._declare(queue, passive=True)
        if found is not None and found[0] != NOT_FOUND:
            raise QueueRefused(queue, found[1])
        made = await self._declare(queue, durable=True, arguments=QUORUM)
        if made is None:
            return
        if made[0] == PRECONDITION_FAILED:
            log.warning(
                "queue %s exists and is not a durable quorum queue; it is used as it is: %s", queue, made[1]
            )
        elif found is not None:
            raise QueueRefused(queue, made[1])  # it is missing, and this user may not create it

    async def _declare(self, queue: str, **how: Any) -> tuple[int, str] | None:
        """None when it worked, else the broker's code and text."""
        channel = await self.channel()
        if await channel.declare(queue, **how) is not None:
            channel.close()
            return None
        return channel.code, channel.closed.result()

    async def count(self, queue: str) -> int:
        """Messages that wait in a queue for a consumer; 0 where it is missing. Raises BrokerUnavailable."""
        channel = await self.channel()
        count = await channel.declare(queue, passive=True)
        channel.close()
        return count or 0

    async def delete(self, queue: str) -> None:
        """Delete a queue with its messages; nothing where there is none. Raises BrokerUnavailable."""
        await (await self.channel()).delete(queue)

    def close(self) -> None:
        if not (self._pika.is_closing or self._pika.is_closed):
            self._pika.close()


class Channel:
    """One channel. After an error of the broker it is closed while the connection lives on."""

    def __init__(self, connection: Connection, inner: Any) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.code = 0  # AMQP's reply code, once closed by the broker
        self._connection, self._inner = connection, inner
        self._frames = Frames(inner.channel_number)
        self._consumers: set[str] = set()
        inner.add_on_close_callback(connection.guarded(self._on_close))

    def _on_close(self, _inner: Any, error: Exception) -> None:
        self.code = getattr(error, "reply_code", 0)
        self._forget(*self._consumers)
        _resolve(self.closed, _reason(error))

    async def _ask(self, call: Callable[..., Any], what: str, *args: Any, **how: Any) -> Any:
        """The method the broker answers with; None when it closed the channel. Raises BrokerUnavailable."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        with _translated():
            call(*args, callback=lambda frame: _resolve(answered, frame.method), **how)
        return await self._connection.answer(answered, what, self.closed)

    async def declare(self, queue: str, **how: Any) -> int | None:
        """How many messages wait; None when the broker refused and closed the channel.

        Raises BrokerUnavailable.
        """
        made = await self._ask(self._inner.queue_declare, f"queue {queue} is declared", queue=queue, **how)
        return made and int(made.message_count)

    async def delete(self, queue: str) -> None:
        """Raises BrokerUnavailable."""
        await self._ask(self._inner.queue_delete, f"queue {queue} is deleted", queue=queue)

    async def confirm(
        self, on_settled: Callable[[int, bool, bool], None], on_returned: Callable[[str, str, str], None]
    ) -> None:
        """Ask for confirms, and hear of messages that reached no queue. Raises BrokerUnavailable.

        ``on_settled(tag, multiple, is_kept)``; ``on_returned(queue, message id, type)``, before its ack.
        """

        def settled(frame: Any) -> None:
            method = frame.method
            on_settled(method.delivery_tag, method.multiple, isinstance(method, pika.spec.Basic.Ack))

        def returned(_inner: Any, method: Any, properties: Any, _body: bytes) -> None:
            on_returned(method.routing_key, properties.message_id, properties.type)

        self._inner.add_on_return_callback(self._connection.guarded(returned))
        if not await self._ask(
            self._inner.confirm_delivery,
            "confirms are on",
            ack_nack_callback=self._connection.guarded(settled),
        ):
            raise BrokerUnavailable(self.closed.result())

    def publish(self, queue: str, body: bytes, message_id: str, kind: str) -> None:
        """Persistent and mandatory, by the default exchange. Raises BrokerUnavailable."""
        properties = pika.BasicProperties(delivery_mode=2, message_id=message_id, type=kind)
        with _translated():
            self._inner.basic_publish("", queue, body, properties, mandatory=True)

    def publish_all(self, messages: Iterable[Message]) -> None:
        """The same for many, by one write, at once. Raises BrokerUnavailable."""
        if not self._inner.is_open:
            raise BrokerUnavailable("the channel is closed")
        with _translated():
            self._inner.connection._output_marshaled_frames([self._frames.of(messages)])
            self._inner.connection.write_now()

    def watch_consumers(self, on_cancel: Callable[[str], None]) -> None:
        """``on_cancel(consumer tag)``: the broker ended a consumer, as it does when its queue is deleted."""
        self._inner.add_on_cancel_callback(
            self._connection.guarded(lambda frame: on_cancel(frame.method.consumer_tag))
        )

    async def consume(self, queue: str, prefetch: int, on_delivery: OnDelivery) -> str | None:
        """Start a consumer and return its tag; None when the broker refused and closed the channel.

        Raises BrokerUnavailable.
        """
        guarded = self._connection.guarded(on_delivery)

        def delivered(_inner: Any, method: Any, properties: Any, body: bytes) -> None:
            guarded(method.delivery_tag, properties.type or "", body)

        if not await self._ask(self._inner.basic_qos, "the prefetch is set", prefetch_count=prefetch):
            return None
        started = await self._ask(self._inner.basic_consume, f"consuming from {queue}", queue, delivered)
        if not started:
            return None
        tag = str(started.consumer_tag)
        if not self.closed.done():
            self._consumers.add(tag)
            self._connection.consumers[tag.encode()] = guarded
        return tag

    async def cancel(self, consumer_tag: str) -> None:
        """End a consumer; its deliveries stay with this channel. Raises BrokerUnavailable."""
        self._forget(consumer_tag)
        await self._ask(self._inner.basic_cancel, "a consumer ends", consumer_tag=consumer_tag)

    def _forget(self, *consumer_tags: str) -> None:
        for tag in consumer_tags:
            self._consumers.discard(tag)
            self._connection.consumers.pop(tag.encode(), None)

    def ack(self, tag: int, *, multiple: bool) -> None:
        """Raises BrokerUnavailable."""
        with _translated():
            self._inner.basic_ack(tag, multiple=multiple)

    def close(self) -> None:
        if self._inner.is_open:
            self._forget(*self._consumers)
            self._inner.close()


def _reason(error: BaseException) -> str:
    """The broker's text, else the innermost cause: pika wraps refusals in several errors."""
    if text := getattr(error, "reply_text", ""):
        return str(text)
    for cause in (getattr(error, "exception", None), *getattr(error, "exceptions", ()), *error.args):
        if isinstance(cause, BaseException):
            return _reason(cause)
    return str(error) or type(error).__name__
