"""Documents about what runs the tasks: workers, queues, and figures over time. Each shape is written once."""

from __future__ import annotations

from typing import TypedDict


class RunningTask(TypedDict):
    id: str
    function: str
    started_at: str | None


class MessageCounts(TypedDict):
    """What was out of order about the broker's messages at one worker since it started.

    ``malformed``, ``unknown``: came in and were dropped, as no message of Taskdeck's or of a function that
    the worker does not know. ``dropped``, ``nacked``: were to go out; too many waited, or the broker refused
    them for the time being. ``waiting``: for the broker, now. Their tasks are claimed from the database.
    """

    malformed: int
    unknown: int
    dropped: int
    nacked: int
    waiting: int


class BlockedBy(TypedDict):
    """An async function that kept the event loop from turning for ``seconds``, noticed at ``at``."""

    function: str
    seconds: float
    at: str


class LoadDocument(TypedDict):
    """What a node's processes used together, the oldest point first, ``every_seconds`` apart.

    ``rss_mib``: memory in RAM; pages that processes share count for each. ``cpu_cores``: 1.0 is one core.
    """

    every_seconds: float
    rss_mib: list[int]
    cpu_cores: list[float]


class WorkerDocument(TypedDict):
    """``is_late``: alive, but not heard of within its lease. ``is_quiet``: asked to claim nothing more.

    ``concurrency``: plain functions at a time, ``async_concurrency``: async ones;
    ``running_async``: those of them among ``running``. ``blocked_by``: who kept their event loop last.
    """

    id: str
    node: str
    host: str
    pid: int
    version: str
    state: str
    is_late: bool
    is_quiet: bool
    queues: list[str]
    concurrency: int
    async_concurrency: int
    blocked_by: BlockedBy | None
    running: int
    running_async: int
    running_tasks: list[RunningTask]
    claims_by_message: int
    claims_direct: int
    messages: MessageCounts
    load: LoadDocument | None
    started_at: str
    heartbeat_at: str
    heartbeat_age_seconds: float
    stopped_at: str | None


class PauseDocument(TypedDict):
    """``until``: when it ends by itself, None where somebody must resume the queue."""

    by: str | None
    at: str
    until: str | None
    reason: str


class QueueDocument(TypedDict):
    """``depth`` waiting tasks, counted up to ``cap``; ``workers`` and their slots that serve it now.

    ``slots`` are for plain functions, ``async_slots`` for async ones: ``running_async`` of ``running``.
    """

    name: str
    depth: int
    cap: int
    oldest_at: str | None
    running: int
    running_async: int
    workers: int
    slots: int
    async_slots: int
    paused: PauseDocument | None


class FailureGroup(TypedDict):
    """Failures of one function, one class of error and one place; ``last_id`` is the newest of them.

    ``place`` is a line such as "shop.tasks:42 in charge", "" where none is known.
    """

    function: str
    error_class: str
    place: str
    count: int
    last_at: str
    last_id: str


class RetentionDocument(TypedDict):
    """For how many days tasks stay after their end, None: for ever; cancelled ones as long as succeeded ones.

    ``oldest_at``: when the oldest task that is still here was submitted.
    """

    succeeded_days: float | None
    failed_days: float | None
    oldest_at: str | None


class OverviewDocument(TypedDict):
    """``waiting`` is counted up to ``cap``; ``stranded`` queues have tasks and no worker.

    ``slots`` are for plain functions, ``async_slots`` for async ones: ``running_async`` of ``running``.
    """

    workers: int
    slots: int
    async_slots: int
    running: int
    running_async: int
    waiting: int
    oldest_at: str | None
    cap: int
    stranded: list[str]
    failed_last_hour: int
    failed_cap: int
    failures: list[FailureGroup]
    retention: RetentionDocument


class TrendFigures(TypedDict):
    """What ended, and how long it had waited and run (seconds, None: nothing did)."""

    succeeded: int
    failed: int
    cancelled: int
    retried: int
    wait_p50: float | None
    wait_p95: float | None
    run_p50: float | None
    run_p95: float | None


class TrendPoint(TrendFigures):
    """``depth``: how many waited, None where nobody looked."""

    at: str
    depth: int | None


class TotalDocument(TrendFigures):
    """Of one function or queue; ``ended`` counts by point, the oldest first, the last one still growing."""

    name: str
    ended: list[int]


class TrendDocument(TypedDict):
    """``points`` are ``span_seconds`` apart, the oldest first, the last one still growing.

    Waits are those of tasks that were due at once, from submit to their first claim. A waiting task that is
    cancelled never ran and is not counted.
    """

    range: str
    span_seconds: int
    depth_cap: int
    points: list[TrendPoint]
