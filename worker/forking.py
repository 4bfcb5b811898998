"""Forking a child that dies with its parent and inherits nothing that is not its own."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple

libc = ctypes.CDLL(None, use_errno=True)  # loaded before any fork
PR_SET_PDEATHSIG = 1
EX_SOFTWARE = 70


@dataclass(slots=True)
class Child:
    pid: int
    pidfd: int
    number: int = 0  # of an executor; 0 is the supervisor
    line: int = 0  # of the board
    why: str = ""  # set when the guard itself killed it

    def kill(self, why: str) -> None:
        """An executor goes with the programs that its tasks started: its process group."""
        self.why = self.why or why
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        if self.number:
            kill_group(self.pid)


class Death(NamedTuple):
    pid: int
    how: str
    status: int  # as a shell counts: 128 + the signal's number


def die_with(parent: int) -> None:
    """Be killed when the parent dies. The check after it covers a parent that died before (prctl(2))."""
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def open_sockets() -> list[int]:
    """Descriptors above the standard three that are sockets."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.append(int(name))
        except OSError:
            pass  # the descriptor of the listing itself
    return found


def check_fork_safety() -> None:
    """RuntimeError when this process has a second thread or a socket, which a fork breaks or shares."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the guard has {threads} threads; something imported at start began one")
    if sockets := open_sockets():
        raise RuntimeError(f"descriptors {sockets} are sockets that every child would inherit")


def do_nothing(_signal: int, _frame: object) -> None:
    """A handler, not SIG_IGN: an ignored signal stays ignored in programs that a task starts."""


def fork(main: Callable[[], int], release: Callable[[], None]) -> Child:
    """Run ``main`` in a new process; it returns the exit status. ``release`` closes what is the parent's."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            become_child(parent, main, release, mask)  # does not return
        try:
            return Child(pid, os.pidfd_open(pid))
        except OSError:
            os.kill(pid, signal.SIGKILL)
            raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def become_child(
    parent: int, main: Callable[[], int], release: Callable[[], None], mask: set[int | signal.Signals]
) -> None:
    status = EX_SOFTWARE
    try:
        die_with(parent)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, do_nothing)
        release()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = main()
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def deaths(leaders: Container[int]) -> Iterator[Death]:
    """Reap every dead child, strangers included (a container's process 1 inherits orphans).

    The process group of a dead leader is killed before the reaping frees its number.
    """
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None:
            return
        if dead.si_pid in leaders:
            kill_group(dead.si_pid)
        os.waitpid(dead.si_pid, 0)
        if dead.si_code == os.CLD_EXITED:
            yield Death(dead.si_pid, f"exit {dead.si_status}", dead.si_status)
        else:
            yield Death(dead.si_pid, f"killed by {signal_name(dead.si_status)}", 128 + dead.si_status)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # of the real-time signals only the first and the last have one
        return f"signal {number}"
