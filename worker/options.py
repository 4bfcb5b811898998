"""What ``manage.py runworker`` was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """``concurrency``: executors of plain functions; ``async_concurrency``: async functions at a time, 0
    where none is known. ``drain_seconds`` is how long running tasks may go on after SIGTERM.
    """

    node: str
    queues: tuple[str, ...]
    concurrency: int
    async_concurrency: int
    drain_seconds: float
    direct_claim_seconds: float
    heartbeat_seconds: float
    self_stop_seconds: float
    lease_seconds: float
