"""A lane: one thread that owns one database connection and runs what the event loop hands it, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from tasks_app.database import OwnSession, open_session
from tasks_app.errors import DatabaseUnavailable, StatementConflict
from worker.board import boottime

T = TypeVar("T")
MOST_CONFLICTS = 5


class Lane:
    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._session: OwnSession | None = None
        self._pending_since = 0.0

    @property
    def pending_seconds(self) -> float:
        """How long the statement that is under way has been so; 0 when none is."""
        return boottime() - self._pending_since if self._pending_since else 0.0

    async def run(self, statement: Callable[..., T], *args: Any, **facts: Any) -> T:
        """Run ``statement(session, ...)`` on the lane's thread. Raises DatabaseUnavailable."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(self._call, statement, args, facts))

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
        self._threads.shutdown(wait=False, cancel_futures=True)
