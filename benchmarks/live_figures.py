"""What watching costs: a log of 100,000 lines, and the events that reach one open page.

    python -m benchmarks.live_figures

One machine by ``manage.py up`` (SQLite, Valkey, one executor), the shipped limits.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.machine import Up
from tests.support.processes import wait_until

LINES = 100_000
TASKS = 5_000
BULK = 1_000
MODULES = "benchmarks.noop_tasks,benchmarks.log_tasks"
SECONDS = 120


def ended(up: Up, path: str) -> dict[str, Any]:
    def look() -> Any:
        task = up.call(path)[1]
        return task and task["state"] == "succeeded" and task

    return dict(wait_until(look, seconds=SECONDS, what=f"{path} has succeeded"))


def log_of_many_lines(up: Up) -> None:
    started = time.monotonic()
    path = f"/api/tasks/{up.call('/api/functions/logs/', {'lines': LINES})[1]['task_id']}/"
    task = ended(up, path)
    run_seconds = time.monotonic() - started

    def last_page() -> Any:
        return up.call(f"{path}logs/?after=10000")[1]["results"]

    [last] = wait_until(last_page, seconds=SECONDS, what="the line that says that the log ends is shown")
    shown_seconds = time.monotonic() - started
    page_started = time.monotonic()
    page = up.call(f"{path}logs/?limit=1000")[1]["results"]
    page_ms = (time.monotonic() - page_started) * 1000
    print(f"log of {LINES:,} lines: captured in {task['result']:.2f} s of the function")
    print(f"  submit to success {run_seconds:.2f} s, to the last line shown {shown_seconds:.2f} s")
    print(f"  stored up to line {last['seq']:,}; a page of {len(page):,} lines takes {page_ms:.0f} ms")


def events_at_a_page(up: Up) -> None:
    address = f"ws://127.0.0.1:{up.port}/ws/"
    with connect(address, origin=up.url, proxy=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "subscribe", "topic": "tasks"}))
        next_frame(socket)
        started = time.monotonic()
        for _ in range(TASKS // BULK):
            tasks = [{"function": "noop", "arguments": {"number": 1}}] * BULK
            status, _ = up.call("/api/tasks/bulk/", {"tasks": tasks})
            assert status in (201, 202), status
        told, frames, stale, seconds = 0, 0, 0, 0.0
        while seconds < SECONDS:
            try:
                frame = next_frame(socket, timeout=2)
            except TimeoutError:
                break
            seconds = time.monotonic() - started
            frames += 1
            told += len(frame.get("events", ()))
            stale += frame["type"] == "stale"
    print(f"{TASKS:,} no-ops: {told:,} events in {frames} frames, the last after {seconds:.1f} s")
    print(f"  {told / seconds:,.0f} events/s at one page, {stale} times told to fetch anew instead")


def next_frame(socket: ClientConnection, timeout: float = 30) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=timeout))
    if "seq" in frame:
        socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
    return frame


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        up = Up(Path(folder), TASKDECK_MODULES=MODULES)
        try:
            up.wait_until_ready()
            log_of_many_lines(up)
            events_at_a_page(up)
        finally:
            up.end()


if __name__ == "__main__":
    main()
