"""Document shapes that travel: written once, used by the API, the worker, the hub and the schema."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

GROUP = "taskdeck"
EVENTS = "taskdeck.events"
MEDIA_KEY = "$media"
MARKDOWN_KEY = "$markdown"

StateWord = Literal["scheduled", "queued", "running", "succeeded", "failed", "cancelled"]


ResultKind = Literal["json", "table", "markdown", "picture", "file"]
"""How a result is best shown. ``table``: a list of flat objects."""


class Offer(TypedDict):
    """Tasks whose messages ``sender``, a worker, holds and has no room for: how many, by queue."""

    sender: str
    queues: dict[str, int]


class Progress(TypedDict):
    """``rate`` in units of ``done`` per second, lately; ``eta_seconds`` at that rate."""

    attempt: int
    seq: int
    done: float | None
    total: float | None
    stage: str
    rate: float | None
    eta_seconds: float | None


class LogMark(TypedDict):
    """The lines of an attempt up to ``seq`` can be read."""

    attempt: int
    seq: int


class LogLineDocument(TypedDict):
    """``level`` is a word of Python's logging, or STDOUT or STDERR."""

    seq: int
    at: str
    level: str
    text: str


class StopStep(TypedDict):
    """One step of the way on which a running attempt is made to end."""

    step: Literal["requested", "interrupted", "killed"]
    reason: Literal["cancel", "timeout"]
    at: str


class AttemptDocument(TypedDict):
    attempt: int
    kind: Literal["failure", "loss"]
    worker: str
    error_class: str
    message: str
    traceback: str
    place: str
    started_at: str | None
    finished_at: str | None


class TaskBase(TypedDict):
    id: str
    function: str
    path: str
    queue: str
    priority: int
    state: StateWord
    attempt: int
    failures: int
    max_attempts: int
    losses: int
    cancel_requested: bool
    revision: int
    owner: str | None
    batch: str | None
    worker: str | None
    created_at: str
    run_at: str | None
    started_at: str | None
    finished_at: str | None
    error: str | None
    progress: Progress | None


class TaskRow(TaskBase):
    arguments_preview: str


class TaskDetail(TaskBase):
    """``then_of`` is the batch after whose end it runs. ``attempts`` failed or were lost: the newest 100."""

    then_of: str | None
    arguments: dict[str, Any]
    result: Any
    result_kind: ResultKind | None
    result_url: str | None
    traceback: str | None
    metadata: dict[str, Any]
    steps: list[StopStep]
    attempts: list[AttemptDocument]


class ThenDocument(TypedDict):
    """The task that runs once all tasks of a batch have ended; ``scheduled`` until then."""

    id: str
    function: str
    state: StateWord


class BatchDocument(TypedDict):
    """Tasks submitted together, ``size`` of them; ``finished_at`` is when the last one ended.

    A list leaves ``counts`` null and ``functions`` empty for a batch of more than 10,000 tasks.
    """

    id: str
    owner: str | None
    created_at: str
    size: int
    functions: list[str]
    counts: dict[str, int] | None
    finished_at: str | None
    then_task: ThenDocument | None


class WaitingReason(TypedDict):
    """Why a task does not run yet: ``text`` for people, ``at`` when it may go on, ``ahead`` in its queue.

    Of ``in_line`` the instant is an estimate.
    """

    code: Literal[
        "unknown_function",
        "batch",
        "due",
        "not_due",
        "retry_pause",
        "paused",
        "no_worker",
        "broker_down",
        "next",
        "in_line",
    ]
    text: str
    at: str | None
    ahead: int | None


class RecentTask(TypedDict):
    """``failures`` tells a scheduled task that failed from one that is not due yet."""

    id: str
    state: StateWord
    failures: int
    cancel_requested: bool
    created_at: str
    started_at: str | None
    finished_at: str | None


class RecentDocument(TypedDict):
    """The newest tasks of one function, the newest first."""

    name: str
    tasks: list[RecentTask]


class TaskEvent(TypedDict):
    """One notice: what is absent did not change. A reader ignores a revision it already has."""

    id: str
    owner_id: int | None
    revision: NotRequired[int]
    state: NotRequired[str]
    attempt: NotRequired[int]
    function: NotRequired[str]
    queue: NotRequired[str]
    batch: NotRequired[str]
    worker: NotRequired[str | None]
    started_at: NotRequired[str | None]
    finished_at: NotRequired[str | None]
    error: NotRequired[str | None]
    cancel_requested: NotRequired[bool]
    progress: NotRequired[Progress]
    log: NotRequired[LogMark]
    step: NotRequired[StopStep]


class GroupMessage(TypedDict):
    type: str
    events: list[TaskEvent]
