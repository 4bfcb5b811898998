"""Starting and finding real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOOPBACK = "127.0.0.1"
MARKER = "TASKDECK_TEST_MARKER"
FIRST_EPHEMERAL_PORT = 32_768


def free_port() -> int:
    """A port that nobody listened on a moment ago.

    Below the range from which the kernel serves outgoing connections, so that none of them takes it before
    the server starts (or while it is down for a restart).
    """
    while True:
        port = random.randrange(10_000, FIRST_EPHEMERAL_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port


def marked_processes(marker: str) -> dict[int, str]:
    """Every live process whose environment holds the marker: pid and command line."""
    needle = f"{MARKER}={marker}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], T], *, seconds: float, what: str) -> T:
    """Return the first true answer. Raises AssertionError when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def end_marked(marker: str, *, orderly_seconds: float = 0.0) -> None:
    """End every process with this marker, by SIGTERM if it obeys that quickly, else by SIGKILL."""
    asked: set[int] = set()
    orderly_until = time.monotonic() + orderly_seconds

    def none_is_left() -> bool:
        left = marked_processes(marker).keys()
        is_orderly = time.monotonic() < orderly_until
        for pid in left - asked if is_orderly else left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if is_orderly else signal.SIGKILL)
        asked.update(left)
        return not left

    wait_until(none_is_left, seconds=60, what=f"every process marked {marker} has ended")


async def until(condition: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """Let the event loop turn until the condition holds. Raises AssertionError when the deadline passes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
