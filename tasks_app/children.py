"""Child processes of `manage.py up`: prefixed output, restarts with back-off, one orderly stop."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

PR_SET_PDEATHSIG = 1
FIRST_BACK_OFF_SECONDS = 0.5
LAST_BACK_OFF_SECONDS = 10.0
STEADY_SECONDS = 10.0
"""A child that ran this long starts over with the shortest back-off."""

HUNG_UP_STOP_SECONDS = 1.5
"""For each step of the stop when nobody is left to watch it."""

_libc = ctypes.CDLL(None, use_errno=True)
_output_lock = threading.Lock()


def say(name: str, line: str) -> None:
    """Print one line under the name of its process."""
    with _output_lock:
        sys.stdout.write(f"{name:>7} | {line}\n")
        sys.stdout.flush()


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel for this signal when the parent ends; end at once when it already has."""
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:
        os._exit(1)


class Child:
    """One process that is kept running."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[], subprocess.Popen[bytes]],
        *,
        leave_out: str | None = None,
        grace_seconds: float | None = None,
    ) -> None:
        """`leave_out`: lines with this text are not shown. `grace_seconds`: how long it may take to end, else
        it is killed; None leaves that to the steps of `Children.stop`."""
        self.name = name
        self._leave_out = leave_out
        self.grace_seconds = grace_seconds
        self._spawn = spawn
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self._back_off_seconds = FIRST_BACK_OFF_SECONDS
        self._started_at = 0.0
        self._due_at = 0.0
        self._asked_at: float | None = None  # to end, so that it starts anew

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._started_at = time.monotonic()
        self._process = self._spawn()
        assert self._process.stdout is not None
        self._pump = threading.Thread(target=self._pump_lines, args=(self._process.stdout,), daemon=True)
        self._pump.start()

    def keep_running(self) -> None:
        """Note an exit, and start the process again once its back-off has passed."""
        now = time.monotonic()
        if self.is_running:
            if self._asked_at is not None and self.is_overdue(now - self._asked_at):
                self.send(signal.SIGKILL)
            return
        if self._asked_at is not None:
            self._process = self._asked_at = None
        if self._process is not None:
            status = self._process.returncode
            self._process = None
            if now - self._started_at >= STEADY_SECONDS:
                self._back_off_seconds = FIRST_BACK_OFF_SECONDS
            self._wait(f"ended with status {status}", now)
        elif now >= self._due_at:
            try:
                self.start()
            except Exception as error:
                self._wait(f"did not start: {error}", now)

    def restart(self) -> None:
        """Let the process end in order; `keep_running` starts it again without a pause."""
        self._back_off_seconds, self._due_at = FIRST_BACK_OFF_SECONDS, 0.0
        if self.is_running and self._asked_at is None:
            self._asked_at = time.monotonic()
            self.send(signal.SIGTERM)

    def is_overdue(self, seconds: float) -> bool:
        """Whether a process that was asked to end that long ago is to be killed."""
        return self.grace_seconds is not None and seconds > self.grace_seconds

    def _wait(self, what: str, now: float) -> None:
        say(self.name, f"{what}; starting again in {self._back_off_seconds:g} s")
        self._due_at = now + self._back_off_seconds
        self._back_off_seconds = min(self._back_off_seconds * 2, LAST_BACK_OFF_SECONDS)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _pump_lines(self, stream: IO[bytes]) -> None:
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            if self._leave_out is None or self._leave_out not in line:
                say(self.name, line)

    def finish_output(self) -> None:
        if self._pump is not None:
            self._pump.join(1)


class Children:
    """The children of one terminal. Used from the main thread only, which the kernel takes for the parent."""

    def __init__(self, *, stop_seconds: float) -> None:
        self._children: list[Child] = []
        self._stop_seconds = stop_seconds
        self._signals = 0
        self._stop_began_at = 0.0

    def install_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, self._hang_up)

    def _note(self, number: int, frame: object) -> None:
        self._signals += 1

    def _hang_up(self, number: int, frame: object) -> None:
        """The terminal is gone, or the parent: nobody waits for running tasks; they run again after a start.

        Never a second request: it may follow Ctrl-C by itself.
        """
        if not self._signals:
            self._signals = 1
            self._stop_seconds = HUNG_UP_STOP_SECONDS

    @property
    def is_stopping(self) -> bool:
        return self._signals > 0

    def add(self, child: Child) -> None:
        self._children.append(child)
        child.start()

    def watch(self, each_turn: Callable[[], None]) -> None:
        """Keep all running until the first signal to stop."""
        while not self.is_stopping:
            self.keep_running()
            each_turn()
            time.sleep(0.1)

    def keep_running(self) -> None:
        for child in self._children:
            child.keep_running()

    def restart(self) -> None:
        for child in self._children:
            child.restart()

    def stop(self) -> None:
        """Ask every child to end, ask again (a worker then no longer waits for running tasks), then kill."""
        running = [child for child in self._children if child.is_running]
        self._stop_began_at = time.monotonic()
        for step in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            for child in running:
                child.send(step)
            self._wait_for(running)
        for child in self._children:
            child.finish_output()

    def _stopped_for_seconds(self) -> float:
        return time.monotonic() - self._stop_began_at

    def _wait_for(self, running: list[Child]) -> None:
        """Until all have ended, the time for this step is over or another signal arrives."""
        seen = self._signals
        deadline = time.monotonic() + self._stop_seconds
        while any(child.is_running for child in running):
            for child in running:
                if child.is_overdue(self._stopped_for_seconds()):
                    child.send(signal.SIGKILL)
            if time.monotonic() > deadline or self._signals > seen:
                return
            time.sleep(0.02)


def spawn(
    argv: list[str], environment: dict[str, str], directory: str, *, orphan_signal: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start one child in a session of its own, so that Ctrl-C reaches it as our SIGTERM only.

    `orphan_signal` is what the kernel sends it when this process is killed.
    """
    parent_pid = os.getpid()
    return subprocess.Popen(
        argv,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent_pid, orphan_signal),
    )
