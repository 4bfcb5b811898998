"""The web process's one sender: a thread with an event loop, started after fork at the first need."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from tasks_app.conf import get_conf
from tasks_app.live import News
from tasks_app.messages import Message
from tasks_app.publisher import Publisher
from tasks_app.redis_client import RedisLink
from tasks_app.wire import TaskEvent

ANSWER_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What watchers are told; with ``waiting``, also a task to hand over to the workers."""

    event: TaskEvent
    waiting: Message | None = None
    is_urgent: bool = False


class DeliveryThread:
    """Hands events and messages to the loop. Never blocks a request and never raises into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: News | None = None

    def announce_all(self, notices: Iterable[Notice]) -> None:
        """The same for many, by one step of the loop."""
        loop, news = self._started()

        def hand_over() -> None:
            for notice in notices:
                news.put(notice.event)
                if notice.waiting is not None:
                    news.hand_over(notice.waiting, is_urgent=notice.is_urgent)

        loop.call_soon_threadsafe(hand_over)

    def announce(self, event: TaskEvent, *, waiting: Message | None = None, is_urgent: bool = False) -> None:
        """Tell watchers; with ``waiting``, also hand that task over to the workers."""
        self.announce_all([Notice(event=event, waiting=waiting, is_urgent=is_urgent)])

    def ring(self, queue: str) -> None:
        """Let idle workers look into the table: what waits in this queue may have no message any more."""
        loop, news = self._started()
        loop.call_soon_threadsafe(news.ring, [queue])

    def flush(self, seconds: float) -> None:
        """Before a process ends: wait until what was announced has left, ``seconds`` at most."""
        loop, news = self._started()
        try:
            asyncio.run_coroutine_threadsafe(news.send_all(seconds), loop).result(seconds)
        except TimeoutError:
            return  # the workers find the task in the table

    def broker_answers(self) -> bool | None:
        """Whether messages flow; None when no broker is configured. Waits ANSWER_SECONDS at most."""
        loop, news = self._started()
        if news.publisher is None:
            return None
        try:
            return asyncio.run_coroutine_threadsafe(news.publisher.was_tried(), loop).result(ANSWER_SECONDS)
        except TimeoutError:
            return False

    def message_counts(self) -> dict[str, int] | None:
        """Messages of this process that wait, and those that did not travel so far; None without a broker."""
        _, news = self._started()
        return news.publisher.counts() if news.publisher else None

    def _started(self) -> tuple[asyncio.AbstractEventLoop, News]:
        with self._lock:
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                ready = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(ready,), name="delivery", daemon=True)
                self._thread.start()
                ready.wait()
                self._pid = os.getpid()
            assert self._loop is not None
            assert self._news is not None
            return self._loop, self._news

    def _run(self, ready: threading.Event) -> None:
        async def main() -> None:
            conf = get_conf()
            self._loop = asyncio.get_running_loop()
            link = RedisLink(conf.redis_url) if conf.redis_url else None
            publisher = Publisher(conf.rabbitmq_urls, "taskdeck web") if conf.rabbitmq_urls else None
            self._news = News(link, publisher)
            ready.set()
            async with asyncio.TaskGroup() as duties:
                duties.create_task(self._news.run())
                if publisher:
                    duties.create_task(publisher.run())

        asyncio.run(main())


delivery = DeliveryThread()
