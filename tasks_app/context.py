"""What a function declared with ``takes_context=True`` is given, and ``current_task()`` gives all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeVar

from tasks_app.reporting import Line, LoopLine, Reporter, reporting, reporting_in_loop

T = TypeVar("T")


class TaskContext:
    """The running task, as its function sees it."""

    def __init__(self, task_id: str, attempt: int, reporter: Reporter, result: Callable[[], Any]) -> None:
        """``result`` makes the ``task_result``, when the function asks for it."""
        self.task_id = task_id
        self.attempt = attempt
        self._reporter, self._result = reporter, result

    @cached_property
    def task_result(self) -> Any:
        """Django's view of this attempt."""
        return self._result()

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about this attempt that are saved and shown while it runs: JSON values, 16 KiB at most."""
        if not self._reporter.is_watched:
            self._reporter.watch()
        return self._reporter.metadata

    @property
    def is_cancelled(self) -> bool:
        """Whether a cancel was asked for: for code that may not be interrupted by ``TaskCancelled``."""
        return self._reporter.line.is_cancelled()

    def progress(self, done: float, total: float | None = None, stage: str = "") -> None:
        """Tell watchers how far the task is. It only leaves a note: five a second leave the process."""
        reporter = self._reporter
        reporter.at = (done, total, stage)
        if not reporter.is_watched:
            reporter.watch()

    def track(self, items: Iterable[T], stage: str = "", total: int | None = None) -> Iterator[T]:
        """Go through the items and report progress on the way; ``total`` where they have no length."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        reporter, done = self._reporter, 0
        self.progress(done, total, stage)
        for item in items:
            yield item
            done += 1
            reporter.at = (done, total, stage)


_current: TaskContext | None = None
_in_loop: ContextVar[TaskContext | None] = ContextVar("task", default=None)


def current_task() -> TaskContext | None:
    """The task whose code this is; None outside of one.

    Threads of a plain function see its task; of an async function see it what was started by
    ``asyncio.to_thread``, ``sync_to_async`` or as a child task, which take the context along.
    """
    return _current or _in_loop.get()


@contextmanager
def running(*, task_id: str, attempt: int, line: Line, result: Callable[[], Any]) -> Iterator[TaskContext]:
    """For the time in which the task's function runs."""
    global _current
    with reporting(line) as reporter:
        before, _current = _current, TaskContext(task_id, attempt, reporter, result)
        try:
            yield _current
        finally:
            _current = before


@contextmanager
def running_in_loop(
    *, task_id: str, attempt: int, line: LoopLine, result: Callable[[], Any]
) -> Iterator[TaskContext]:
    """For the time in which an async function runs, in an asyncio task of its own."""
    with reporting_in_loop(line) as reporter:
        context = TaskContext(task_id, attempt, reporter, result)
        _in_loop.set(context)
        yield context
