"""Imported by a worker node through TASKDECK_MODULES: its drain releases before its executors have ended."""

from __future__ import annotations

import asyncio

from tasks_app import transitions
from worker.supervisor import Supervisor


async def drain(self: Supervisor) -> None:
    await self._claiming.stop()
    self._news.tell(await self._slow.run(transitions.drain, worker_id=self._id))
    while self._pool.is_busy:
        await asyncio.sleep(0.02)
    self._ended.set_result(0)


Supervisor._drain = drain  # type: ignore[method-assign]
