"""The tests' handle on a demo node: starts it, talks to it, and ends what it started."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0
V = TypeVar("V")


def wait_for(condition: Callable[[], V | None], what: str, seconds: float = DEADLINE_SECONDS) -> V:
    """The first true value of the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


def process_state(pid: int) -> str:
    """The letter of proc(5); "gone" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def is_alive(pid: int) -> bool:
    return process_state(pid) not in ("gone", "Z", "X")


def wait_until_gone(*pids: int) -> None:
    wait_for(lambda: not any(map(is_alive, pids)), f"{pids} are gone")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid: int) -> set[str]:
    """The names of a process's sockets; the standard three aside."""
    folder = Path(f"/proc/{pid}/fd")
    names = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            if int(name) > 2:
                names.append(os.readlink(folder / name))
    return {name for name in names if name.startswith("socket:")}


class Node:
    def __init__(self, folder: Path, *args: str, executors: int = 2) -> None:
        self.path, self.log_path, self.executors = folder / "s", folder / "log", executors
        self._log = self.log_path.open("w")
        command = [sys.executable, "-m", "tests.support.demo_node", "--socket", str(self.path)]
        self.process = subprocess.Popen(
            [*command, "--executors", str(executors), *args],
            stdout=self._log,
            stderr=self._log,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        self._line: socket.socket | None = None
        self.known: set[int] = set()
        self._seen: list[dict[str, Any]] = []
        self.supervisor = self.connect()

    def connect(self, not_pid: int = 0) -> int:
        """Wait for a supervisor (other than ``not_pid``) with all its executors; its pid."""

        def attempt() -> int | None:
            self.hang_up()
            self._line = socket.socket(socket.AF_UNIX)
            self._line.settimeout(DEADLINE_SECONDS)
            try:
                self._line.connect(str(self.path))
                self._file = self._line.makefile("rb")
                pid: int = self.state()["pid"]
            except (OSError, ValueError):
                return None
            return pid if pid != not_pid else None

        self.supervisor = wait_for(attempt, "the supervisor answers")
        self.ready()
        return self.supervisor

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.close()

    def ask(self, do: str, **facts: Any) -> Any:
        assert self._line is not None
        self._line.sendall(json.dumps({"do": do, **facts}).encode() + b"\n")
        return json.loads(self._file.readline())

    def submit(self, word: str, body: str = "", **facts: Any) -> int:
        serial: int = self.ask("submit", word=word, body=body, **facts)
        return serial

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.ask("state")
        self.known.update([state["pid"], *(row["pid"] for row in state["executors"])])
        return state

    def ready(self, *not_pids: int) -> list[int]:
        """Wait for all executors, none of them one of ``not_pids``; their pids."""

        def check() -> list[int] | None:
            pids = [row["pid"] for row in self.state()["executors"]]
            return pids if len(pids) == self.executors and not set(pids) & set(not_pids) else None

        return wait_for(check, "every executor is up")

    def settled(self, count: int) -> dict[str, Any]:
        return wait_for(lambda: ((s := self.state())["settled"] >= count and s) or None, f"{count} settled")

    def running(self, serial: int) -> int:
        """Wait until the task runs; the executor's pid."""

        def check() -> int | None:
            return next((row["pid"] for row in self.state()["executors"] if row["running"] == serial), None)

        return wait_for(check, f"task {serial} runs")

    def event(self, name: str, **facts: Any) -> dict[str, Any]:
        """Wait for an event with these facts and take it."""

        def check() -> dict[str, Any] | None:
            self._seen += self.ask("events")
            for event in self._seen:
                if event["event"] == name and facts.items() <= event.items():
                    self._seen.remove(event)
                    return event
            return None

        return wait_for(check, f"event {name} {facts}")

    def text(self) -> str:
        return self.log_path.read_text()

    def drained(self) -> dict[str, Any]:
        """What the supervisor printed at the end of its drain."""
        line = next(line for line in self.text().splitlines() if line.startswith('{"drained"'))
        report: dict[str, Any] = json.loads(line)
        return report

    def end(self) -> None:
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()
        wait_until_gone(*self.known)


StartNode = Callable[..., Node]
