"""The web process's one sender: a thread with an event loop, started after fork at the first need."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks_app.conf import get_conf
from tasks_app.live import News
from tasks_app.messages import Message
from tasks_app.publisher import Publisher
from tasks_app.redis_client import RedisLink
from tasks_app.wire import TaskEvent

ANSWER_SECONDS = 1.5
APART_SECONDS = 0.005
MOST_APART_SECONDS = 0.02
"""Between two turns of the loop: the more the one before found, the longer. A lone announcement goes at once,
and one by one they come no later than APART_SECONDS."""
MOST_HELD = 256
"""Announcements that wait for the next turn; with more, it comes at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What watchers are told; with ``waiting``, also a task to hand over to the workers."""

    event: TaskEvent
    waiting: Message | None = None
    is_urgent: bool = False


class Inbox:
    """What requests announce, taken to the event loop in turns.

    Each turn costs a wake-up, and the thread that serves requests the interpreter's lock for that long: under
    load several announcements share one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, news: News) -> None:
        self._loop, self._news = loop, news
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._is_due = False
        """A turn will come by itself."""

    def put(self, notices: Sequence[Notice]) -> None:
        """From any thread."""
        with self._lock:
            before = len(self._notices)
            self._notices += notices
            is_first, self._is_due = not self._is_due, True
            is_full = before <= MOST_HELD < len(self._notices)
        if is_first:
            self._loop.call_soon_threadsafe(self._turn)
        elif is_full:
            self._loop.call_soon_threadsafe(self.take)

    def take(self) -> int:
        """On the loop: hand on what waits here; how much that was."""
        with self._lock:
            notices, self._notices = self._notices, []
        for notice in notices:
            self._news.put(notice.event)
            if notice.waiting is not None:
                self._news.hand_over(notice.waiting, is_urgent=notice.is_urgent)
        return len(notices)

    def _turn(self) -> None:
        count = self.take()
        if not count:
            with self._lock:
                self._is_due = bool(self._notices)
            if not self._is_due:
                return
        self._loop.call_later(min(count * APART_SECONDS, MOST_APART_SECONDS), self._turn)


class _Parts(NamedTuple):
    loop: asyncio.AbstractEventLoop
    news: News
    inbox: Inbox


class DeliveryThread:
    """Hands events and messages to the loop. Never blocks a request and never raises into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._thread: threading.Thread | None = None
        self._parts: _Parts | None = None

    def announce_all(self, notices: Sequence[Notice]) -> None:
        """Tell watchers and hand tasks over to the workers."""
        self._started().inbox.put(notices)

    def announce(self, event: TaskEvent, *, waiting: Message | None = None, is_urgent: bool = False) -> None:
        """Tell watchers; with ``waiting``, also hand that task over to the workers."""
        self.announce_all([Notice(event=event, waiting=waiting, is_urgent=is_urgent)])

    def ring(self, queue: str) -> None:
        """Let idle workers look into the table: what waits in this queue may have no message any more."""
        loop, news, _ = self._started()
        loop.call_soon_threadsafe(news.ring, [queue])

    def flush(self, seconds: float) -> None:
        """Before a process ends: wait until what was announced has left, ``seconds`` at most."""
        loop, news, inbox = self._started()

        async def send_all() -> None:
            inbox.take()
            await news.send_all(seconds)

        try:
            asyncio.run_coroutine_threadsafe(send_all(), loop).result(seconds)
        except TimeoutError:
            return  # the workers find the task in the table

    def broker_answers(self) -> bool | None:
        """Whether messages flow; None when no broker is configured. Waits ANSWER_SECONDS at most."""
        loop, news, _ = self._started()
        if news.publisher is None:
            return None
        try:
            return asyncio.run_coroutine_threadsafe(news.publisher.was_tried(), loop).result(ANSWER_SECONDS)
        except TimeoutError:
            return False

    def message_counts(self) -> dict[str, int] | None:
        """Messages of this process that wait, and those that did not travel so far; None without a broker."""
        publisher = self._started().news.publisher
        return publisher.counts() if publisher else None

    def _started(self) -> _Parts:
        with self._lock:
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                ready = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(ready,), name="delivery", daemon=True)
                self._thread.start()
                ready.wait()
                self._pid = os.getpid()
            assert self._parts is not None
            return self._parts

    def _run(self, ready: threading.Event) -> None:
        async def main() -> None:
            conf = get_conf()
            loop = asyncio.get_running_loop()
            link = RedisLink(conf.redis_url) if conf.redis_url else None
            publisher = Publisher(conf.rabbitmq_urls, "taskdeck web") if conf.rabbitmq_urls else None
            news = News(link, publisher, gather_seconds=0.0)  # a request has one event: nothing follows it
            self._parts = _Parts(loop, news, Inbox(loop, news))
            ready.set()
            async with asyncio.TaskGroup() as duties:
                duties.create_task(news.run())
                if publisher:
                    duties.create_task(publisher.run())

        try:
            asyncio.run(main())
        finally:
            ready.set()  # also where it could not start: a request must not wait for it for ever


delivery = DeliveryThread()
