"""The executors that run one task at a time: plain functions."""

from __future__ import annotations

import collections
import math

from worker.board import Order, boottime
from worker.crew import Calls, Crew, Nursery
from worker.held import Held
from worker.remote import Remote
from worker.runtimes import AHEAD_SECONDS, SHORT_SECONDS, RunTimes
from worker.watch import LOOK_EVERY_SECONDS

LONG_SECONDS = 0.1  # nothing waits behind a task that runs longer
MOST_ROWS = 256  # of one claim
LONGEST_AHEAD_SECONDS = 1.0  # nothing is claimed while a function runs that takes longer
CLAIM_SECONDS = AHEAD_SECONDS / 2
"""Before an executor is free the next claim is made: late enough to be for others that end soon as well."""
MOST_AHEAD_SECONDS = 0.075
"""Before an executor is free its task may be claimed together with another's."""
MOST_GATHER_SECONDS = 0.04
"""Under load the end of a task is recorded with the next one's: so much later at most, and no later than by
GATHER_FACTOR of the time it ran, unless it was short."""
GATHER_FACTOR = 0.6
LATE_SECONDS = 0.005
"""Of a task that is late no more is known than that it ends any moment."""


class Pool(Crew[Remote[Held]]):
    kind = "plain"

    def __init__(self, nursery: Nursery, known: set[tuple[str, int]], calls: Calls) -> None:
        super().__init__(nursery, known, calls)
        self.times = RunTimes()

    def _remote(self, number: int, pid: int, fds: list[int], line: memoryview) -> Remote[Held]:
        return Remote(number, pid, fds, line, self._loop)

    def idle(self) -> int:
        """Executors without work or about to be, less the tasks that wait here for one.

        0 while the waiting are enough for those that need one within CLAIM_SECONDS.
        """
        rests = [self._rest_seconds(remote) for remote in self._remotes.values()]
        waiting = len(self._waiting)
        if sum(rest <= CLAIM_SECONDS for rest in rests) <= waiting:
            return 0
        return sum(rest <= MOST_AHEAD_SECONDS for rest in rests) - waiting

    def _rest_seconds(self, remote: Remote[Held]) -> float:
        """Until it is free, by what its function took lately: 0 when it is, infinite when nobody knows."""
        if not remote.given:
            return 0.0
        if len(remote.given) > 1:
            return math.inf
        _, held, age = remote.now_running()
        if held is None or not self._has_known_end(held):
            return math.inf
        rest = self.times.mean(held.word) - age
        return max(LATE_SECONDS, rest) if rest > -AHEAD_SECONDS else math.inf

    def _has_known_end(self, held: Held) -> bool:
        """Its function takes neither so little nor so much that nobody waits for the end of this one."""
        return SHORT_SECONDS <= self.times.mean(held.word) < LONGEST_AHEAD_SECONDS

    def short(self) -> list[str]:
        return self.times.short()

    def room_ahead(self) -> int:
        if self._waiting or not self.short():
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
        at_once = self.times.in_packet()
        for number, batch in portions.items():
            self._remotes[number].give(batch, at_once=at_once)

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
            self._let_go_the_tired(now)
        if self.idle():
            self._on_room()

    def due_seconds(self) -> float:
        """For steps, for what waits, and for the next claim, unless what waits is enough until then."""
        now = boottime()
        dues = [self._patience_seconds(now)]
        claims: list[float] = []
        for remote in self._remotes.values():
            if len(remote.given) > 1:
                return LOOK_EVERY_SECONDS  # they follow one another without a word
            for held in remote.given.values():
                _, running, age = remote.now_running()
                due = held.ladder.due_seconds(age, now)
                # None: it begins this very moment, or has just ended
                dues.append(due if running else max(due, LOOK_EVERY_SECONDS))
                claim = self.times.mean(held.word) - age - CLAIM_SECONDS
                if claim > 0 and self._has_known_end(held):
                    claims.append(claim)
        return min([*dues, *sorted(claims)[len(self._waiting) :]])

    def frees_soon(self) -> bool:
        return self._next_end_seconds() <= MOST_AHEAD_SECONDS

    def gather_seconds(self, ended: Held) -> float:
        """For how long the end of a task may wait for that of another; 0 where no further task waits."""
        if self.times.is_short(ended.word):
            is_loaded = all(remote.given for remote in self._remotes.values())
            return MOST_GATHER_SECONDS if is_loaded else 0.0
        if not self._waiting or not self._has_known_end(ended):
            return 0.0
        end = self._next_end_seconds() + LATE_SECONDS
        return end if end <= min(MOST_GATHER_SECONDS, GATHER_FACTOR * self.times.mean(ended.word)) else 0.0

    def _next_end_seconds(self) -> float:
        """Until the next task should end; infinite when nobody knows."""
        rests = (self._rest_seconds(remote) for remote in self._remotes.values())
        return min((rest for rest in rests if rest > 0), default=math.inf)
