"""The node's slow duties on one lane: renew the lease, reap, sweep, promote, end pauses, tally."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tasks_app.live import News
from tasks_app.tallies import MOST_OTHERS, prune_tallies, queue_depth, waiting_queues
from worker.board import boottime
from worker.claims import Claims
from worker.lanes import Lane
from worker.lease import Lease
from worker.looks import Looks
from worker.options import WorkerOptions
from worker.tallying import Tallies

log = logging.getLogger("taskdeck.worker")
OWN_RENEWALS = 5  # a reaper that could not renew itself may be the one cut off
SWEEP_EVERY_SECONDS = 5.0
PROMOTE_EVERY_SECONDS = 0.5
PROMOTE_ROWS = 500
MOST_PROMOTIONS = 20
"""Statements of one turn, as long as each finds PROMOTE_ROWS: then a renewal may be due."""
MEASURE_EVERY_SECONDS = 20.0


@dataclass(slots=True)
class Seen:
    """Another worker's counter, since when on our own clock, and our renewals at that time."""

    heartbeat: int
    since: float
    renewals: int


class Care:
    def __init__(
        self,
        worker_id: str,
        options: WorkerOptions,
        lane: Lane,
        lease: Lease,
        news: News,
        tallies: Tallies,
        counts: Callable[[], dict[str, Any]],
        on_over: Callable[[], None],
        claims: Claims,
        *,
        watched: Sequence[Lane],
    ) -> None:
        self._worker_id, self._options, self._lane, self._lease = worker_id, options, lane, lease
        self._news, self._tallies = news, tallies
        self._counts, self._on_over, self._claims, self._watched = counts, on_over, claims, watched
        self._seen: dict[str, Seen] = {}
        self._sweeps = Looks(SWEEP_EVERY_SECONDS, 0.0)
        self._beat_at = 0.0
        self._measure_at = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self._turn()
            except DatabaseUnavailable as error:
                self._seen.clear()  # the watch was broken
                log.error("the database is away: %s", error)
            await asyncio.sleep(PROMOTE_EVERY_SECONDS)

    async def _turn(self) -> None:
        now = boottime()
        if now >= self._beat_at and not self._is_work_stuck():
            self._beat_at = now + self._options.heartbeat_seconds
            beat = self._lane.run(transitions.heartbeat, worker_id=self._worker_id, **self._counts())
            renewal = await beat
            if renewal is None:
                self._on_over()
                return
            self._lease.renewed(now)
            self._claims.quiet(renewal.is_quiet)
            await self._reap()
        await self._promote()
        if queues := await self._lane.run(transitions.end_pauses):
            self._news.ring(queues)
            self._claims.ring(set(queues))  # also where no doorbell is
        if self._sweeps.is_due(now):
            started = boottime()
            self._news.tell(await self._lane.run(transitions.sweep))
            self._sweeps.looked(started, boottime())
        if self._tallies.is_due:
            await self._measure(now)

    async def _promote(self) -> None:
        """What has become due goes to its queue, however much that is."""
        for statement in (transitions.promote_due, transitions.promote_ended):
            for _ in range(MOST_PROMOTIONS):
                changed = await self._lane.run(statement, limit=PROMOTE_ROWS)
                self._news.tell(changed)
                if len(changed) < PROMOTE_ROWS or boottime() >= self._beat_at:
                    break

    async def _measure(self, now: float) -> None:
        """For the charts: nothing depends on it."""
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_EVERY_SECONDS
            await self._measure_depths()
            await self._lane.run(prune_tallies)
        await self._tallies.write()

    async def _measure_depths(self) -> None:
        """Of the queues that are served here, and of others as long as no renewal is due."""
        own = self._options.queues
        depths = {queue: await self._lane.run(queue_depth, queue) for queue in own}
        waiting = await self._lane.run(waiting_queues, MOST_OTHERS + len(own))
        for queue in sorted(self._tallies.seen_queues.union(waiting).difference(own)):
            if boottime() >= self._beat_at:
                break
            depths[queue] = await self._lane.run(queue_depth, queue)
        self._tallies.saw(depths, datetime.now(UTC))

    def _is_work_stuck(self) -> bool:
        """R7: a worker whose claims or finishes hang must not look alive."""
        limit = self._options.self_stop_seconds
        return any(lane.pending_seconds > limit for lane in self._watched)

    async def _reap(self) -> None:
        now = boottime()
        alive = await self._lane.run(transitions.alive_others, worker_id=self._worker_id)
        for worker_id in self._seen.keys() - alive.keys():
            del self._seen[worker_id]
        for worker_id, pulse in alive.items():
            seen = self._seen.get(worker_id)
            if seen is None or seen.heartbeat != pulse.heartbeat:
                self._seen[worker_id] = Seen(pulse.heartbeat, now, self._lease.renewals)
                continue
            own = self._lease.renewals - seen.renewals
            if now - seen.since > pulse.lease_seconds and own >= OWN_RENEWALS:
                await self.declare_lost(worker_id, pulse.heartbeat)

    async def declare_lost(self, worker_id: str, seen: int | None) -> None:
        """``seen`` None: known to be dead, as an earlier supervisor of this guard is."""
        changed = await self._lane.run(transitions.reap, lost_id=worker_id, seen=seen)
        if changed is not None:
            log.warning("worker %s is lost; %d of its tasks go back", worker_id, len(changed))
            self._news.tell(changed)
