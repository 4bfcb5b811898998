"""When a claim is made, and of what: each crew's functions at a pace of their own.

Never more than can start soon: any task for a free place, short ones ahead of the busy executors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from worker.board import boottime
from worker.crew import Crew
from worker.direct import DirectPace
from worker.intake import Batch, Intake

# Under full load one executor runs dry this often, so that long functions get their turn.
ANY_EVERY_SECONDS = 0.25


class Claiming(Protocol):
    """Who makes the claims. ``intake`` is set where a broker is configured."""

    intake: Intake | None

    async def from_table(
        self, side: Side, functions: Sequence[str], limit: int, *, oldest: bool = False
    ) -> int:
        """How many were won of what waits."""

    async def from_messages(self, side: Side, intake: Intake, batch: Batch, functions: Sequence[str]) -> int:
        """How many of what messages name were tried."""


class Side:
    def __init__(
        self, crew: Crew[Any], functions: Sequence[str], pause_seconds: float, claims: Claiming
    ) -> None:
        """``pause_seconds``: how long the crew's places may be free before the table is looked at."""
        self.crew, self.functions, self._claims = crew, functions, claims
        self._pace = DirectPace(pause_seconds, boottime())
        self._is_rung = False  # the table may hold better than what the messages name
        self._is_behind = False  # the last look at the table found all that it had room for
        self._any_at = boottime()
        self._offered = 0  # tasks that other workers hold messages of and have no room for

    def ring(self) -> None:
        self._pace.ring()
        self._is_rung = True

    def offer(self, count: int) -> None:
        self._offered += count

    def expect_messages(self) -> None:
        self._pace.expect_messages(boottime())

    def is_due(self) -> bool:
        return self._offered > 0 or self._pace.is_due(boottime())

    def has_room(self) -> bool:
        """Whether a claim may be made; for what may run ahead of others the claim itself looks closer."""
        return bool(self.crew.short()) or self.crew.idle() > 0

    def wait_seconds(self) -> float | None:
        """Until a look is due without any news; None while nothing could start."""
        return self._pace.wait_seconds(boottime()) if self.crew.idle() else None

    async def claim(self) -> int:
        """One step: the table's share, else short functions in batches, else any for a free place."""
        now = boottime()
        idle = self.crew.idle()
        is_loaded = self._claims.intake is not None or self._is_behind  # else each look is at all that waits
        if idle and is_loaded and self._pace.is_share_due(now):
            found = await self._claims.from_table(self, self.functions, 1, oldest=self._pace.share(now))
            if found:
                return found
        if idle and self._is_rung and not self.crew.is_busy:
            return await self._answer(now, idle)
        short = self.crew.short()
        room = 0 if self._must_run_dry(now, short) else self.crew.room_ahead()
        if room and (found := await self._some(now, short, room)):
            return found
        if not idle:
            return 0
        self._any_at = now
        return await self._some(now, self.functions, idle, is_any=True)

    async def _some(self, now: float, functions: Sequence[str], room: int, *, is_any: bool = False) -> int:
        """What a doorbell is about, else what messages name, else the table when its time has come."""
        if self._is_rung:
            self._is_rung = not is_any
            found = await self._claims.from_table(self, functions, room)
            if is_any:
                self._is_behind = found >= room
            if found:
                return found
            if is_any:
                self._pace.looked(now, 0)
        if (intake := self._claims.intake) and intake.has_waiting:
            intake.adjust()
            if batch := intake.take(room, functions):
                self._pace.postpone(now)
                return await self._claims.from_messages(self, intake, batch, functions)
        if not self._pace.is_due(now):
            return await self._offers(room) if is_any else 0
        if not is_any:
            return await self._claims.from_table(self, functions, room)
        found = await self._direct(now, room)
        self._pace.looked(now, found)
        return found

    async def _answer(self, now: float, idle: int) -> int:
        """For a crew at rest: one statement, and what finds less than it asked for leaves nothing behind."""
        self._is_rung = False
        found = await self._claims.from_table(self, self.functions, idle)
        self._is_behind = found >= idle
        self._pace.looked(now, found, is_all=not self._is_behind)
        return found

    async def _offers(self, idle: int) -> int:
        """What others cannot start soon, never more than they said: each leaves a stale message."""
        if not self._offered:
            return 0
        found = await self._claims.from_table(self, self.functions, min(idle, self._offered))
        self._offered = max(0, self._offered - found) if found else 0
        return found

    async def _direct(self, now: float, idle: int) -> int:
        if self._pace.is_share_due(now):
            self._pace.share(now)
            return await self._claims.from_table(self, self.functions, 1, oldest=True)
        return await self._claims.from_table(self, self.functions, idle)

    @property
    def _is_consuming(self) -> bool:
        return self._claims.intake is not None and self._claims.intake.is_consuming

    def _must_run_dry(self, now: float, short: Sequence[str]) -> bool:
        """Whether to let one executor become free for a task that may be long, or for the table's share."""
        intake = self._claims.intake
        if intake is None or not self._is_consuming:
            return now - self._any_at > ANY_EVERY_SECONDS
        if self._pace.is_share_due(now):
            return True
        waiting = intake.waiting_functions() & set(self.functions)
        may_be_long = self._is_rung or not waiting <= set(short)
        return may_be_long and now - self._any_at > ANY_EVERY_SECONDS
