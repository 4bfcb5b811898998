"""Events for watchers: built once, coalesced by task, sent one group message at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, cast

from tasks_app.errors import RedisUnavailable
from tasks_app.functions import registry
from tasks_app.messages import Message
from tasks_app.outbox import merge
from tasks_app.publisher import Publisher
from tasks_app.redis_client import RedisLink
from tasks_app.states import State
from tasks_app.transitions import Changed
from tasks_app.watchers import sender_to_watchers
from tasks_app.wire import EVENTS, GroupMessage, Offer, TaskEvent

log = logging.getLogger("taskdeck.news")
MOST_EVENTS = 500
MOST_WAITING = 20_000
APART_SECONDS = 0.1
"""Between two messages to the watchers' group, for what happens meanwhile; a page hears four in a second."""
GATHER_SECONDS = 0.005
"""After a lone event of a worker: the hand-over and the end of a short task share its message."""


def event_of(changed: Changed, **facts: Any) -> TaskEvent:
    """The notice of one transition; ``facts`` are further keys of TaskEvent."""
    event = {
        "id": changed.id,
        "owner_id": changed.owner_id,
        "revision": changed.revision,
        "state": changed.state.value,
        "attempt": changed.attempt,
        "function": registry.slug_of(changed.function),
        "queue": changed.queue,
        **({"batch": changed.batch} if changed.batch else {}),
        **facts,
    }
    return cast(TaskEvent, event)


class News:
    """The one sender of a process: events, messages and doorbells, on its event loop.

    News is best effort: what cannot be sent is counted and forgotten. The pages heal by refetching, the
    workers by looking into the database.
    """

    def __init__(
        self, link: RedisLink | None, publisher: Publisher | None, *, gather_seconds: float = GATHER_SECONDS
    ) -> None:
        self.link, self.publisher = link, publisher
        self._gather_seconds = gather_seconds
        self.lost = 0
        self._tell_watchers = sender_to_watchers(link)
        self._events: dict[str, TaskEvent] = {}
        self._bells: set[str] = set()
        self._offers: list[Offer] = []
        self._rest: asyncio.TimerHandle | None = None
        self._is_due = False  # the events that wait; else a timer runs where any waits
        self._wake = asyncio.Event()

    def put(self, event: TaskEvent) -> None:
        """Merge into what waits for the same task; threads may tell in another order than they wrote in."""
        waiting = self._events.get(event["id"])
        if waiting is not None:
            self._events[event["id"]] = cast(TaskEvent, merge({**waiting}, {**event}))
        elif len(self._events) < MOST_WAITING:
            self._events[event["id"]] = cast(TaskEvent, dict(event))
        else:
            self.lost += 1
        if self._rest is None and not self._is_due:
            self._rest = asyncio.get_running_loop().call_later(self._gather_seconds, self._rested)

    def hand_over(self, message: Message, *, is_urgent: bool = False) -> None:
        """A task waits: publish its message; ring the doorbell where no message travels at once.

        ``is_urgent``: ring as well, because a message waits its turn behind those of lower priority.
        """
        is_under_way = self.publisher is not None and self.publisher.publish(message)
        if is_urgent or not is_under_way:
            self.ring([message.queue])

    def ring(self, queues: Iterable[str]) -> None:
        """Tasks without a message of their own may be claimed from these queues."""
        self._bells.update(queues)
        self._wake.set()

    def offer(self, offer: Offer) -> None:
        """Other workers may start what this one holds messages of."""
        self._offers.append(offer)
        self._wake.set()

    def tell(self, changed: Iterable[Changed]) -> None:
        """What a transition made of rows: watchers hear of it, and those that wait are handed over."""
        for row in changed:
            self.put(event_of(row))
            if row.state == State.QUEUED:
                self.hand_over(Message(row.id, row.queue, row.function))

    @property
    def is_idle(self) -> bool:
        return not (self._events or self._bells or self._offers)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._bells or self._offers or self._is_due:
                await self._ring()
                if self._is_due:
                    await self._send_events()

    async def send_all(self, seconds: float) -> None:
        """At the end: send what waits, the messages for as long as they flow."""
        while not self.is_idle:
            await self._ring()
            await self._send_events()
        if self.publisher:
            await self.publisher.flush(seconds)

    def _rested(self) -> None:
        self._rest = None
        if self._events:
            self._is_due = True
            self._wake.set()

    async def _ring(self) -> None:
        bells, self._bells = self._bells, set()
        offers, self._offers = self._offers, []
        if self.link is None:
            return
        try:
            if bells:
                await self.link.ring(sorted(bells))
            for offer in offers:
                await self.link.offer(offer)
        except RedisUnavailable:
            self.lost += 1

    async def _send_events(self) -> None:
        ids = list(self._events)[:MOST_EVENTS]
        events = [self._events.pop(task_id) for task_id in ids]
        self._is_due = len(self._events) >= MOST_EVENTS
        if self._rest is None and not self._is_due:
            self._rest = asyncio.get_running_loop().call_later(APART_SECONDS, self._rested)
        if not events or self._tell_watchers is None:
            return
        message: GroupMessage = {"type": EVENTS, "events": events}
        try:
            async with asyncio.timeout(5):
                await self._tell_watchers(message)
        except Exception as error:  # every kind of failing news is counted, none may reach a task
            self.lost += len(events)
            log.debug("%d events were not sent: %r", len(events), error)
