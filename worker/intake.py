"""The intake: receives messages from RabbitMQ and settles them. Claiming is not its business.

A delivery is acknowledged after the claim has committed, won or lost. Where anything goes wrong the
deliveries go back to the broker by themselves, and a second delivery of a claimed task loses its claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from tasks_app.broker import Channel, Connection
from tasks_app.errors import BrokerUnavailable, QueueRefused
from tasks_app.hosts import Hosts
from tasks_app.messages import MalformedMessage, broker_queue, decode, fits
from worker.deliveries import Deliveries, Delivery

log = logging.getLogger("taskdeck.intake")
SETTLED_SECONDS = 1.0  # a new prefetch is kept at least this long
TRY_AGAIN_SECONDS = 30.0  # a queue that was refused
LOOK_SECONDS = 10.0  # whether consumers that hear nothing are alive
HOARDED_SECONDS = 0.05  # messages that wait here meanwhile, and none is taken, could start elsewhere


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries taken for one claim, bound to the channel that they must be settled on."""

    channel: Channel
    deliveries: Deliveries
    taken: list[Delivery]


class Intake:
    """``functions`` are those this worker knows; ``prefetch`` is asked for again and again."""

    def __init__(
        self,
        urls: Sequence[str],
        name: str,
        queues: Sequence[str],
        functions: Collection[str],
        *,
        prefetch: Callable[[], int],
        on_delivery: Callable[[], None],
    ) -> None:
        self._hosts, self._name = Hosts(urls), name
        self._queues = [queue for queue in queues if fits(queue)]
        self._functions = frozenset(functions)
        self._prefetch, self._on_delivery = prefetch, on_delivery
        self._loop = asyncio.get_running_loop()
        self._channel: Channel | None = None
        self._deliveries = Deliveries()
        self._consumers: dict[str, str] = {}  # queue: consumer tag
        self._refused_until: dict[str, float] = {}
        self._prefetched, self._prefetched_at = 0, 0.0
        self._seen = 0
        self._moved_at = 0.0  # when a message was taken last, was about to be, or came to wait alone
        self._wake = asyncio.Event()
        self._is_stopped = self._is_quiet = False
        self.malformed = self.unknown = 0

    # For the claims

    @property
    def is_consuming(self) -> bool:
        """Messages can come: every queue has its consumer."""
        return bool(self._consumers) and len(self._consumers) == len(self._queues)

    @property
    def has_waiting(self) -> bool:
        return bool(self._deliveries)

    def counts(self) -> dict[str, int]:
        """Deliveries that were dropped so far."""
        return {"malformed": self.malformed, "unknown": self.unknown}

    def waiting_functions(self) -> Set[str]:
        return self._deliveries.functions()

    def take(self, limit: int, functions: Collection[str]) -> Batch | None:
        """What to claim next, at most ``limit``; it must be settled or put back."""
        if self._channel is None or not (taken := self._deliveries.take(limit, functions)):
            return None
        self._moved_at = self._loop.time()
        return Batch(self._channel, self._deliveries, taken)

    def hoarded(self) -> Mapping[str, int]:
        """How many messages wait for room that this worker has not, by queue; each counts once.

        They stay here: other workers are offered the rows, and whoever comes too late loses the claim.
        """
        return self._deliveries.offer() if self.hoarded_seconds() == 0 else {}

    def keep(self) -> None:
        """What waits is about to be taken: it is not looked at again until it has had time for that."""
        if self.hoarded_seconds() == 0:
            self._moved_at = self._loop.time()

    def hoarded_seconds(self) -> float:
        """Until ``hoarded`` may name any; infinite while none waits that was not counted."""
        if not self._deliveries.has_unoffered:
            return math.inf
        return max(0.0, self._moved_at + HOARDED_SECONDS - self._loop.time())

    def settle(self, batch: Batch) -> None:
        """The claim has committed."""
        self._settle(batch.channel, batch.deliveries, [delivery.tag for delivery in batch.taken])

    def put_back(self, batch: Batch) -> None:
        """The claim's end is unknown: it is tried again, or the channel's end gives the deliveries back."""
        batch.deliveries.put_back(batch.taken)

    def _settle(self, channel: Channel, deliveries: Deliveries, tags: list[int]) -> None:
        if channel.closed.done():
            return  # the broker has them again
        with contextlib.suppress(BrokerUnavailable):  # it closed this very moment: likewise
            for tag, multiple in deliveries.settle(tags):
                channel.ack(tag, multiple=multiple)

    def adjust(self) -> None:
        """Look whether the run times ask for another prefetch: by a factor of two at least."""
        is_settled = self._loop.time() - self._prefetched_at > SETTLED_SECONDS
        if is_settled and self._is_other(self._prefetch()):
            self._wake.set()

    def quiet(self, is_quiet: bool) -> None:
        """Leave the messages to others, or consume again; what was not claimed goes back to the broker."""
        self._is_quiet = is_quiet
        self._wake.set()

    def stop(self) -> None:
        """Take nothing more; what was not claimed goes back to the broker."""
        self._is_stopped = True
        self._wake.set()

    # The connection

    async def run(self) -> None:
        while not self._is_stopped:
            try:
                connection = await Connection.open(self._hosts.next_url(), self._name)
                try:
                    while not self._is_stopped:
                        await (self._news() if self._is_quiet else self._consume(connection))
                        if connection.closed.done():
                            raise BrokerUnavailable(connection.closed.result())
                finally:
                    connection.close()
            except BrokerUnavailable as error:
                if self._hosts.failures < 2 or self._hosts.failures % 20 == 0:
                    log.warning("no messages, RabbitMQ is away: %s", error)
            if not self._is_stopped:
                await asyncio.sleep(self._hosts.pause_seconds())

    async def _consume(self, connection: Connection) -> None:
        """Live with one channel until it ends. Raises BrokerUnavailable when the connection has to go."""
        channel = await connection.channel()
        deliveries = Deliveries()
        channel.closed.add_done_callback(lambda _: self._wake.set())
        channel.watch_consumers(self._cancelled)
        self._channel, self._deliveries = channel, deliveries
        self._refused_until.clear()
        try:
            while not (channel.closed.done() or self._is_stopped or self._is_quiet):
                await self._keep_consumers(connection, channel, deliveries)
                if not await self._news() and await self._is_deaf(connection, deliveries):
                    log.warning("messages wait in RabbitMQ and none comes; the intake's channel opens anew")
                    channel.close()
                    await connection.answer(channel.closed, "a channel closes")
        finally:
            self._channel, self._deliveries = None, Deliveries()
            self._consumers.clear()
        if self._is_quiet:
            channel.close()
            return
        await asyncio.sleep(0)  # where the connection has ended, its own callback comes after the channel's
        if not self._is_stopped and not connection.closed.done():
            log.warning("RabbitMQ closed the intake's channel (%s); a new one opens", channel.closed.result())
            await asyncio.sleep(self._hosts.pause_seconds())

    async def _news(self) -> bool:
        """Wait for something to do here; False after LOOK_SECONDS."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _is_deaf(self, connection: Connection, deliveries: Deliveries) -> bool:
        """Nothing came and nothing is held since the last look, and still messages wait: a dead consumer."""
        was, self._seen = self._seen, deliveries.came_in_all
        if deliveries.is_holding or was != self._seen:
            return False
        waiting = [await connection.count(broker_queue(queue)) for queue in list(self._consumers)]
        return any(waiting) and deliveries.came_in_all == self._seen

    async def _keep_consumers(self, connection: Connection, channel: Channel, deliveries: Deliveries) -> None:
        """Give each queue its consumer, all of them anew when the prefetch has changed."""
        wanted = self._prefetch()
        if self._consumers and self._is_other(wanted):
            for queue, consumer in list(self._consumers.items()):
                await channel.cancel(consumer)
                self._consumers.pop(queue, None)
        if not self._consumers:
            self._prefetched, self._prefetched_at = wanted, self._loop.time()
        for queue in self._queues:
            if queue not in self._consumers and self._refused_until.get(queue, 0.0) < self._loop.time():
                await self._start(connection, channel, deliveries, queue)
        if self.is_consuming:
            self._hosts.worked()

    def _is_other(self, wanted: int) -> bool:
        return wanted >= 2 * self._prefetched or 2 * wanted <= self._prefetched

    async def _start(
        self, connection: Connection, channel: Channel, deliveries: Deliveries, queue: str
    ) -> None:
        name = broker_queue(queue)
        try:
            await connection.declare(name)
        except QueueRefused as error:
            log.error("%s; its tasks are claimed from the database", error)
            self._refused_until[queue] = self._loop.time() + TRY_AGAIN_SECONDS
            return
        consumer = await channel.consume(
            name,
            self._prefetched,
            lambda tag, function, body: self._delivered(channel, deliveries, queue, tag, function, body),
        )
        if consumer is not None:
            self._consumers[queue] = consumer

    def _cancelled(self, consumer: str) -> None:
        gone = [queue for queue, tag in self._consumers.items() if tag == consumer]
        for queue in gone:
            log.warning("RabbitMQ ended the consumer of queue %s; it is made again", broker_queue(queue))
            del self._consumers[queue]
        self._wake.set()

    def _delivered(
        self,
        channel: Channel,
        deliveries: Deliveries,
        queue: str,
        tag: int,
        function: str,
        body: bytes,
    ) -> None:
        deliveries.came(tag)
        try:
            task_id = decode(body)
        except MalformedMessage as error:
            self.malformed += 1
            self._say_sometimes(
                self.malformed, "a foreign message was dropped from queue %s: %s", queue, error
            )
            self._settle(channel, deliveries, [tag])
            return
        if function not in self._functions:
            self.unknown += 1
            self._say_sometimes(
                self.unknown,
                "queue %s brought a task of %r, which this worker does not know",
                queue,
                function,
            )
            self._settle(channel, deliveries, [tag])  # the row stays; a worker that knows it will claim it
            return
        if not deliveries:
            self._moved_at = self._loop.time()
        deliveries.put(Delivery(tag, queue, function, task_id))
        self._on_delivery()

    def _say_sometimes(self, count: int, text: str, *facts: object) -> None:
        """At the 1st, 10th, 100th... time."""
        if str(count).strip("0") == "1":
            log.warning(text + " (%d so far)", *facts, count)
