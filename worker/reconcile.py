"""Reconciling: the table's word on what runs here against the worker's own (rule R1 of the hand-over)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from tasks_app import transitions
from tasks_app.live import News
from worker.board import boottime
from worker.crew import Crew
from worker.lanes import Lane
from worker.lease import Lease
from worker.looks import Looks

log = logging.getLogger("taskdeck.worker")
EVERY_SECONDS = 1.0


class Reconcile:
    """``lane`` is the one that claims, and ``turn`` is called only while no claim is in flight.

    ``known``: the attempts of this node from claim to recorded end.
    """

    def __init__(
        self,
        worker_id: str,
        lane: Lane,
        lease: Lease,
        news: News,
        known: set[tuple[str, int]],
        crews: Sequence[Crew[Any]],
    ) -> None:
        self._worker_id, self._lane, self._lease = worker_id, lane, lease
        self._news, self._known, self._crews = news, known, crews
        self._flags_at = boottime() + EVERY_SECONDS
        self._looks = Looks(EVERY_SECONDS, self._flags_at)

    async def turn(self) -> None:
        """What the table says I run and I never knew goes back; cancel flags are read on the way, and by
        themselves while such a look has to wait."""
        now = boottime()
        if not self._lease.is_fresh:
            return
        if self._looks.is_due(now):
            self._flags_at = now + EVERY_SECONDS
            await self._look()
            self._looks.looked(now, boottime())
        elif now >= self._flags_at:
            self._flags_at = now + EVERY_SECONDS
            await self.hear_cancels()

    async def hear_cancels(self) -> None:
        ids = [task_id for task_id, _ in self._known]
        self._cancel(await self._lane.run(transitions.cancels, ids=ids))

    async def _look(self) -> None:
        before = set(self._known)
        rows = await self._lane.run(transitions.held, worker_id=self._worker_id)
        unknown = rows.keys() - before - self._known
        if unknown:
            log.warning("%d tasks were claimed without my knowing; they go back", len(unknown))
            self._news.tell(
                await self._lane.run(
                    transitions.release_lost, worker_id=self._worker_id, held=sorted(unknown)
                )
            )
        self._cancel(key for key, is_cancelled in rows.items() if is_cancelled)

    def _cancel(self, attempts: Iterable[tuple[str, int]]) -> None:
        for key in attempts:
            for crew in self._crews:
                crew.cancel(key)
