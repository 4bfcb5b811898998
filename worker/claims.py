"""The one loop that claims: by message, straight from the table, and between the two it reconciles."""

from __future__ import annotations

import asyncio
import collections
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tasks_app.functions import registry
from tasks_app.live import News
from tasks_app.redis_client import RedisLink
from tasks_app.transitions import Claimed
from tasks_app.wire import Offer
from worker.alarm import Alarm
from worker.board import boottime
from worker.crew import Crew
from worker.intake import Batch, Intake
from worker.lanes import Lane
from worker.lease import Lease
from worker.options import WorkerOptions
from worker.reconcile import Reconcile
from worker.sides import Side

log = logging.getLogger("taskdeck.worker")
MIXED_SECONDS = 60.0  # a queue that showed a priority counts as mixed for so long
STALE_WAIT_SECONDS = 0.25
BUSY_WAIT_SECONDS = 1.0
AGAIN_SECONDS = 0.5


class Claims:
    """``by_message`` and ``direct`` count claimed tasks. ``intake`` is set where a broker is configured."""

    intake: Intake | None = None

    def __init__(
        self,
        worker_id: str,
        options: WorkerOptions,
        lane: Lane,
        lease: Lease,
        news: News,
        reconcile: Reconcile,
        crews: Sequence[tuple[Crew[Any], Sequence[str]]],
    ) -> None:
        """``crews``: each with the functions that it runs."""
        self._worker_id, self._options, self._lane = worker_id, options, lane
        self._lease, self._news, self._reconcile = lease, news, reconcile
        self._sides = [Side(crew, functions, options.direct_claim_seconds, self) for crew, functions in crews]
        self._alarm = Alarm()
        self._mixed_until: dict[str, float] = {}  # by queue
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
            self._alarm.ring()

    async def stop(self) -> None:
        """Claim nothing more; returns when the claim in flight is settled and the rest goes back."""
        self.is_stopped = True
        self._alarm.ring()
        await self._ended.wait()
        if self.intake:
            self.intake.stop()

    # News from elsewhere

    async def listen(self, link: RedisLink) -> None:
        """To doorbells and to offers of other workers."""
        async for heard in link.bells():
            if isinstance(heard, set):
                self.ring(heard)
            else:
                self.offered(heard)

    def ring(self, queues: set[str] | None = None) -> None:
        """There may be work in the table."""
        if queues is None or queues.intersection(self._options.queues):
            for side in self._sides:
                side.ring()
            self._alarm.ring()

    def offered(self, offer: Offer) -> None:
        """Another worker holds messages that it has no room for."""
        count = sum(offer["queues"].get(queue, 0) for queue in self._options.queues)
        if count and offer["sender"] != self._worker_id:
            for side in self._sides:
                side.offer(count)
            self._alarm.ring()

    def look(self) -> None:
        """Offer to others what waits here too long, and not only for the end of a task that is near."""
        if self.intake is None:
            return
        if any(side.crew.frees_soon() for side in self._sides):
            self.intake.keep()
        elif hoarded := self.intake.hoarded():
            self._news.offer({"sender": self._worker_id, "queues": dict(hoarded)})

    def due_seconds(self) -> float:
        return self.intake.hoarded_seconds() if self.intake else math.inf

    def delivered(self) -> None:
        """A message came."""
        if any(side.has_room() for side in self._sides):
            self._alarm.ring()

    def room(self) -> None:
        """An executor has room."""
        has_waiting = self.intake is not None and self.intake.has_waiting
        for side in self._sides:
            if side.has_room():
                if has_waiting or side.is_due():
                    self._alarm.ring()
                else:
                    self._alarm.within(self._wait_seconds())

    # The loop

    async def run(self) -> None:
        if self.intake:
            for side in self._sides:
                side.expect_messages()
        while not self.is_stopped:
            self._alarm.reset()
            try:
                found = await self._claim()
                await self._reconcile.turn()
            except DatabaseUnavailable as error:
                log.error("claims wait for the database: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if not found:
                self._alarm.within(self._wait_seconds())
                await self._alarm.wait()
        self._ended.set()
        await self._hear_cancels()

    async def _hear_cancels(self) -> None:
        """For as long as the worker drains: what runs on can still be cancelled."""
        while True:
            try:
                await self._reconcile.hear_cancels()
            except DatabaseUnavailable as error:
                log.error("cancels wait for the database: %s", error)
            await asyncio.sleep(BUSY_WAIT_SECONDS)

    def _wait_seconds(self) -> float:
        if not self._lease.is_fresh:
            return STALE_WAIT_SECONDS
        if self.is_quiet:
            return BUSY_WAIT_SECONDS
        waits = [wait for side in self._sides if (wait := side.wait_seconds()) is not None]
        if len(waits) < len(self._sides) or any(side.crew.is_busy for side in self._sides):
            waits.append(BUSY_WAIT_SECONDS)
        return min(waits, default=BUSY_WAIT_SECONDS)  # without any function there is no side

    async def _claim(self) -> int:
        found = 0
        for side in self._sides:
            if self._lease.is_fresh and not (self.is_stopped or self.is_quiet):
                found += await side.claim()
        return found

    # By message

    async def from_messages(self, side: Side, intake: Intake, batch: Batch, functions: Sequence[str]) -> int:
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
                found += self._won(side, await self._run(transitions.claim_ids, ids=ids, functions=functions))
            for queue, limit in best.items():
                claim = self._run(transitions.claim, queue=queue, functions=functions, limit=limit)
                found += self._won(side, await claim)
        except DatabaseUnavailable:
            intake.put_back(batch)
            raise
        finally:
            self.by_message += found
        intake.settle(batch)
        return len(batch.taken)

    # From the table

    async def from_table(
        self, side: Side, functions: Sequence[str], limit: int, *, oldest: bool = False
    ) -> int:
        """Claim over this worker's queues, each getting its turn to be the first."""
        self._turn += 1
        queues = self._options.queues
        found = 0
        for offset in range(len(queues)):
            if found >= limit or self.is_stopped:
                break
            found += self._won(
                side,
                await self._run(
                    transitions.claim,
                    queue=queues[(self._turn + offset) % len(queues)],
                    functions=functions,
                    limit=limit - found,
                    oldest=oldest,
                ),
            )
        self.direct += found
        return found

    async def _run(self, statement: Any, **facts: Any) -> list[Claimed]:
        claimed: list[Claimed] = await self._lane.run(
            statement, worker_id=self._worker_id, node=self._options.node, **facts
        )
        return claimed

    def _won(self, side: Side, claimed: list[Claimed]) -> int:
        """Start what was claimed and tell watchers."""
        if not claimed:
            return 0
        side.crew.take(claimed)
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
