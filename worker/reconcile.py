"""Reconciling: the table's word on what runs here against the worker's own (rule R1 of the hand-over)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from tasks_app import transitions
from tasks_app.live import News
from worker.board import boottime
from worker.crew import Crew
from worker.lanes import Lane
from worker.lease import Lease

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
        self._next_at = boottime() + EVERY_SECONDS

    async def turn(self) -> None:
        """What the table says I run and I never knew goes back; cancel flags are read on the way."""
        now = boottime()
        if now < self._next_at or not self._lease.is_fresh:
            return
        self._next_at = now + EVERY_SECONDS
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
        for key, cancel_requested in rows.items():
            if cancel_requested:
                for crew in self._crews:
                    crew.cancel(key)
