"""A reporter: what leaves the executor, and what is held back."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from tasks_app import log_capture
from tasks_app.context import TaskContext, current_task, running
from tasks_app.progress import eta_seconds
from tasks_app.reporting import DeadLine, Reporter
from tests.support.processes import wait_until


class Kept(DeadLine):
    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, kind: str, body: bytes) -> None:
        self.sent.append((kind, msgpack.unpackb(body)))

    def last(self, *keys: str) -> tuple[Any, ...]:
        [*_, (_, body)] = [item for item in self.sent if item[0] == "progress"]
        return tuple(body[key] for key in keys)

    def lines(self) -> list[tuple[str, str]]:
        return [(level, text) for kind, body in self.sent if kind == "log" for _, _, level, text in body]


@pytest.fixture
def line() -> Kept:
    return Kept()


@pytest.fixture
def context(line: Kept) -> Iterator[TaskContext]:
    with running(task_id="t", attempt=1, line=line, result=lambda: None) as context:
        yield context


def test_a_task_that_tells_nothing_sends_nothing_and_starts_no_thread(line: Kept) -> None:
    before = set(threading.enumerate())
    with running(task_id="t", attempt=1, line=line, result=lambda: None):
        assert current_task() is not None
    assert line.sent == []
    assert set(threading.enumerate()) <= before
    assert current_task() is None


def test_the_last_word_is_sent_while_the_task_still_runs(line: Kept, context: TaskContext) -> None:
    for number in range(1000):
        context.progress(number, 1000, "Counting")
    wait_until(lambda: line.sent, seconds=60, what="a report leaves")
    wait_until(
        lambda: line.last("done", "total", "stage") == (999, 1000, "Counting"),
        seconds=60,
        what="the last word",
    )
    assert len(line.sent) <= 3


def test_items_without_a_length_are_tracked_too(line: Kept) -> None:
    with running(task_id="t", attempt=1, line=line, result=lambda: None) as context:
        assert list(context.track(number for number in range(5))) == [0, 1, 2, 3, 4]
        assert list(context.track([], "Nothing")) == []
    assert line.last("done", "total", "stage") == (0, 0, "Nothing")


def test_the_rate_is_that_of_the_stage(line: Kept, context: TaskContext) -> None:
    context.progress(100, 1000, "One")
    wait_until(lambda: line.sent, seconds=60, what="a report leaves")
    context.progress(200, 1000, "One")
    wait_until(lambda: line.last("done") == (200,), seconds=60, what="the next report leaves")
    [rate] = line.last("rate")
    assert 0 < rate <= 100 / 0.19  # reports are 0.2 s apart or more
    context.progress(1, 2, "Two")
    wait_until(lambda: line.last("stage") == ("Two",), seconds=60, what="the new stage leaves")
    assert line.last("rate") == (None,)


def test_no_rate_and_no_time_left_is_beyond_what_json_can_tell(line: Kept) -> None:
    with running(task_id="t", attempt=1, line=line, result=lambda: None) as context:
        context.progress(-1e308)
        context._reporter.flush()
        context.progress(1e308)
    assert line.last("done", "rate") == (1e308, None)
    assert eta_seconds(0, 1e308, 1e-5) is None
    assert eta_seconds(0, 10, 2) == 5.0


def test_metadata_is_sent_when_it_changes(line: Kept, context: TaskContext) -> None:
    context.metadata["a"] = 1
    wait_until(lambda: line.sent and line.last("metadata") == ('{"a": 1}',), seconds=60, what="it leaves")
    context.metadata.clear()
    wait_until(lambda: line.last("metadata") == ("{}",), seconds=60, what="its end leaves")


@pytest.mark.parametrize("bad", [{"a": object()}, {"a": float("nan")}, {"a": "x" * 20_000}])
def test_metadata_that_cannot_be_stored_is_told_in_the_log(line: Kept, bad: dict[str, Any]) -> None:
    with running(task_id="t", attempt=1, line=line, result=lambda: None) as context:
        context.metadata.update(bad)
    assert [kind for kind, _ in line.sent] == ["log"]
    assert line.lines()[0][1].startswith("metadata")


@pytest.mark.parametrize(
    "bad", [float("nan"), "x", 1j, 10**5000], ids=["nan", "text", "complex", "too large"]
)
def test_progress_that_is_no_number_is_told_in_the_log(line: Kept, bad: Any) -> None:
    with running(task_id="t", attempt=1, line=line, result=lambda: None) as context:
        context.progress(1, 2)
        context.progress(bad, 2)
    assert line.lines()[0][0] == "WARNING"


def test_lines_are_captured_inside_a_task_only(line: Kept, caplog: pytest.LogCaptureFixture) -> None:
    handler = log_capture.CaptureHandler()
    logging.getLogger().addHandler(handler)
    try:
        logging.getLogger("a").warning("before")
        with running(task_id="t", attempt=1, line=line, result=lambda: None):
            logging.getLogger("a").warning("inside %s", "\x00 \ud800")
            logging.getLogger("a").warning("x" * 10_000)
        logging.getLogger("a").warning("after")
    finally:
        logging.getLogger().removeHandler(handler)
    assert [text[:8] for _, text in line.lines()] == ["inside \ufffd", "xxxxxxxx"]
    assert line.lines()[1][1].endswith("… (1808 more characters)")


def test_progress_that_cannot_even_be_shown_is_refused_in_the_log(context: TaskContext, line: Kept) -> None:
    context.progress(float("nan"), 10**5000)  # Python writes no integer of so many digits
    wait_until(line.lines, seconds=10, what="a line of the log")
    assert line.lines() == [
        ("WARNING", "progress takes finite numbers, not what cannot be shown (ValueError)")
    ]


def test_metadata_with_a_key_that_is_no_string_stops_no_later_report(
    context: TaskContext, line: Kept
) -> None:
    context.metadata["by_status"] = {200: 5}
    wait_until(line.lines, seconds=10, what="a line of the log")
    context.progress(1, 2)
    wait_until(lambda: any(kind == "progress" for kind, _ in line.sent), seconds=10, what="progress")
    assert line.last("done", "total") == (1, 2)


def test_what_is_printed_is_told_by_whole_lines_and_at_the_end_the_rest(line: Kept) -> None:
    stream = log_capture.CaptureStream(io.StringIO(), "STDOUT")
    with running(task_id="t", attempt=1, line=line, result=lambda: None):
        for text in ("one\ntw", "o\r\n", "10 %\r20 %", "\r30 %\n", "y" * 10_000, "z\n", "the rest"):
            stream.write(text)
    assert [text for _, text in line.lines()] == [
        "one",
        "two",
        "30 %",
        "y" * 8192 + "… (1808 more characters)",
        "z",
        "the rest",
    ]


@pytest.mark.parametrize("bar", ["\r{} %", "{} %\r"])
def test_of_a_line_that_is_written_over_itself_the_last_is_told(line: Kept, bar: str) -> None:
    reporter = Reporter(line)
    for number in range(100_000):
        reporter.printed("STDERR", bar.format(number))
    reporter.finish()
    assert line.lines() == [("STDERR", "99999 %")]
