"""The executors whose event loop many tasks share: async functions.

One of them takes up to ``positions`` tasks; each starts at once, so a task is claimed for a free position
only. What has cost executors before, together with its neighbours, is then run apart from all others, in
an executor that is forked for it: it cannot take them along again and again.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import math
import signal
from collections.abc import Callable

from tasks_app.functions import registry
from worker.board import LoopSlot, Order, boottime
from worker.channel import Row, frames
from worker.crew import Calls, Crew, Nursery
from worker.held import Held
from worker.remote import Remote
from worker.watch import LOOK_EVERY_SECONDS

log = logging.getLogger("taskdeck.worker")
BLOCKED_SECONDS = 1.0
"""A loop that has not turned for so long is blocked by a function that should have awaited."""
STALL_LOOK_SECONDS = 0.1
"""Between two looks at a loop that turns, while it has tasks."""
SHARED_LOSSES = 2
"""So often may a task lose its executor together with its neighbours."""
MOST_APART = 4
"""Executors for one such task each, at a time."""


class LoopRemote(Remote[Held]):
    """``stalled_at``: the last turn of the loop when it was found blocked; 0.0 while it turns.

    ``due_at``: when the steps of what it runs are looked at again.
    """

    slot: LoopSlot

    def __init__(
        self,
        number: int,
        pid: int,
        fds: list[int],
        line: memoryview,
        loop: asyncio.AbstractEventLoop,
        *,
        is_apart: bool,
    ) -> None:
        super().__init__(number, pid, fds, line, loop)
        self.slot = LoopSlot(line)
        self.is_apart, self.is_relieved = is_apart, False
        self.stalled_at = self.due_at = 0.0
        self.stalls = 0
        self.blocking: Held | None = None

    def order(self, position: int, order: Order) -> None:
        """By frame, since orders for several tasks may be under way at once."""
        self.send(frames("order", [Row(position, order.name, b"")]))

    def ask_who_blocks(self) -> None:
        self._signal(signal.SIGUSR1)

    @property
    def is_open(self) -> bool:
        return not (self.is_relieved or self.stalled_at)


class Loops(Crew[LoopRemote]):
    """``on_blocked(held, seconds)``: a task keeps the loop from turning; told again when it turns."""

    kind = "loop"

    def __init__(
        self,
        nursery: Nursery,
        known: set[tuple[str, int]],
        calls: Calls,
        *,
        positions: int,
        on_blocked: Callable[[Held, float], None],
    ) -> None:
        super().__init__(nursery, known, calls)
        self._positions, self._on_blocked = positions, on_blocked
        self._apart: set[int] = set()

    def _remote(self, number: int, pid: int, fds: list[int], line: memoryview) -> LoopRemote:
        return LoopRemote(number, pid, fds, line, self._loop, is_apart=number in self._apart)

    def idle(self) -> int:
        """Free positions, less what waits here for one, less what runs on in executors that were replaced."""
        shared = [r for r in self._remotes.values() if not r.is_apart]
        free = sum(self._positions - len(r.given) for r in shared if r.is_open)
        return max(0, free - sum(len(r.given) for r in shared if r.is_relieved) - len(self._waiting))

    def forked(self, message: dict[str, object], fds: list[int]) -> None:
        super().forked(message, fds)
        if self._waiting:
            self._deal()

    def _deal(self) -> None:
        if self.is_closed or not self._may_start():
            return
        left: collections.deque[Held] = collections.deque()
        suspects = 0
        while self._waiting:
            held = self._waiting.popleft()
            apart = is_suspect(held)
            suspects += apart
            most = 1 if apart else self._positions
            fits = [
                r for r in self._remotes.values() if r.is_apart == apart and r.is_open and len(r.given) < most
            ]
            if fits:
                min(fits, key=lambda r: len(r.given)).give([held])
                suspects -= apart
            else:
                left.append(held)
        self._waiting = left
        coming = len(self._apart - self._remotes.keys())
        for _ in range(min(suspects - coming, MOST_APART - len(self._apart))):
            self._apart.add(self._ask())

    def _is_tired(self, held: Held, now: float) -> bool:
        return not is_suspect(held) and super()._is_tired(held, now)

    def _gone(self, remote: LoopRemote) -> None:
        if remote.is_apart:
            self._apart.discard(remote.number)
            self._deal()
        elif not remote.is_relieved:
            super()._gone(remote)

    def _hear(self, remote: LoopRemote) -> None:
        self._note_stall(remote, boottime())  # while the task that blocked can still be named
        was_busy = bool(remote.given)
        if remote.slot.is_leaving and not remote.is_relieved:
            remote.due_at = 0.0
        super()._hear(remote)
        if remote.is_apart and was_busy and not remote.given:
            remote.kill()  # it was for that one

    # Looking after what runs

    def look(self) -> None:
        """Take the steps that are due; notice who blocks, and free what waits behind it."""
        now = boottime()
        for remote in list(self._remotes.values()):
            self._note_stall(remote, now)
            self._look_at(remote, now)
            if remote.slot.is_leaving and not remote.is_relieved:
                remote.is_relieved = True
                self._return(remote.take_back())
                if not (remote.is_apart or self.is_closed):
                    self.ask_for_executors(1)
        if self._waiting:
            self._let_go_the_tired(now)

    def cancel(self, key: tuple[str, int]) -> None:
        for remote in self._remotes.values():
            if any(held.key == key for held in remote.given.values()):
                remote.due_at = 0.0
        super().cancel(key)

    def due_seconds(self) -> float:
        now = boottime()
        due = LOOK_EVERY_SECONDS if self._waiting else math.inf
        for remote in self._remotes.values():
            if remote.given:
                is_coming = next(reversed(remote.given)) > remote.slot.last
                due = min(due, LOOK_EVERY_SECONDS if is_coming else max(0.0, remote.due_at - now))
        return due

    def _look_at(self, remote: LoopRemote, now: float) -> None:
        last = remote.slot.last
        due = LOOK_EVERY_SECONDS if remote.stalled_at else STALL_LOOK_SECONDS
        for position, held in remote.given.items():
            if position > last:
                break
            held.began_at = held.began_at or now
            step = held.ladder.next_step(now - held.began_at, now)
            if step:
                self._take_step(remote, position, held, step)
                if step.order is None:
                    break
            due = min(due, held.ladder.due_seconds(now - held.began_at, now))
        remote.due_at = now + due

    def _note_stall(self, remote: LoopRemote, now: float) -> None:
        turned_at = remote.slot.turned_at
        is_stalled = remote.slot.tasks > 0 and now - turned_at > BLOCKED_SECONDS
        if is_stalled and remote.stalled_at != turned_at:
            remote.stalled_at, remote.blocking = turned_at, None
            remote.ask_who_blocks()
            self._return(remote.take_back())
        if remote.stalled_at and remote.slot.stalls != remote.stalls:
            remote.stalls = remote.slot.stalls
            remote.blocking = remote.given.get(remote.slot.blocking)
            if remote.blocking:
                self._on_blocked(remote.blocking, now - remote.stalled_at)
        if remote.stalled_at and turned_at != remote.stalled_at:
            if remote.blocking:
                self._on_blocked(remote.blocking, turned_at - remote.stalled_at)
            remote.stalled_at, remote.blocking = 0.0, None


def is_suspect(held: Held) -> bool:
    """Whether one more loss in company is more than its neighbours should risk."""
    allowed = registry.by_path(held.word).options.losses_allowed
    return held.task.losses >= min(SHARED_LOSSES, max(1, allowed))
