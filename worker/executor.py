"""The executor: takes one task at a time, runs it on its main thread, sends outcomes and progress."""

from __future__ import annotations

import collections
import signal
import threading
import time
from collections.abc import Callable

from tasks_app.failures import failure_body
from tasks_app.interrupts import TaskCancelled, TaskTimeout
from tasks_app.reporting import Line
from worker.board import Order, Slot
from worker.channel import Channel, Row, frames
from worker.recycling import Limits, Recycling
from worker.runtimes import AHEAD_SECONDS

FLUSH_AFTER_SECONDS = AHEAD_SECONDS / 4
"""Later, it would run dry before more of what it has ended is claimed."""
NO_LIMITS = Limits()
Run = Callable[[str, bytes, Line], tuple[str, bytes]]


class Executor:
    """Frames in: ``run``, rows of the tasks' words and bodies. Frames out:

    - ``outcome``, rows in the order of the ends. The word is what ``run`` returned, or
      ``TaskCancelled`` after a cancel order, or ``failed`` for whatever else escaped from ``run``.
    - ``progress`` and ``log``, one row: the body that the running task reported.
    - ``unstarted``, rows without word and body: tasks that a nudge found waiting behind the running one.

    Outcomes gather while further tasks wait, at most FLUSH_AFTER_SECONDS or until a nudge.
    """

    def __init__(self, channel: Channel, slot: Slot, run: Run, limits: Limits = NO_LIMITS) -> None:
        self._channel, self._slot, self._run = channel, slot, run
        self._recycling = Recycling(limits)
        self._waiting: collections.deque[Row] = collections.deque()  # came with the running one
        self._outcomes: list[Row] = []
        self._oldest_at = 0.0
        self._is_sending = self._is_postponed = False
        self._inside = 0  # position whose code may be interrupted
        self._nudged = 0
        self._interrupted = 0  # position that was interrupted already: once per task
        self._main_thread = threading.get_ident()

    def run(self) -> int:
        """Until every copy of the other end is closed or a limit is reached; the exit status."""
        signal.signal(signal.SIGUSR1, self._on_order)
        try:
            while True:
                self._waiting.extend(self._next_rows())
                while self._waiting:
                    self._end_one(self._waiting.popleft())
                    if status := self._recycling.status():
                        self._flush()
                        return status
        except EOFError:
            return 0

    def _next_rows(self) -> list[Row]:
        frame = self._channel.receive(wait=False)
        if frame is None:
            self._flush()
            frame = self._channel.receive(wait=True)
        return frame[1] if frame else []

    def _end_one(self, row: Row) -> None:
        self._slot.begin(row.serial)
        outcome = self._run_one(row)
        now = time.monotonic()
        if not self._outcomes:
            self._oldest_at = now
        self._outcomes.append(outcome)
        self._slot.end()
        if now - self._oldest_at > FLUSH_AFTER_SECONDS:
            self._flush()

    def _run_one(self, row: Row) -> Row:
        position, word, body = row
        started = time.monotonic()
        try:
            self._inside = position
            try:
                kind, outcome = self._run(word, body, _Line(self, position))
            finally:
                self._inside = 0
        except BaseException as error:
            self._inside = 0  # the signal may have landed inside the finally above
            if isinstance(error, TaskCancelled) and self._interrupted == position:
                return Row(position, "TaskCancelled", b"")
            return Row(position, "failed", failure_body(error, run_seconds=time.monotonic() - started))
        return Row(position, kind, outcome)

    def is_cancelled(self, position: int) -> bool:
        return self._slot.stop == (position, Order.CANCEL)

    def report(self, position: int, kind: str, body: bytes) -> None:
        """Send a report, after the outcomes that wait. Blocks while the supervisor is behind."""
        if position != self._inside:
            return  # a thread that outlived its task
        rows = [Row(position, "", body)]
        if threading.get_ident() != self._main_thread:
            for packet in frames(kind, rows):
                self._channel.send(packet, wait=True)  # no signal handler runs on this thread
            return
        self._is_sending = True  # before the outcomes are taken, so that no order comes between
        done, self._outcomes = self._outcomes, []
        self._send([("outcome", done), (kind, rows)])

    def _flush(self) -> None:
        """Blocks while the supervisor is behind: that is the back-pressure on a chatty task."""
        if self._outcomes:
            self._is_sending = True
            done, self._outcomes = self._outcomes, []
            self._send([("outcome", done)])

    def _give_back(self) -> None:
        """What has ended, and what waits behind the running task."""
        self._is_sending = True
        done, self._outcomes = self._outcomes, []
        unstarted = [Row(row.serial, "", b"") for row in self._waiting]
        self._waiting.clear()
        self._send([("outcome", done), ("unstarted", unstarted)])

    def _send(self, batches: list[tuple[str, list[Row]]]) -> None:
        """Never interrupted half way: an order that comes meanwhile is obeyed after it."""
        self._is_sending = True
        try:
            for kind, rows in batches:
                for packet in frames(kind, rows):
                    self._channel.send(packet, wait=True)
        finally:
            self._is_sending = False
        if self._is_postponed:
            self._is_postponed = False
            self._on_order()

    def _on_order(self, _signal: int = 0, _frame: object = None) -> None:
        if self._is_sending:
            self._is_postponed = True
            return
        inside = self._inside
        if not inside:
            return  # for a task that is over
        if self._slot.nudge == inside != self._nudged:
            self._nudged = inside
            self._give_back()
        position, order = self._slot.stop
        if position == self._inside != self._interrupted:
            self._interrupted = position
            raise TaskCancelled if order == Order.CANCEL else TaskTimeout


class _Line:
    """What the code of one position may say."""

    def __init__(self, executor: Executor, position: int) -> None:
        self._executor, self._position = executor, position

    def send(self, kind: str, body: bytes) -> None:
        self._executor.report(self._position, kind, body)

    def is_cancelled(self) -> bool:
        return self._executor.is_cancelled(self._position)
