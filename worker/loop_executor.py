"""The executor of async functions: each task begins at once, and all share one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from functools import partial
from types import FrameType
from typing import Any

from tasks_app.failures import failure_body, place_of_stack
from tasks_app.interrupts import TaskCancelled, TaskTimeout
from tasks_app.reporting import LoopLine, current_reporter
from worker.board import LoopSlot, Order
from worker.channel import Channel, ChannelBroken, Row, frames
from worker.recycling import Limits, Recycling

log = logging.getLogger("taskdeck.worker")
TURN_EVERY_SECONDS = 0.25
INTERRUPTIONS: dict[str, type[TaskCancelled] | type[TaskTimeout]] = {
    Order.CANCEL.name: TaskCancelled,
    Order.TIMEOUT.name: TaskTimeout,
}
Run = Callable[[str, bytes, LoopLine], Coroutine[Any, Any, tuple[str, bytes]]]


class LoopExecutor:
    """Frames in: ``run`` as for ``Executor``, and ``order``: a row's word is an ``Order``'s. Out: as there.

    A signal means that the loop has stalled: its handler runs in the context of the code that blocks it, and
    so knows the task.
    """

    def __init__(self, channel: Channel, slot: LoopSlot, run: Run, limits: Limits) -> None:
        self._channel, self._slot, self._run = channel, slot, run
        self._recycling = Recycling(limits)
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._running: dict[int, tuple[asyncio.Task[tuple[str, bytes]], _Line]] = {}
        self._outcomes: list[Row] = []
        self._turn: asyncio.TimerHandle | None = None
        self._status = 0  # with which to end once nothing runs

    def run(self) -> int:
        """Until every copy of the other end is closed, or a limit is reached and nothing runs."""
        signal.signal(signal.SIGUSR1, self._on_stall)
        self._loop.add_reader(self._channel.end, self._read)
        while not self._ended.done():
            with contextlib.suppress(SystemExit, KeyboardInterrupt):  # of a task's child, whose parent hears
                self._loop.run_until_complete(self._ended)
        return self._ended.result()

    def _read(self) -> None:
        try:
            while frame := self._channel.receive(wait=False):
                kind, [row] = frame
                if kind == "run":
                    self._begin(row)
                else:
                    self._interrupt(row.serial, row.word)
        except (EOFError, ConnectionError):
            self._end(0)
        except (ChannelBroken, OSError) as error:
            self._break(error)

    def _end(self, status: int) -> None:
        self._loop.remove_reader(self._channel.end)
        if not self._ended.done():
            self._ended.set_result(status)

    def _break(self, error: Exception) -> None:
        """What was not told is lost with this process, and what it held is given to another."""
        self._loop.remove_reader(self._channel.end)
        if not self._ended.done():
            self._ended.set_exception(error)

    # Tasks

    def _begin(self, row: Row) -> None:
        self._slot.begin(row.serial)
        line = _Line(self, row.serial)
        task = self._loop.create_task(self._run(row.word, row.body, line))
        self._running[row.serial] = task, line
        task.add_done_callback(partial(self._done, line, time.monotonic()))
        if self._turn is None:
            self._keep_turning()

    def _interrupt(self, position: int, order: str) -> None:
        """Once per task; nothing for a task that is over."""
        task, line = self._running.get(position, (None, None))
        if task and line and line.interruption is None:
            line.interruption = INTERRUPTIONS[order]()
            task.cancel()

    def _done(self, line: _Line, started: float, task: asyncio.Task[tuple[str, bytes]]) -> None:
        del self._running[line.position]
        self._slot.end()
        try:
            self._outcomes.append(outcome_of(line, task, time.monotonic() - started))
        except Exception as error:  # an end that nobody hears of would be waited for by everybody
            self._break(error)
            return
        if len(self._outcomes) == 1:
            self._loop.call_soon(self._flush)
        if status := self._recycling.status():
            self._status = status
            self._slot.leave()

    def _flush(self) -> None:
        """Blocks while the supervisor is behind: that is the back-pressure on chatty tasks."""
        done, self._outcomes = self._outcomes, []
        try:
            for packet in frames("outcome", done):
                self._channel.send(packet, wait=True)
        except OSError as error:  # as of a process that may open no descriptor for a large result
            self._break(error)
            return
        if self._status and not self._running:
            self._end(self._status)

    def report(self, position: int, kind: str, body: bytes) -> None:
        """From any thread. Blocks while the supervisor is behind."""
        if position in self._running:  # else a thread or a child task that outlived its task
            for packet in frames(kind, [Row(position, "", body)]):
                self._channel.send(packet, wait=True)

    # Who blocks the loop

    def _keep_turning(self) -> None:
        self._slot.turn()
        self._turn = self._loop.call_later(TURN_EVERY_SECONDS, self._keep_turning) if self._running else None

    def _on_stall(self, _signal: int, frame: FrameType | None) -> None:
        reporter = current_reporter()
        if reporter is None or not isinstance(reporter.line, _Line):
            return  # it turns again
        self._slot.block(reporter.line.position)
        others = len(self._running) - 1
        reporter.log(
            "WARNING",
            f"this async function blocks the event loop at {place_of_stack(frame)}, and {others} other tasks"
            " wait: await what it waits for, or hand it to asyncio.to_thread",
        )


def outcome_of(line: _Line, task: asyncio.Task[tuple[str, bytes]], run_seconds: float) -> Row:
    """What ended a task, in the words of ``Executor``."""
    error = line.interruption if task.cancelled() else task.exception()
    if error is None and not task.cancelled():
        return Row(line.position, *task.result())
    if isinstance(error, TaskCancelled) and isinstance(line.interruption, TaskCancelled):
        return Row(line.position, "TaskCancelled", b"")
    body = failure_body(error or asyncio.CancelledError(), run_seconds=run_seconds)
    return Row(line.position, "failed", body)


class _Line:
    """What the code of one position may say. ``interruption``: why its task was cancelled by order."""

    def __init__(self, executor: LoopExecutor, position: int) -> None:
        self._executor, self.position = executor, position
        self.interruption: TaskCancelled | TaskTimeout | None = None

    def send(self, kind: str, body: bytes) -> None:
        self._executor.report(self.position, kind, body)

    def is_cancelled(self) -> bool:
        return isinstance(self.interruption, TaskCancelled)
