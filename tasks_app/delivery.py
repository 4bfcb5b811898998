"""The web process's one sender: a thread with an event loop, started after fork at the first need."""

from __future__ import annotations

import asyncio
import os
import threading

from tasks_app.conf import get_conf
from tasks_app.live import News
from tasks_app.redis_client import RedisLink
from tasks_app.wire import TaskEvent


class DeliveryThread:
    """Hands events and doorbells to the loop. Never blocks a request and never raises into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: News | None = None

    def announce(self, event: TaskEvent, *, queue: str | None = None) -> None:
        """Tell watchers; with ``queue``, also ring the workers of that queue."""
        loop, news = self._started()

        def hand_over() -> None:
            news.put(event)
            if queue is not None:
                news.ring(queue)

        loop.call_soon_threadsafe(hand_over)

    def _started(self) -> tuple[asyncio.AbstractEventLoop, News]:
        with self._lock:
            if self._loop is None or self._news is None or self._pid != os.getpid():
                ready = threading.Event()
                threading.Thread(target=self._run, args=(ready,), name="delivery", daemon=True).start()
                ready.wait()
                self._pid = os.getpid()
            assert self._loop is not None
            assert self._news is not None
            return self._loop, self._news

    def _run(self, ready: threading.Event) -> None:
        async def main() -> None:
            url = get_conf().redis_url
            self._loop = asyncio.get_running_loop()
            self._news = News(RedisLink(url) if url else None)
            ready.set()
            await self._news.run()

        asyncio.run(main())


delivery = DeliveryThread()
