"""The one loop that claims: by message, straight from the table, and between the two it reconciles.

Never more than can start soon: any task for a free executor, short ones ahead of the busy executors.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tasks_app.functions import registry
from tasks_app.live import News
from tasks_app.transitions import Claimed
from worker.board import boottime
from worker.direct import DirectPace
from worker.intake import Batch, Intake
from worker.lanes import Lane
from worker.lease import Lease
from worker.options import WorkerOptions
from worker.pool import Pool
from worker.reconcile import Reconcile

log = logging.getLogger("taskdeck.worker")
# Under full load one executor runs dry this often, so that long functions get their turn.
ANY_EVERY_SECONDS = 0.25
MIXED_SECONDS = 60.0  # a queue that showed a priority counts as mixed for so long
STALE_WAIT_SECONDS = 0.25
BUSY_WAIT_SECONDS = 1.0
AGAIN_SECONDS = 0.5


class Claims:
    """``by_message`` and ``direct`` count claimed tasks. ``intake`` is set where a broker is configured."""

    intake: Intake | None = None

    def __init__(
        self, worker_id: str, options: WorkerOptions, lane: Lane, lease: Lease, pool: Pool, news: News
    ) -> None:
        self._worker_id, self._options, self._lane = worker_id, options, lane
        self._lease, self._pool, self._news = lease, pool, news
        self._functions = [function.path for function in registry]
        self._reconcile = Reconcile(worker_id, lane, lease, pool, news)
        self._pace = DirectPace(options.direct_claim_seconds, boottime())
        self._wake = asyncio.Event()
        self._is_rung = False  # the table may hold better than what the messages name
        self._mixed_until: dict[str, float] = {}  # by queue
        self._any_at = boottime()
        self._turn = 0
        self.by_message = self.direct = 0
        self.is_stopped = self.is_quiet = False
        self._ended = asyncio.Event()

    def counts(self) -> dict[str, int]:
        """For the worker's row."""
        return {"claims_by_message": self.by_message, "claims_direct": self.direct}

    def quiet(self, is_quiet: bool) -> None:
        """Claim nothing until further notice, or go on; what runs goes on in any case."""
        if is_quiet != self.is_quiet:
            log.warning("this worker is quiet: it claims nothing" if is_quiet else "this worker claims again")
            self.is_quiet = is_quiet
            if self.intake:
                self.intake.quiet(is_quiet)
            self._wake.set()

    async def stop(self) -> None:
        """Claim nothing more; returns when the claim in flight is settled and the rest goes back."""
        self.is_stopped = True
        self._wake.set()
        await self._ended.wait()
        if self.intake:
            self.intake.stop()

    # News from elsewhere

    def ring(self, queues: set[str] | None = None) -> None:
        """There may be work in the table."""
        if queues is None or queues.intersection(self._options.queues):
            self._pace.ring()
            self._is_rung = True
            self._wake.set()

    def delivered(self) -> None:
        """A message came."""
        self._wake.set()

    def room(self) -> None:
        """An executor has room."""
        if (self.intake and self.intake.has_waiting) or self._pace.is_due(boottime()):
            self._wake.set()

    # The loop

    async def run(self) -> None:
        if self.intake:
            self._pace.expect_messages(boottime())
        while not self.is_stopped:
            self._wake.clear()
            try:
                found = await self._claim() if self._lease.is_fresh and not self.is_quiet else 0
                await self._reconcile.turn()
            except DatabaseUnavailable as error:
                log.error("claims wait for the database: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if not found:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._wait_seconds()):
                        await self._wake.wait()
        self._ended.set()

    def _wait_seconds(self) -> float:
        if not self._lease.is_fresh:
            return STALE_WAIT_SECONDS
        if self.is_quiet:
            return BUSY_WAIT_SECONDS
        wait = self._pace.wait_seconds(boottime()) if self._pool.idle() else BUSY_WAIT_SECONDS
        return min(wait, BUSY_WAIT_SECONDS) if self._pool.is_busy else wait

    async def _claim(self) -> int:
        """One step: the table's share, else short functions in batches, else any for a free executor."""
        now = boottime()
        idle = self._pool.idle()
        if idle and self._is_consuming and self._pace.is_share_due(now):
            found = await self._from_table(self._functions, 1, oldest=self._pace.share(now))
            if found:
                return found
        short = self._pool.times.short()
        room = 0 if self._must_run_dry(now, short) else self._pool.room_ahead()
        if room and (found := await self._some(now, short, room)):
            return found
        if not idle:
            return 0
        self._any_at = now
        return await self._some(now, self._functions, idle, is_any=True)

    async def _some(self, now: float, functions: Sequence[str], room: int, *, is_any: bool = False) -> int:
        """What a doorbell is about, else what messages name, else the table when its time has come."""
        if self._is_rung:
            self._is_rung = not is_any
            if found := await self._from_table(functions, room):
                return found
        if self.intake and self.intake.has_waiting:
            self.intake.adjust()
            if batch := self.intake.take(room, functions):
                self._pace.postpone(now)
                return await self._by_message(self.intake, batch, functions)
        if not self._pace.is_due(now):
            return 0
        if not is_any:
            return await self._from_table(functions, room)
        found = await self._direct(now, room)
        self._pace.looked(now, found)
        return found

    @property
    def _is_consuming(self) -> bool:
        return self.intake is not None and self.intake.is_consuming

    def _must_run_dry(self, now: float, short: Sequence[str]) -> bool:
        """Whether to let one executor become free for a task that may be long, or for the table's share."""
        if self.intake is None or not self._is_consuming:
            return now - self._any_at > ANY_EVERY_SECONDS
        if self._pace.is_share_due(now):
            return True
        may_be_long = self._is_rung or not self.intake.waiting_functions() <= set(short)
        return may_be_long and now - self._any_at > ANY_EVERY_SECONDS

    # By message

    async def _by_message(self, intake: Intake, batch: Batch, functions: Sequence[str]) -> int:
        """Claim what the messages name. Of a queue with mixed priorities they mean: so many of the best."""
        now = boottime()
        ids: list[str] = []
        best: collections.Counter[str] = collections.Counter()
        for delivery in batch.taken:
            if self._mixed_until.get(delivery.queue, 0.0) > now:
                best[delivery.queue] += 1
            else:
                ids.append(delivery.task_id)
        found = 0
        try:
            if ids:
                found += self._won(await self._run(transitions.claim_ids, ids=ids, functions=functions))
            for queue, limit in best.items():
                claim = self._run(transitions.claim, queue=queue, functions=functions, limit=limit)
                found += self._won(await claim)
        except DatabaseUnavailable:
            intake.put_back(batch)
            raise
        finally:
            self.by_message += found
        intake.settle(batch)
        return len(batch.taken)

    # From the table

    async def _direct(self, now: float, idle: int) -> int:
        if self._pace.is_share_due(now) and not self._is_consuming:
            self._pace.share(now)
            return await self._from_table(self._functions, 1, oldest=True)
        return await self._from_table(self._functions, idle)

    async def _from_table(self, functions: Sequence[str], limit: int, *, oldest: bool = False) -> int:
        """Claim over this worker's queues, each getting its turn to be the first."""
        self._turn += 1
        queues = self._options.queues
        found = 0
        for offset in range(len(queues)):
            if found >= limit or self.is_stopped:
                break
            found += self._won(
                await self._run(
                    transitions.claim,
                    queue=queues[(self._turn + offset) % len(queues)],
                    functions=functions,
                    limit=limit - found,
                    oldest=oldest,
                )
            )
        self.direct += found
        return found

    async def _run(self, statement: Any, **facts: Any) -> list[Claimed]:
        claimed: list[Claimed] = await self._lane.run(
            statement, worker_id=self._worker_id, node=self._options.node, **facts
        )
        return claimed

    def _won(self, claimed: list[Claimed]) -> int:
        """Start what was claimed and tell watchers."""
        if not claimed:
            return 0
        self._pool.take(claimed)
        at = datetime.now(UTC).isoformat()
        for task in claimed:
            if task.priority:
                self._mixed_until[task.queue] = boottime() + MIXED_SECONDS
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
        return len(claimed)
