"""The executors of one kind as a whole: who holds which task, what comes back, what died."""

from __future__ import annotations

import abc
import asyncio
import collections
import itertools
import logging
import math
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from tasks_app.transitions import Claimed
from worker.birth import Kind
from worker.board import Board, boottime
from worker.control import send_message
from worker.held import Held, pack
from worker.ladder import Step
from worker.recycling import REASONS
from worker.remote import Remote
from worker.watch import LOOK_EVERY_SECONDS

log = logging.getLogger("taskdeck.worker")
PATIENCE_SECONDS = 0.2  # how long a claimed task may wait for an executor here


@dataclass(frozen=True, slots=True)
class Nursery:
    """Where executors come from: the guard, at the other end of ``control``."""

    control: socket.socket
    board: Board
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a crew tells its owner.

    ``on_frame(held, kind, body)``: an executor sent something; ``on_step(held, step)``: a running task was
    interrupted or its executor killed; ``on_killed(held)``: that killed executor is dead;
    ``on_lost(tasks, counts)``: they had begun when their executor died otherwise; ``on_unstarted(tasks)``:
    they never began; ``on_room()``: more may be claimed; ``on_change()``: ``look`` may be due earlier.
    Nothing starts unless ``may_start()``.
    """

    may_start: Callable[[], bool]
    on_frame: Callable[[Held, str, bytes], object]
    on_step: Callable[[Held, Step], None]
    on_killed: Callable[[Held], None]
    on_lost: Callable[[list[Held], bool], None]
    on_unstarted: Callable[[list[Held]], None]
    on_room: Callable[[], None]
    on_change: Callable[[], None]


R = TypeVar("R", bound=Remote[Held])


class Crew(abc.ABC, Generic[R]):
    """``known``: the attempts of this node from claim to recorded end, whichever crew holds them."""

    kind: ClassVar[Kind]

    def __init__(self, nursery: Nursery, known: set[tuple[str, int]], calls: Calls) -> None:
        self._nursery, self.known = nursery, known
        self._may_start, self._on_frame, self._on_step = calls.may_start, calls.on_frame, calls.on_step
        self._on_killed, self._on_lost = calls.on_killed, calls.on_lost
        self._on_unstarted, self._on_room = calls.on_unstarted, calls.on_room
        self._on_change = calls.on_change
        self._loop = asyncio.get_running_loop()
        self._remotes: dict[int, R] = {}
        self._asked: set[int] = set()
        self._waiting: collections.deque[Held] = collections.deque()
        self._killed: set[int] = set()  # by this node: whoever ran there is not to blame
        self.is_closed = False

    def ask_for_executors(self, count: int) -> None:
        for _ in range(count):
            self._ask()

    def _ask(self) -> int:
        number = next(self._nursery.numbers)
        self._asked.add(number)
        send_message(self._nursery.control, {"do": "fork", "number": number, "kind": self.kind})
        return number

    def owns(self, number: int) -> bool:
        """Whether this crew asked the guard for that executor."""
        return number in self._asked

    @abc.abstractmethod
    def idle(self) -> int:
        """How many tasks of any function may be claimed now."""

    def short(self) -> list[str]:
        """Functions of which tasks may be claimed ahead of what runs."""
        return []

    def room_ahead(self) -> int:
        """How many of them; 0 until a claim is worth its statement."""
        return 0

    def frees_soon(self) -> bool:
        """Whether a running task is about to end, as a rule."""
        return False

    @abc.abstractmethod
    def look(self) -> None:
        """Take the steps that are due."""

    @abc.abstractmethod
    def due_seconds(self) -> float:
        """Until ``look`` may find something to do, if nothing is heard before; infinite when it cannot."""

    @abc.abstractmethod
    def _remote(self, number: int, pid: int, fds: list[int], line: memoryview) -> R:
        """The object for an executor that was forked."""

    @abc.abstractmethod
    def _deal(self) -> None:
        """Give what waits to those who have room."""

    def _gone(self, remote: R) -> None:
        """An executor is dead and everything that it held was judged."""
        if not self.is_closed:
            self.ask_for_executors(1)

    # What the guard tells

    def forked(self, message: dict[str, Any], fds: list[int]) -> None:
        line = self._nursery.board.line(message["line"])
        remote = self._remote(message["number"], message["pid"], fds, line)
        self._remotes[remote.number] = remote
        self._loop.add_reader(remote.channel.end, self._hear, remote)
        if self.is_closed:
            remote.kill()
        self._on_room()

    def stalled(self, killed: Iterable[int]) -> None:
        """The guard has killed these, because this process stood still."""
        self._killed.update(self._remotes.keys() & set(killed))

    def exited(self, message: dict[str, Any]) -> None:
        """Read what it sent before its death, then judge: begun tasks are lost, the others unstarted."""
        remote = self._remotes.pop(message["number"])
        self._asked.discard(remote.number)
        self._hear(remote)
        last = remote.slot.last
        unstarted = remote.take_back()
        begun = [held for position, held in remote.given.items() if position <= last]
        unstarted += [held for position, held in remote.given.items() if position > last]
        remote.given.clear()
        remote.close()
        if reason := REASONS.get(message["status"]):
            log.info("executor %d is replaced: %s", remote.pid, reason)
        is_to_blame = remote.number not in self._killed
        self._killed.discard(remote.number)
        lost = [held for held in begun if not held.ladder.killed_for]
        for held in begun:
            if held.ladder.killed_for:
                self._on_killed(held)
        if lost:
            how, why = message["how"], message["why"] or "by itself"
            log.warning("executor %d %s (%s) with %s", remote.pid, how, why, tasks_in_words(len(lost)))
            self._on_lost(lost, is_to_blame)
        self._return(unstarted)
        self._gone(remote)

    def _return(self, unstarted: list[Held]) -> None:
        """To other executors; when this node stops, to the table."""
        if self.is_closed:
            self._on_unstarted(unstarted)
            return
        now = boottime()
        for held in unstarted:
            held.waits_since = now
        self._waiting.extend(unstarted)
        self._deal()
        self._on_change()

    # Dealing and hearing

    def take(self, tasks: Iterable[Claimed]) -> None:
        now, claimed_at = boottime(), time.time()
        for task in tasks:
            held = pack(task)
            held.waits_since, held.claimed_at = now, claimed_at
            self.known.add(held.key)
            self._waiting.append(held)
        self._deal()
        self._on_change()

    def _hear(self, remote: R) -> None:
        while True:
            try:
                frame = remote.channel.receive(wait=False)
            except (EOFError, ConnectionError):
                break
            if frame is None:
                break
            kind, rows = frame
            if kind == "unstarted":
                self._return([remote.given.pop(row.serial) for row in rows])
                continue
            for row in rows:
                if kind == "outcome":
                    if held := remote.given.pop(row.serial, None):
                        self._on_frame(held, row.word, row.body)
                elif held := remote.given.get(row.serial):
                    self._on_frame(held, kind, row.body)
        if self._waiting:
            self._deal()
        self._on_change()
        self._on_room()

    # Looking after what runs

    def _let_go_the_tired(self, now: float) -> None:
        """What has waited here too long may start sooner elsewhere."""
        self._deal()
        tired = [held for held in self._waiting if self._is_tired(held, now)]
        if tired:
            self._waiting = collections.deque(held for held in self._waiting if held not in tired)
            self._on_unstarted(tired)

    def _patience_seconds(self, now: float) -> float:
        """Until the first that waits is tired; infinite when none does."""
        if not self._waiting:
            return math.inf
        if not self._may_start():
            return LOOK_EVERY_SECONDS
        return max(0.0, self._waiting[0].waits_since + PATIENCE_SECONDS - now)

    def _is_tired(self, held: Held, now: float) -> bool:
        return now - held.waits_since > PATIENCE_SECONDS

    def _take_step(self, remote: R, position: int, held: Held, step: Step) -> None:
        if step.order is None:
            self._killed.add(remote.number)
            remote.kill()
        else:
            remote.order(position, step.order)
        self._on_step(held, step)

    def cancel(self, key: tuple[str, int]) -> None:
        """Stop an attempt that is held here; ``look`` takes the steps once it runs."""
        for remote in self._remotes.values():
            for held in remote.given.values():
                if held.key == key and not held.ladder.cancel_since:
                    held.ladder.cancel_since = boottime()
        unstarted = [held for held in self._waiting if held.key == key]
        if unstarted:
            self._waiting = collections.deque(held for held in self._waiting if held.key != key)
            self._on_unstarted(unstarted)
        self._on_change()

    def kill_all(self) -> None:
        """Without a loss for what ran: the node, not the task, is at fault."""
        for remote in self._remotes.values():
            self._killed.add(remote.number)
            remote.kill()

    # The end

    def close(self) -> list[Held]:
        """Take nothing new; the unstarted tasks come back."""
        self.is_closed = True
        back = list(self._waiting)
        self._waiting.clear()
        for remote in self._remotes.values():
            back += remote.take_back()
        return back

    @property
    def pids(self) -> list[int]:
        """Its executors."""
        return [remote.pid for remote in self._remotes.values()]

    @property
    def is_busy(self) -> bool:
        return any(remote.given for remote in self._remotes.values())

    @property
    def is_gone(self) -> bool:
        return not self._remotes


def tasks_in_words(count: int) -> str:
    return "a task" if count == 1 else f"{count} tasks"
