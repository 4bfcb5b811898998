"""The executors of a node as a whole: who gets which task, what comes back, what died."""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgpack

from tasks_app.functions import registry
from tasks_app.transitions import Claimed
from worker.board import Board, Order, boottime
from worker.control import send_message
from worker.ladder import Ladder, Step
from worker.recycling import REASONS
from worker.remote import Remote
from worker.runtimes import RunTimes

log = logging.getLogger("taskdeck.worker")
LONG_SECONDS = 0.1  # nothing waits behind a task that runs longer
LOOK_EVERY_SECONDS = 0.02
MOST_ROWS = 256  # of one claim
PATIENCE_SECONDS = 1.0  # how long a claimed task may wait for an executor here


@dataclass(slots=True)
class Held:
    """A claimed attempt inside this node; ``word`` and ``body`` travel to the executor."""

    task: Claimed
    word: str
    body: bytes
    ladder: Ladder
    waits_since: float = 0.0
    claimed_at: float = 0.0  # by the wall clock, for display

    @property
    def key(self) -> tuple[str, int]:
        return self.task.id, self.task.attempt


def pack(task: Claimed) -> Held:
    envelope = {
        "id": task.id,
        "attempt": task.attempt,
        "arguments": task.arguments,
        "queue": task.queue,
        "priority": task.priority,
        "failures": task.failures,
        "max_attempts": task.max_attempts,
    }
    ladder = Ladder.of(registry.by_path(task.function).options)
    return Held(task, task.function, msgpack.packb(envelope), ladder)


class Pool:
    """Tells its owner by callbacks.

    ``on_frame(held, kind, body)``: an executor sent something; ``on_step(held, step)``: a running task was
    interrupted or its executor killed; ``on_killed(held)``: that killed executor is dead;
    ``on_lost(tasks, counts)``: they had begun when their executor died otherwise; ``on_unstarted(tasks)``:
    they never began; ``on_room()``: more may be claimed. Nothing starts unless ``may_start()``.
    """

    def __init__(
        self,
        control: socket.socket,
        board: Board,
        *,
        may_start: Callable[[], bool],
        on_frame: Callable[[Held, str, bytes], None],
        on_step: Callable[[Held, Step], None],
        on_killed: Callable[[Held], None],
        on_lost: Callable[[list[Held], bool], None],
        on_unstarted: Callable[[list[Held]], None],
        on_room: Callable[[], None],
    ) -> None:
        self._control, self._board = control, board
        self._may_start, self._on_frame, self._on_step, self._on_killed = (
            may_start,
            on_frame,
            on_step,
            on_killed,
        )
        self._on_lost, self._on_unstarted, self._on_room = on_lost, on_unstarted, on_room
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._remotes: dict[int, Remote[Held]] = {}
        self._waiting: collections.deque[Held] = collections.deque()
        self.times = RunTimes()
        self.known: set[tuple[str, int]] = set()  # from claim to recorded end
        self.is_closed = False
        self._killed: set[int] = set()  # by us: whoever ran there is not to blame

    def ask_for_executors(self, count: int) -> None:
        for _ in range(count):
            send_message(self._control, {"do": "fork", "number": next(self._numbers)})

    # What the guard tells

    def forked(self, message: dict[str, Any], fds: list[int]) -> None:
        line = self._board.line(message["line"])
        remote: Remote[Held] = Remote(message["number"], message["pid"], fds, line, self._loop)
        self._remotes[remote.number] = remote
        self._loop.add_reader(remote.channel.end, self._hear, remote)
        if self.is_closed:
            remote.kill()
        self._on_room()

    def exited(self, message: dict[str, Any]) -> None:
        """Read what it sent before its death, then judge: begun tasks are lost, the others unstarted."""
        remote = self._remotes.pop(message["number"])
        self._hear(remote)
        last = remote.slot.last
        unstarted = remote.take_back()
        begun = [held for position, held in remote.given.items() if position <= last]
        unstarted += [held for position, held in remote.given.items() if position > last]
        remote.given.clear()
        remote.close()
        if reason := REASONS.get(message["status"]):
            log.info("executor %d is replaced: %s", remote.pid, reason)
        is_ours = remote.number in self._killed
        self._killed.discard(remote.number)
        lost = [held for held in begun if not held.ladder.killed_for]
        for held in begun:
            if held.ladder.killed_for:
                self._on_killed(held)
        if lost:
            log.warning(
                "executor %d %s (%s) with a task", remote.pid, message["how"], message["why"] or "by itself"
            )
            self._on_lost(lost, not is_ours)
        self._return(unstarted)
        if not self.is_closed:
            self.ask_for_executors(1)

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

    # Dealing

    def take(self, tasks: Iterable[Claimed]) -> None:
        now, claimed_at = boottime(), time.time()
        for task in tasks:
            held = pack(task)
            held.waits_since, held.claimed_at = now, claimed_at
            self.known.add(held.key)
            self._waiting.append(held)
        self._deal()

    def idle(self) -> int:
        """Executors without work, less the tasks that wait here for one."""
        free = sum(1 for remote in self._remotes.values() if not remote.given)
        return max(0, free - len(self._waiting))

    def room_ahead(self) -> int:
        """How many tasks of short functions may be claimed on top; 0 until a claim is worth its statement."""
        if self._waiting or not self.times.short():
            return 0
        limit = self.times.ahead()
        rooms = [limit - len(r.given) for r in self._remotes.values() if self._is_flowing(r)]
        room = sum(max(0, r) for r in rooms)
        return min(room, MOST_ROWS) if room >= min(MOST_ROWS, limit * len(rooms) / 2) else 0

    def _is_flowing(self, remote: Remote[Held]) -> bool:
        return remote.now_running()[2] < LONG_SECONDS and not any(
            self._is_alone(h) for h in remote.given.values()
        )

    def _is_alone(self, held: Held) -> bool:
        """Shares an executor with nothing: it may be long, or has cost a worker before."""
        return held.task.losses > 0 or not self.times.is_short(held.word)

    def _deal(self) -> None:
        if self.is_closed or not self._may_start():
            return
        limit = self.times.ahead()
        portions: dict[int, list[Held]] = collections.defaultdict(list)
        left: collections.deque[Held] = collections.deque()
        flowing = {number for number, r in self._remotes.items() if self._is_flowing(r)}
        load = {number: len(r.given) for number, r in self._remotes.items()}
        while self._waiting:
            held = self._waiting.popleft()
            alone = self._is_alone(held)
            fits = [n for n in load if load[n] == 0 or (not alone and n in flowing and load[n] < limit)]
            if not fits:
                left.append(held)
                continue
            number = min(fits, key=load.__getitem__)
            load[number] += 1
            if alone:
                flowing.discard(number)
            portions[number].append(held)
        self._waiting = left
        for number, batch in portions.items():
            self._remotes[number].give(batch)

    # Hearing

    def _hear(self, remote: Remote[Held]) -> None:
        while True:
            try:
                frame = remote.channel.receive(wait=False)
            except (EOFError, ConnectionError):
                break
            if frame is None:
                break
            kind, rows = frame
            for row in rows:
                if kind == "outcome":
                    if held := remote.given.pop(row.serial, None):
                        self._on_frame(held, row.word, row.body)
                elif held := remote.given.get(row.serial):
                    self._on_frame(held, kind, row.body)
        if self._waiting:
            self._deal()
        self._on_room()

    # Looking after what runs

    def look(self) -> None:
        """Free what waits behind a long task; take the steps that are due."""
        now = boottime()
        for remote in self._remotes.values():
            position, held, age = remote.now_running()
            if held is None:
                continue
            if step := held.ladder.next_step(age, now):
                self._take_step(remote, position, held, step)
            elif age > LONG_SECONDS and len(remote.given) > 1:
                self._return(remote.take_back())
                if len(remote.given) > 1 and remote.nudged != position:
                    remote.nudged = position
                    remote.order(position, Order.NUDGE)
        if self._waiting:
            self._deal()
            tired = [h for h in self._waiting if now - h.waits_since > PATIENCE_SECONDS]
            if tired:
                self._waiting = collections.deque(h for h in self._waiting if h not in tired)
                self._on_unstarted(tired)

    def _take_step(self, remote: Remote[Held], position: int, held: Held, step: Step) -> None:
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
    def is_busy(self) -> bool:
        return any(remote.given for remote in self._remotes.values())

    @property
    def is_gone(self) -> bool:
        return not self._remotes
