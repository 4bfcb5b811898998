"""What a running attempt tells while it runs: progress, metadata and log lines.

The function only leaves them here. A thread of the executor sends what has changed every
SEND_EVERY_SECONDS, as long as an attempt runs that has something to tell, and the end of the attempt
sends the rest. Lost with a killed executor is what it said in the last SEND_EVERY_SECONDS.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import msgpack

from tasks_app.documents import check_document
from tasks_app.errors import InvalidDocument
from tasks_app.failures import clean
from tasks_app.interrupts import TaskCancelled, TaskTimeout
from tasks_app.loglines import MOST_LINE_LETTERS, LogLine, LogLines

SEND_EVERY_SECONDS = 0.2
RATE_SAMPLES = 50
MOST_STAGE_LETTERS = 200
MOST_METADATA_BYTES = 16 * 1024
BODY_BYTES = 24 * 1024
LINE_OVERHEAD_BYTES = 40


class Line(Protocol):
    """From one running attempt to its supervisor."""

    def send(self, kind: str, body: bytes) -> None:
        """``progress`` or ``log``; nothing is sent once the attempt is over."""

    def is_cancelled(self) -> bool:
        """Whether a cancel of this attempt was asked for."""


class LoopLine(Line, Protocol):
    """Of an attempt that shares an event loop."""

    interruption: TaskCancelled | TaskTimeout | None
    """Why its asyncio task was cancelled, where that was by order."""


def _last_written(line: str) -> str:
    """What a terminal would show: a progress bar returns to the start of its line, again and again."""
    return line.rstrip("\r").rpartition("\r")[2]


class DeadLine:
    """Nobody watches."""

    def send(self, kind: str, body: bytes) -> None: ...

    def is_cancelled(self) -> bool:
        return False


class Reporter:
    """One attempt's. ``at`` is (done, total, stage) as the function told it last, None before."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.at: tuple[float, float | None, str] | None = None
        self.metadata: dict[str, Any] = {}
        self.lines = LogLines()
        self._begun: dict[str, str] = {}  # printed, and not yet a line, by level
        self.is_watched = False
        self.is_over = False
        self._sent_at: tuple[float, float | None, str] | None = None
        self._sent_metadata = "{}"
        self._seq = 0
        self._samples: deque[tuple[float, float]] = deque(maxlen=RATE_SAMPLES)
        self._sampled_stage = ""
        self._lock = threading.Lock()

    def watch(self) -> None:
        """From now on what changes is sent."""
        self.is_watched = True
        _pulse.watch(self)

    def log(self, level: str, text: str) -> None:
        self.lines.add(level, text)
        if not self.is_watched:
            self.watch()

    def printed(self, level: str, text: str) -> None:
        """Log each whole line; a long one in pieces, and of what is written over itself the last."""
        *lines, rest = (self._begun.get(level, "") + text).split("\n")
        if len(rest) > MOST_LINE_LETTERS:
            lines, rest = [*lines, rest], ""
        self._begun[level] = _last_written(rest) + ("\r" if rest.endswith("\r") else "")
        for line in lines:
            self.log(level, _last_written(line))

    def finish(self) -> None:
        """Send the rest, before the outcome goes."""
        for level, text in self._begun.items():
            if shown := _last_written(text):
                self.log(level, shown)
        self.is_over = True
        if self.is_watched:
            self.flush()

    def flush(self) -> None:
        with self._lock:  # the outcome must not overtake what the thread is sending
            self._send_progress(time.monotonic())
            self._send_lines(self.lines.take())

    def _send_progress(self, now: float) -> None:
        at, metadata = self.at, self._metadata_text()
        if at == self._sent_at and metadata == self._sent_metadata:
            return
        try:
            done, total, stage = at or (None, None, "")
            numbers = {"done": _number(done), "total": _number(total)}
        except (TypeError, ValueError, OverflowError) as error:
            wrong = "what is larger than a float can be" if isinstance(error, OverflowError) else _told(at)
            self.lines.add("WARNING", f"progress takes finite numbers, not {wrong}")
            self.at = self._sent_at
            return
        numbers["rate"] = self._rate(numbers["done"], stage, now)
        self._sent_at, self._sent_metadata, self._seq = at, metadata, self._seq + 1
        texts = {"stage": clean(str(stage))[:MOST_STAGE_LETTERS], "metadata": metadata}
        self.line.send("progress", msgpack.packb({**numbers, **texts, "seq": self._seq}))

    def _rate(self, done: float | None, stage: str, now: float) -> float | None:
        """Units per second over the last RATE_SAMPLES; each stage counts anew."""
        if done is None:
            return None
        if self._samples and (done < self._samples[-1][1] or stage != self._sampled_stage):
            self._samples.clear()
        self._sampled_stage = stage
        self._samples.append((now, done))
        seconds = now - self._samples[0][0]
        rate = (done - self._samples[0][1]) / seconds if seconds > 0 else math.inf
        return rate if math.isfinite(rate) else None

    def _metadata_text(self) -> str:
        """As JSON; what was sent last where it cannot be sent now."""
        if not self.metadata:
            return "{}"
        try:
            check_document(dict(self.metadata), field="metadata")
            text = json.dumps(self.metadata)
        except RuntimeError:  # the function changes it at this moment
            return self._sent_metadata
        except InvalidDocument as error:
            fault = str(error)
        else:
            if len(text) <= MOST_METADATA_BYTES:
                return text
            fault = f"metadata: has {len(text)} characters; at most {MOST_METADATA_BYTES} can be stored"
        self.metadata = json.loads(self._sent_metadata)
        self.lines.add("WARNING", fault)
        return self._sent_metadata

    def _send_lines(self, lines: list[LogLine]) -> None:
        body: list[LogLine] = []
        size = 0
        for line in lines:
            weight = len(line.text.encode()) + LINE_OVERHEAD_BYTES
            if body and size + weight > BODY_BYTES:
                self.line.send("log", msgpack.packb(body))
                body, size = [], 0
            body.append(line)
            size += weight
        if body:
            self.line.send("log", msgpack.packb(body))


def _told(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # whatever a task's own object raises, or an integer of 5,000 digits
        return f"what cannot be shown ({type(error).__name__})"


def _number(value: float | None) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


class _Pulse:
    """The thread; it starts with the first attempt that has something to tell."""

    def __init__(self) -> None:
        # its put() is one C call, so a signal's exception leaves nothing half done
        self._watched: queue.SimpleQueue[Reporter] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def watch(self, reporter: Reporter) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="taskdeck-pulse", daemon=True)
            self._thread.start()
        self._watched.put(reporter)

    def _run(self) -> None:
        running: list[Reporter] = []
        while True:
            while not running or not self._watched.empty():
                running.append(self._watched.get())
            time.sleep(SEND_EVERY_SECONDS)
            running = [reporter for reporter in running if not reporter.is_over]
            try:
                for reporter in running:
                    reporter.flush()
            except OSError:
                return  # the supervisor is gone, and with it this process


_pulse = _Pulse()
_current: Reporter | None = None
_in_loop: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


def current_reporter() -> Reporter | None:
    """That of the attempt which runs in this process, or in this context where many share an event loop."""
    return _current or _in_loop.get()


@contextmanager
def reporting(line: Line) -> Iterator[Reporter]:
    """For the time of one attempt."""
    global _current
    before, _current = _current, Reporter(line)
    reporter = _current
    try:
        yield reporter
    finally:
        _current = before
        reporter.finish()


@contextmanager
def reporting_in_loop(line: LoopLine) -> Iterator[Reporter]:
    """For the time of one attempt, which is an asyncio task: the context is its own."""
    reporter = Reporter(line)
    _in_loop.set(reporter)
    try:
        yield reporter
    finally:
        reporter.finish()
