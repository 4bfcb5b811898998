"""The publisher: messages of waiting tasks, confirmed by RabbitMQ, sent again until they are.

Best effort on purpose: a message that is dropped here only costs time, because workers look into the
database by themselves.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import logging
from collections.abc import Sequence

from tasks_app.broker import Channel, Connection
from tasks_app.errors import BrokerUnavailable, QueueRefused
from tasks_app.hosts import Hosts
from tasks_app.messages import Message, broker_queue, fits

log = logging.getLogger("taskdeck.publisher")
MOST_WAITING = 50_000
MOST_UNCONFIRMED = 4_096
MOST_AT_ONCE = 256  # between two turns of the event loop
AGAIN_SECONDS = 0.5  # after the last nack
REFUSED_SECONDS = 60.0
SLOW_SECONDS = 1.0  # without a confirm: the doorbell rings as well
STUCK_SECONDS = 10.0
"""Without a confirm, the connection starts anew.

A quorum queue without a leader loses what it is given. And a channel that opened before a new leader was
known asks the dead one's node (RabbitMQ 3.10): it refuses every message for as long as it lives.
"""


class Publisher:
    """Lives on one event loop; ``run`` keeps the connection. No call blocks and none raises."""

    def __init__(self, urls: Sequence[str], name: str) -> None:
        self._hosts, self._name = Hosts(urls), name
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._waiting: collections.deque[Message] = collections.deque()
        self._unconfirmed: dict[int, Message] = {}  # by delivery tag, in order
        self._tag = 0
        self._moved_at = 0.0  # when a confirm came last, or the first unconfirmed message went
        self._declared: set[str] = set()
        self._refused: dict[str, float] = {}  # queue: until when
        self._pause: asyncio.TimerHandle | None = None
        self._is_probing = False  # nacked, and nothing sent since was kept: one message at a time asks again
        self._nacked_at = 0  # the newest delivery tag sent when the last nack came
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()
        self.confirmed = self.dropped = self.nacked = self.returned = 0

    # What others see

    @property
    def is_ready(self) -> bool:
        """Messages flow: connected, not blocked by an alarm, not refused, and confirms do not lag."""
        if self._connection is None or not self._connection.unblocked.is_set():
            return False
        return not (self._is_probing or self._lags(SLOW_SECONDS))

    @property
    def is_empty(self) -> bool:
        return not self._waiting and not self._unconfirmed

    def counts(self) -> dict[str, int]:
        """For operators: what waits here now; what was dropped and refused by the broker so far."""
        return {
            "waiting": len(self._waiting) + len(self._unconfirmed),
            "dropped": self.dropped,
            "nacked": self.nacked,
        }

    @property
    def unconfirmed(self) -> int:
        """Messages on their way that the broker has not promised to keep."""
        return len(self._unconfirmed)

    def _lags(self, seconds: float) -> bool:
        """Whether messages are under way or refused, and none was confirmed for so long."""
        is_waiting = bool(self._unconfirmed) or self._is_probing
        return is_waiting and self._loop.time() - self._moved_at > seconds

    async def was_tried(self) -> bool:
        """Whether messages flow, once the first attempt to connect has ended; it waits a second at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._tried.wait()
        return self.is_ready

    def publish(self, message: Message) -> bool:
        """Take a message on. False: it will not travel at once, so wake the workers in another way."""
        if len(self._waiting) + len(self._unconfirmed) >= MOST_WAITING:
            self.dropped += 1
            return False
        if self._is_refused(message.queue) or not fits(message.queue, message.function):
            return False
        self._waiting.append(message)
        self._wake.set()
        return self.is_ready

    async def flush(self, seconds: float) -> None:
        """Wait until everything is confirmed, if messages flow at all."""
        deadline = self._loop.time() + seconds
        while self.is_ready and not self.is_empty and self._loop.time() < deadline:
            await asyncio.sleep(0.01)

    # The connection

    async def run(self) -> None:
        while True:
            try:
                await self._serve(self._hosts.next_url())
            except BrokerUnavailable as error:
                if self._hosts.failures < 2 or self._hosts.failures % 20 == 0:
                    log.warning("messages wait, RabbitMQ is away: %s", error)
            self._tried.set()
            await asyncio.sleep(self._hosts.pause_seconds())

    async def _serve(self, url: str) -> None:
        """Connect and publish until the connection or its channel ends. Raises BrokerUnavailable."""
        connection = await Connection.open(url, self._name)
        try:
            channel = await connection.channel()
            await channel.confirm(self._settled, self._returned)
            channel.closed.add_done_callback(lambda _: self._wake.set())
            self._connection, self._tag, self._nacked_at = connection, 0, 0
            self._declared.clear()
            self._refused.clear()
            self._is_probing = False
            self._hosts.worked()
            self._tried.set()
            self._wake.set()
            while not channel.closed.done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STUCK_SECONDS / 2):
                        await self._wake.wait()
                self._wake.clear()
                if connection.unblocked.is_set() and self._lags(STUCK_SECONDS):
                    raise BrokerUnavailable(f"no confirm within {STUCK_SECONDS:g} s")
                while self._may_publish(channel):
                    await connection.unblocked.wait()
                    await self._declare(connection)
                    self._pour(channel)
                    await asyncio.sleep(0)
            raise BrokerUnavailable(channel.closed.result())
        finally:
            self._connection = None
            self._waiting.extendleft(reversed(self._unconfirmed.values()))
            self._unconfirmed.clear()
            connection.close()

    def _may_publish(self, channel: Channel) -> bool:
        return (
            bool(self._waiting)
            and len(self._unconfirmed) < self._window
            and self._pause is None
            and not channel.closed.done()
        )

    @property
    def _window(self) -> int:
        return 1 if self._is_probing else MOST_UNCONFIRMED

    async def _declare(self, connection: Connection) -> None:
        """Before a queue's first message; what goes to a refused queue is left to the direct claim."""
        queues = {message.queue for message in itertools.islice(self._waiting, MOST_AT_ONCE)}
        for queue in queues - self._declared:
            if not self._is_refused(queue):
                try:
                    await connection.declare(broker_queue(queue))
                    self._declared.add(queue)
                except QueueRefused as error:
                    log.error("%s; its tasks are claimed from the database", error)
                    self._refused[queue] = self._loop.time() + REFUSED_SECONDS

    def _is_refused(self, queue: str) -> bool:
        return self._refused.get(queue, 0.0) > self._loop.time()

    def _pour(self, channel: Channel) -> None:
        room = min(MOST_AT_ONCE, len(self._waiting), self._window - len(self._unconfirmed))
        if not (self._unconfirmed or self._is_probing):
            self._moved_at = self._loop.time()
        messages = []
        for _ in range(room):
            message = self._waiting[0]
            if message.queue in self._declared:
                messages.append(message)
                self._tag += 1
                self._unconfirmed[self._tag] = message
            elif self._is_refused(message.queue):
                self.dropped += 1
            else:
                break  # its turn to be declared comes first
            self._waiting.popleft()
        if messages:
            channel.publish_all(messages)

    # What the broker answers

    def _settled(self, tag: int, multiple: bool, is_kept: bool) -> None:
        tags = [tag]
        if multiple:
            tags = list(itertools.takewhile(lambda one: one <= tag or not tag, self._unconfirmed))
        messages = [self._unconfirmed.pop(one) for one in tags if one in self._unconfirmed]
        if is_kept:
            self._moved_at = self._loop.time()
            self.confirmed += len(messages)
            if max(tags, default=0) > self._nacked_at:  # a late ack of older ones says nothing of room now
                self._is_probing = False
        else:
            self.nacked += len(messages)
            self._waiting.extend(messages)  # behind those of other queues, which may be taken
            self._is_probing, self._nacked_at = True, self._tag
            self._rest()
        self._wake.set()

    def _rest(self) -> None:
        """Nacks come in rows: each further one begins the pause anew."""
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._loop.call_later(AGAIN_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._wake.set()

    def _returned(self, name: str, message_id: str, function: str) -> None:
        """The queue is gone. The ack of this very message still comes, so publish it as a new one."""
        queue = name.removeprefix(broker_queue(""))
        self.returned += 1
        self._declared.discard(queue)
        self._waiting.append(Message(message_id, queue, function))
        self._wake.set()
