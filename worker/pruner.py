"""The node's deleting of old tasks: small steps on a lane of its own, with rests between."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from tasks_app import files
from tasks_app.errors import DatabaseUnavailable, StatementRefused
from tasks_app.pruning import Pass, Retention, forget_leftovers
from worker.board import boottime
from worker.lanes import Lane

log = logging.getLogger("taskdeck.worker")
STEP_REST_FACTOR = 0.25
"""Rest after a step, by its time: with more of it, deleting falls behind a full inflow."""
LEAST_REST_SECONDS = 60.0
REST_FACTOR = 10
"""A pass over tasks that are kept longer finds little: it may take a tenth of the time."""
TRY_REFUSED_SECONDS = 3600.0
"""So often tasks that the project refers to are tried again."""


class Pruner:
    """Any number of nodes may run one; PostgreSQL lets one at a time delete.

    ``deleted`` tasks so far. Where retention is off nothing is deleted.
    """

    def __init__(self, lane: Lane, retention: Retention) -> None:
        self._lane, self._retention = lane, retention
        self._files_day = datetime.now(UTC).date()
        self.deleted = 0
        self._refused: set[str] = set()
        self._forget_at = 0.0

    async def run(self) -> None:
        while self._retention.shortest is not None:
            started = boottime()
            try:
                await self.turn()
            except DatabaseUnavailable as error:
                log.error("the pruning of old tasks waits for the database: %s", error)
            except StatementRefused as error:
                log.error("what old tasks left behind cannot be deleted: %s", error)
            await asyncio.sleep(max(LEAST_REST_SECONDS, REST_FACTOR * (boottime() - started)))

    async def turn(self) -> None:
        """One pass over what may be old, then what old tasks have left behind."""
        if boottime() >= self._forget_at:
            self._forget_at, self._refused = boottime() + TRY_REFUSED_SECONDS, set()
        walk = Pass(retention=self._retention, refused=self._refused)
        before, known = self.deleted, len(self._refused)
        while not walk.is_over:
            started = boottime()
            if not await self._lane.run(walk.step):
                break
            self.deleted = before + walk.deleted
            await asyncio.sleep(STEP_REST_FACTOR * (boottime() - started))
        if walk.deleted:
            log.info("%d old tasks were deleted, %d since the start", walk.deleted, self.deleted)
        if len(self._refused) > known:  # such as by a foreign key of the project's own
            log.error("old tasks cannot be deleted, %d of them: %s", len(self._refused), walk.why)
        await self._lane.run(forget_leftovers, self._retention)
        await self._prune_files()

    async def _prune_files(self) -> None:
        """Once a day; the first node that comes to it finds them."""
        today = datetime.now(UTC).date()
        if self._retention.succeeded is None or today == self._files_day:
            return
        self._files_day = today
        try:
            count = await asyncio.to_thread(files.prune, older_than=self._retention.succeeded, today=today)
        except Exception as error:  # whatever the configured storage raises; tried again tomorrow
            log.error("old files of results were not deleted: %r", error)
        else:
            log.info("%d old files of results were deleted", count)
