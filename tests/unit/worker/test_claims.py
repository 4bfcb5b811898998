"""When the one loop that claims looks again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from tasks_app.live import News
from worker.claims import BUSY_WAIT_SECONDS, Claims
from worker.lanes import Lane
from worker.lease import Lease
from worker.options import WorkerOptions


def test_a_worker_of_a_project_without_functions_waits() -> None:
    options = WorkerOptions(
        node="n1",
        queues=("default",),
        concurrency=1,
        async_concurrency=0,
        drain_seconds=1.0,
        direct_claim_seconds=1.0,
        heartbeat_seconds=2.0,
        self_stop_seconds=8.0,
        lease_seconds=15.0,
    )

    async def waits() -> float:
        lease = Lease(options.self_stop_seconds)
        claims = Claims("w", options, Lane("claim"), lease, News(None, None), cast(Any, None), [])
        return claims._wait_seconds()

    assert asyncio.run(waits()) == BUSY_WAIT_SECONDS
