"""A lane: one thread that owns one database connection and runs what the event loop hands it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tasks_app.database import OwnSession, open_session
from tasks_app.errors import DatabaseUnavailable, StatementConflict
from worker.board import boottime

T = TypeVar("T")
Call = Callable[[], None]
MOST_CONFLICTS = 5


class Lane:
    """Not an executor of concurrent.futures, which takes twice as long to hand over and back."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._session: OwnSession | None = None
        self._pending_since = 0.0

    @property
    def pending_seconds(self) -> float:
        """How long the statement that is under way has been so; 0 when none is."""
        since = self._pending_since  # read once: the lane's thread clears it at any moment
        return boottime() - since if since else 0.0

    async def run(self, statement: Callable[..., T], *args: Any, **facts: Any) -> T:
        """Run ``statement(session, ...)`` on the lane's thread. Raises DatabaseUnavailable."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def call() -> None:
            try:
                found = self._call(statement, args, facts)
            except BaseException as error:  # whoever waits for it raises it
                _tell(loop, _fail, answer, error)
            else:
                _tell(loop, _resolve, answer, found)

        if not self.thread.is_alive():
            self.thread.start()
        self._calls.put(call)
        return await answer

    def _serve(self) -> None:
        while call := self._calls.get():
            call()

    def _call(self, statement: Callable[..., T], args: tuple[Any, ...], facts: dict[str, Any]) -> T:
        self._pending_since = boottime()
        try:
            return self._try(statement, args, facts)
        finally:
            self._pending_since = 0.0

    def _try(self, statement: Callable[..., T], args: tuple[Any, ...], facts: dict[str, Any]) -> T:
        for _ in range(MOST_CONFLICTS):
            if self._session is None:
                self._session = open_session()
            try:
                return statement(self._session, *args, **facts)
            except StatementConflict:
                continue
            except DatabaseUnavailable:
                self._session.close()
                self._session = None
                raise
        raise DatabaseUnavailable(f"{MOST_CONFLICTS} conflicts with other transactions in a row")

    def close(self) -> None:
        """End the thread behind what it was given."""
        self._calls.put(None)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        loop.call_soon_threadsafe(callback, *args)


def _resolve(answer: asyncio.Future[T], found: T) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
