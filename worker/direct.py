"""The direct claim: straight from the table, in order of priority and age, never more than can start soon."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tasks_app.functions import registry
from tasks_app.live import News
from worker.board import boottime
from worker.lanes import Lane
from worker.lease import Lease
from worker.options import WorkerOptions
from worker.pool import Pool

log = logging.getLogger("taskdeck.worker")
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 5.0
OLDEST_EVERY_SECONDS = 3.0
ANY_EVERY_SECONDS = (
    0.25  # under full load one executor runs dry this often, so that long functions get their turn
)
RECONCILE_EVERY_SECONDS = 1.0


class DirectClaim:
    def __init__(
        self, worker_id: str, options: WorkerOptions, lane: Lane, lease: Lease, pool: Pool, news: News
    ) -> None:
        self._worker_id, self._options, self._lane = worker_id, options, lane
        self._lease, self._pool, self._news = lease, pool, news
        self._functions = [function.path for function in registry]
        self._wake = asyncio.Event()
        self._is_hungry = False  # the last look for any work found none
        self._any_at = self._oldest_at = self._reconcile_at = boottime()
        self._turn = 0
        self.is_stopped = False

    def ring(self, queues: set[str] | None = None) -> None:
        """There may be work."""
        if queues is None or queues.intersection(self._options.queues):
            self._is_hungry = False
            self._wake.set()

    def room(self) -> None:
        """An executor has room."""
        if not self._is_hungry:
            self._wake.set()

    async def run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self.is_stopped:
            self._wake.clear()
            try:
                found = await self._claim() if self._lease.is_fresh else 0
                await self._reconcile()
            except DatabaseUnavailable as error:
                log.error("claims wait for the database: %s", error)
                found = 0
                self._is_hungry = True
            if found:
                pause = FIRST_PAUSE_SECONDS
                continue
            wait = (
                min(pause, RECONCILE_EVERY_SECONDS)
                if self._pool.is_busy
                else pause * random.uniform(0.8, 1.2)
            )
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
                pause = FIRST_PAUSE_SECONDS
            except TimeoutError:
                self._is_hungry = False
                pause = min(pause * 1.5, LAST_PAUSE_SECONDS)

    async def _claim(self) -> int:
        now = boottime()
        if idle := self._pool.idle():
            self._any_at = now
            oldest = now - self._oldest_at > OLDEST_EVERY_SECONDS
            if oldest:
                self._oldest_at = now
            found = await self._take(self._functions, 1 if oldest else idle, oldest=oldest)
            self._is_hungry = not found
            return found
        if now - self._any_at > ANY_EVERY_SECONDS:
            return 0
        room = self._pool.room_ahead()
        return await self._take(self._pool.times.short(), room) if room else 0

    async def _take(self, functions: Sequence[str], limit: int, *, oldest: bool = False) -> int:
        """Claim over this worker's queues, each getting its turn to be the first."""
        self._turn += 1
        queues = self._options.queues
        found = 0
        for offset in range(len(queues)):
            if found >= limit or self.is_stopped:
                break
            claimed = await self._lane.run(
                transitions.claim,
                worker_id=self._worker_id,
                node=self._options.node,
                queue=queues[(self._turn + offset) % len(queues)],
                functions=functions,
                limit=limit - found,
                oldest=oldest,
            )
            found += len(claimed)
            if claimed:
                self._tell(claimed)
                self._pool.take(claimed)
        return found

    def _tell(self, claimed: list[transitions.Claimed]) -> None:
        at = datetime.now(UTC).isoformat()
        for task in claimed:
            self._news.put(
                {
                    "id": task.id,
                    "owner_id": task.owner_id,
                    "revision": task.revision,
                    "state": "running",
                    "attempt": task.attempt,
                    "function": registry.slug_of(task.function),
                    "queue": task.queue,
                    "worker": self._options.node,
                    "started_at": at,
                }
            )

    async def _reconcile(self) -> None:
        """R1: what the table says I run and I never knew goes back. Here, because no claim is in flight."""
        now = boottime()
        if now - self._reconcile_at < RECONCILE_EVERY_SECONDS or not self._lease.is_fresh:
            return
        self._reconcile_at = now
        before = set(self._pool.known)
        rows = await self._lane.run(transitions.held, worker_id=self._worker_id)
        unknown = rows.keys() - before - self._pool.known
        if unknown:
            log.warning("%d tasks were claimed without my knowing; they go back", len(unknown))
            await self._lane.run(transitions.release_lost, worker_id=self._worker_id, held=sorted(unknown))
        for key, cancel_requested in rows.items():
            if cancel_requested:
                self._pool.cancel(key)
