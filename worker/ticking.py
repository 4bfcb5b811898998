"""The tick of a supervisor: proves to the guard that the event loop turns, and stops what must not run on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from worker.board import Board, boottime
from worker.crew import Crew
from worker.lanes import Lane
from worker.lease import Lease

log = logging.getLogger("taskdeck.worker")
HUNG_SECONDS = 30.0
"""Beyond every timeout of the driver and the server: nobody will ever answer (rule R7)."""
EVERY_SECONDS = 0.25


class Tick:
    """``on_hung()``: the database will not answer any more."""

    def __init__(
        self,
        board: Board,
        lease: Lease,
        self_stop_seconds: float,
        crews: Sequence[Crew[Any]],
        lanes: Sequence[Lane],
        on_hung: Callable[[], None],
    ) -> None:
        self._board, self._lease, self._self_stop_seconds = board, lease, self_stop_seconds
        self._crews, self._lanes, self._on_hung = crews, lanes, on_hung
        self._loop = asyncio.get_running_loop()
        self._last_turn = boottime()
        self._was_stale = False

    def beat(self) -> None:
        """From the loop's own timer, so that the tick proves the loop; its own gap is looked at first."""
        now = boottime()
        stale = not self._lease.is_fresh or now - self._last_turn > self._self_stop_seconds
        if stale and not self._was_stale:
            log.error("the lease was not renewed for %.1f s: killing the executors", self._self_stop_seconds)
            for crew in self._crews:
                crew.kill_all()
        self._was_stale = stale
        self._last_turn = now
        self._end_if_hung()
        self._board.beat()
        self._loop.call_later(min(EVERY_SECONDS, self._self_stop_seconds / 8), self.beat)

    def _end_if_hung(self) -> None:
        """A peer that takes what is sent and never answers is noticed by no timeout of TCP's."""
        limit = max(HUNG_SECONDS, 3 * self._self_stop_seconds)
        if any(lane.pending_seconds > limit for lane in self._lanes):
            log.error("the database has not answered for %.0f s: ending this incarnation", limit)
            self._on_hung()
