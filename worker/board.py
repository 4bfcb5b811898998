"""Shared memory of one node: the supervisor's tick, and one line of words per executor."""

from __future__ import annotations

import collections
import enum
import mmap
import time


def boottime() -> float:
    """Seconds since the machine started, its sleep included: a lease runs on while a laptop is closed."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Order(enum.IntEnum):
    """What the supervisor may ask of an executor, always for one named position."""

    CANCEL = 1
    TIMEOUT = 2
    NUDGE = 3


class Board:
    """Anonymous memory made before any fork: every process of the node has it, no descriptor is passed."""

    LINE = 8  # words of 64 bits
    EXECUTORS = 280  # 250 of plain functions, and some of async ones

    def __init__(self, lines: int = EXECUTORS) -> None:
        self._map = mmap.mmap(-1, (lines + 1) * self.LINE * 8)
        self._words = memoryview(self._map).cast("Q")
        self._free = collections.deque(range(1, lines + 1))  # the guard's; the oldest death is reused first

    def beat(self) -> None:
        """Note that the supervisor's event loop turns. Called from a timer of that loop."""
        self._words[0] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    @property
    def tick_at(self) -> float:
        """When the event loop turned last, in the seconds of ``boottime``."""
        return self._words[0] / 1e9

    def line(self, index: int) -> memoryview:
        return self._words[index * self.LINE : (index + 1) * self.LINE]

    @property
    def is_full(self) -> bool:
        """Every line is in use."""
        return not self._free

    def take(self) -> int:
        """The index of a cleared line, where the board is not full."""
        index = self._free.popleft()
        self.line(index)[:] = memoryview(bytes(self.LINE * 8)).cast("Q")
        return index

    def give_back(self, index: int) -> None:
        self._free.append(index)


class Slot:
    """One executor's line. Each word is written by one side only.

    The executor writes what it runs, so that its death is blamed on the right task without
    a frame per start. A stop and a nudge have words of their own, so that neither overwrites
    the other before the executor has looked.
    """

    _STOP_POSITION, _STOP_ORDER, _RUNNING, _SINCE, _LAST, _NUDGE = range(6)

    def __init__(self, line: memoryview) -> None:
        self._words = line

    def give(self, position: int, order: Order) -> None:
        """The supervisor's side: leave an order for the task at ``position``."""
        if order == Order.NUDGE:
            self._words[self._NUDGE] = position
        else:
            self._words[self._STOP_ORDER] = order
            self._words[self._STOP_POSITION] = position

    @property
    def stop(self) -> tuple[int, int]:
        """Position and order of the last stop."""
        return self._words[self._STOP_POSITION], self._words[self._STOP_ORDER]

    @property
    def nudge(self) -> int:
        return self._words[self._NUDGE]

    @property
    def running(self) -> int:
        """Position of the task that runs; 0 between tasks."""
        return self._words[self._RUNNING]

    @property
    def since(self) -> float:
        """When it began, in the seconds of ``boottime``."""
        return self._words[self._SINCE] / 1e9

    @property
    def last(self) -> int:
        """The highest position that was begun, finished or not."""
        return self._words[self._LAST]

    def begin(self, position: int) -> None:
        self._words[self._SINCE] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._words[self._LAST] = position
        self._words[self._RUNNING] = position

    def end(self) -> None:
        self._words[self._RUNNING] = 0


class LoopSlot(Slot):
    """The line of an executor whose tasks share its event loop; orders come to it by frames."""

    _TURNED, _TASKS, _LAST = Slot._SINCE, Slot._RUNNING, Slot._LAST
    _STALLS, _BLOCKING, _LEAVING = Slot._NUDGE, 6, 7

    def begin(self, position: int) -> None:
        self.turn()
        self._words[self._LAST] = position
        self._words[self._TASKS] += 1

    def end(self) -> None:
        self._words[self._TASKS] -= 1

    @property
    def tasks(self) -> int:
        """How many have begun and not ended."""
        return self._words[self._TASKS]

    def turn(self) -> None:
        """Note that the loop turns."""
        self._words[self._TURNED] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    @property
    def turned_at(self) -> float:
        """When it turned last while it had tasks, in the seconds of ``boottime``."""
        return self._words[self._TURNED] / 1e9

    def block(self, position: int) -> None:
        """Note whose code is found to keep the loop from turning."""
        self._words[self._BLOCKING] = position
        self._words[self._STALLS] += 1

    @property
    def stalls(self) -> int:
        """How often ``blocking`` was written."""
        return self._words[self._STALLS]

    @property
    def blocking(self) -> int:
        return self._words[self._BLOCKING]

    def leave(self) -> None:
        """Note that this executor ends with the tasks that it has."""
        self._words[self._LEAVING] = 1

    @property
    def is_leaving(self) -> bool:
        return self._words[self._LEAVING] == 1
