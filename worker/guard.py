"""The guard: main process of a worker node, and its fork server.

It imports everything once, stays single-threaded, opens no database or broker
connection, and forks the supervisor and, when the supervisor asks, executors.
Its one duty besides forking: no executor outlives its supervisor's attention.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worker import channel
from worker.birth import Birth, Kind
from worker.board import Board, boottime
from worker.control import Control, receive_message
from worker.forking import Child, Death, check_fork_safety, deaths, fork

log = logging.getLogger("taskdeck.worker")
LOOK_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOptions:
    """All in seconds."""

    self_stop: float = 8.0  # a tick older than this: kill the executors
    give_up: float = 30.0  # a tick older than this: kill the supervisor too
    stop_within: float = 5.0  # after a second signal
    backoff: float = 0.1  # before a new supervisor; doubles up to backoff_limit
    backoff_limit: float = 10.0
    healthy_after: float = 10.0  # a run this long resets the back-off


Supervise = Callable[[socket.socket, Board, Birth], int]
Execute = Callable[[socket.socket, memoryview, Kind], int]


class Guard:
    """``supervise`` and ``execute`` are the main functions of the children; each returns an exit status.

    The supervisor sends ``{"do": "fork", "number", "kind"}``. It is told ``{"event"}``: ``forked`` (number,
    pid, line of the board; descriptors: its end, the executor's end, a pidfd), ``exited`` (number,
    how, why, status), ``stalled`` (for, killed) and ``stop`` (now).
    """

    def __init__(self, supervise: Supervise, execute: Execute, options: GuardOptions) -> None:
        self._supervise, self._execute, self._options = supervise, execute, options
        self._board = Board()
        self._selector = selectors.EpollSelector()
        self._supervisor: Child | None = None
        self._control: Control | None = None
        self._executors: dict[int, Child] = {}  # by pid
        self._wanted: collections.deque[tuple[int, Kind]] = collections.deque()
        self._incarnation = ""
        self._previous: dict[str, str] | None = None
        self._started_at = self._seen_at = self._restart_at = 0.0
        self._backoff = options.backoff
        self._is_stalled = False
        self._signals = 0
        self._told = 0
        self._stop_by = 0.0
        self._status: int | None = None

    # The loop

    def run(self) -> int:
        """Until the supervisor has drained and ended. The node's exit status: 0 after a drain."""
        check_fork_safety()
        gc.collect()
        gc.freeze()  # collections in the children would copy every page of what is shared
        self._wake, self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(self._wake, selectors.EVENT_READ, self._drain_wakeup)
        while True:
            self._keep_supervisor()
            if self._status is not None and not self._executors:
                break
            for key, _ in self._selector.select(self._next_look()):
                key.data()  # may be stale within one turn: every callback is harmless when nothing waits
            self._pass_signals()
            self._check_tick()
            self._reap()
            self._fork_wanted()
            if self._control:
                self._control.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a further one must not replace the exit status
        return self._status

    def _next_look(self) -> float:
        pause = min(LOOK_EVERY_SECONDS, self._options.self_stop / 8)
        if self._supervisor is None and not self._executors:
            return max(0.0, min(pause, self._restart_at - boottime()))
        return pause

    def _on_signal(self, _signal: int, _frame: object) -> None:
        self._signals += 1

    def _drain_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 512)

    def _pass_signals(self) -> None:
        """Tell the supervisor by message: a Ctrl-C that the terminal gave to all would count twice."""
        while self._told < self._signals:
            self._told += 1
            if self._supervisor is None:
                self._status = 0 if self._status is None else self._status
            elif self._told <= 2:
                self._tell({"event": "stop", "now": self._told == 2})
            if self._told == 2:
                self._stop_by = boottime() + self._options.stop_within
        if self._supervisor and (self._told > 2 or 0 < self._stop_by < boottime()):
            self._supervisor.kill("did not stop in time")

    # The supervisor

    def _keep_supervisor(self) -> None:
        if self._supervisor or self._status is not None or boottime() < self._restart_at:
            return
        if self._executors:
            return  # a new supervisor may declare the old one lost only when its executors are dead
        try:
            check_fork_safety()
            self._new_supervisor()
        except OSError as error:  # out of processes, memory or descriptors
            log.error("cannot fork a supervisor now: %s", error)
            self._back_off()

    def _new_supervisor(self) -> None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        birth = Birth(uuid.uuid4().hex, self._previous)
        self._board.beat()
        self._started_at = self._seen_at = boottime()
        self._is_stalled = False
        try:
            self._selector.register(mine, selectors.EVENT_READ, self._read_control)
            self._control = Control(mine)
            self._supervisor = self._fork(lambda: self._supervise(theirs, self._board, birth))
        except OSError:
            self._drop_control()
            mine.close()
            raise
        finally:
            theirs.close()
        self._incarnation = birth.incarnation

    def _back_off(self) -> None:
        self._restart_at = boottime() + self._backoff
        self._backoff = min(self._backoff * 2, self._options.backoff_limit)

    def _check_tick(self) -> None:
        """Kill when the tick is old, and also when it was old and came back between two looks."""
        tick_at, now = self._board.tick_at, boottime()
        gap = max(now - tick_at, tick_at - self._seen_at)
        self._seen_at = max(tick_at, self._seen_at)
        if self._supervisor is None:
            return
        if gap <= self._options.self_stop:
            self._is_stalled = False
            return
        if not self._is_stalled:
            self._is_stalled = True
            log.error("supervisor has not turned for %.2f s: killing %d executors", gap, len(self._executors))
            killed = [child.number for child in self._executors.values()]
            for child in self._executors.values():
                child.kill("supervisor stalled")
            self._tell({"event": "stalled", "for": gap, "killed": killed})
        if now - tick_at > self._options.give_up:
            self._supervisor.kill("stalled")

    def _supervisor_gone(self, child: Child, death: Death) -> None:
        self._supervisor = None
        self._drop_control()
        for executor in self._executors.values():
            executor.kill("supervisor died")
        if self._told or death.status == 0:
            self._status = death.status
            return
        if boottime() - self._started_at > self._options.healthy_after:
            self._backoff = self._options.backoff
        log.error("supervisor %d %s; a new one in %.1f s", child.pid, death.how, self._backoff)
        self._back_off()
        self._previous = {"incarnation": self._incarnation, "how": child.why or death.how}

    def _drop_control(self) -> None:
        self._wanted.clear()
        if self._control is not None:
            self._selector.unregister(self._control.end)
            self._control.close()
            self._control = None

    def _read_control(self) -> None:
        while self._control is not None:
            try:
                message, _ = receive_message(self._control.end)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._drop_control()  # it is dead or ending; its pidfd says when, its tick if it hangs
                return
            if message["do"] == "fork":
                self._wanted.append((message["number"], message["kind"]))

    def _tell(self, message: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
        if self._control is not None:
            self._control.tell(message, fds)
        else:
            for fd in fds:
                os.close(fd)

    # Children

    def _fork_wanted(self) -> None:
        """Requests wait while the supervisor is stalled or the board full, and die with the supervisor."""
        while self._wanted and self._supervisor and not (self._is_stalled or self._board.is_full):
            try:
                self._new_executor(*self._wanted[0])
            except OSError as error:  # out of processes, memory or descriptors: tried again next turn
                log.error("cannot fork an executor now: %s", error)
                return
            self._wanted.popleft()

    def _new_executor(self, number: int, kind: Kind) -> None:
        with contextlib.ExitStack() as undo:
            spare = os.dup(self._wake)  # for the child's pidfd: after the fork no descriptor may be missing
            undo.callback(os.close, spare)
            ours, theirs = map(undo.enter_context, channel.pair())
            line = self._board.take()
            undo.callback(self._board.give_back, line)

            def main() -> int:
                os.close(spare)
                ours.close()
                return self._execute(theirs, self._board.line(line), kind)

            child = self._fork(main)
            undo.pop_all()
        child.number, child.line = number, line
        self._executors[child.pid] = child
        fds = (ours.detach(), theirs.detach(), os.dup2(child.pidfd, spare, inheritable=False))
        self._tell({"event": "forked", "number": number, "pid": child.pid, "line": line}, fds)

    def _fork(self, main: Callable[[], int]) -> Child:
        child = fork(main, self._release)
        try:
            self._selector.register(child.pidfd, selectors.EVENT_READ, self._reap)
        except OSError:
            child.kill("could not be watched")
            os.close(child.pidfd)
            raise
        return child

    def _release(self) -> None:
        """In a child: close what is the guard's alone, and other children's descriptors.

        The epoll is closed, never unregistered from: its registrations are shared with the guard.
        """
        self._selector.close()
        os.close(self._wake)
        os.close(self._wakeup)
        if self._control is not None:
            self._control.close()
        for child in [self._supervisor, *self._executors.values()]:
            if child is not None:
                os.close(child.pidfd)

    def _reap(self) -> None:
        for death in deaths(self._executors):
            if (child := self._supervisor) and death.pid == child.pid:
                self._forget(child)
                self._supervisor_gone(child, death)
            elif executor := self._executors.pop(death.pid, None):
                self._forget(executor)
                self._board.give_back(executor.line)
                facts = {
                    "number": executor.number,
                    "how": death.how,
                    "why": executor.why,
                    "status": death.status,
                }
                self._tell({"event": "exited", **facts})

    def _forget(self, child: Child) -> None:
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
