"""What a function declared with ``takes_context=True`` is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import msgpack

T = TypeVar("T")
SEND_EVERY_SECONDS = 0.2


class TaskContext:
    """The running task, as its function sees it."""

    def __init__(
        self, envelope: dict[str, Any], report: Callable[[bytes], None], result: Callable[[], Any]
    ) -> None:
        """``result`` makes the ``task_result``, when the function asks for it."""
        self.task_id: str = envelope["id"]
        self.attempt: int = envelope["attempt"]
        self._report, self._result = report, result
        self._next = 0.0
        self._seq = 0

    @cached_property
    def task_result(self) -> Any:
        """Django's view of this attempt."""
        return self._result()

    def progress(self, done: float, total: float | None = None, stage: str = "") -> None:
        """Tell watchers how far the task is. Cheap: at most five notices a second leave the process."""
        now = time.monotonic()
        if now < self._next and done != total:
            return
        self._next = now + SEND_EVERY_SECONDS
        self._seq += 1
        self._report(msgpack.packb({"done": done, "total": total, "stage": stage[:200], "seq": self._seq}))

    def track(self, items: Sequence[T], stage: str = "") -> Iterator[T]:
        """Go through the items and report progress on the way."""
        total = len(items)
        for index, item in enumerate(items):
            self.progress(index, total, stage)
            yield item
        self.progress(total, total, stage)
