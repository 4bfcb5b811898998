"""One executor as the supervisor sees it. It lives on the supervisor's event loop."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import os
import signal
import socket
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from worker.board import Order, Slot, boottime
from worker.channel import Channel, Packet, Row, frames


class Runnable(Protocol):
    """What an executor can be given; the executor's ``run`` is called with both."""

    @property
    def word(self) -> str: ...

    @property
    def body(self) -> bytes: ...


T = TypeVar("T", bound=Runnable)


class Remote(Generic[T]):
    """``fds`` are the three descriptors of the guard's ``forked`` message; they belong to this object.

    ``given`` holds what the executor has not answered yet, by position: the executor's own count,
    which only rises. Whoever reads ``channel`` takes finished tasks out of ``given``. After the
    executor's death everything above ``slot.last`` was not begun. Because this process holds the
    executor's end too, a death shows by the guard's message only, never as EOF.
    """

    def __init__(
        self, number: int, pid: int, fds: list[int], line: memoryview, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.number, self.pid = number, pid
        self.channel = Channel(socket.socket(fileno=fds[0]))
        self.slot = Slot(line)
        self.given: dict[int, T] = {}
        self.ordered = self.nudged = (
            0  # the position that was last ordered to stop, or nudged: the caller's notes
        )
        self._loop = loop
        self._other_end = Channel(socket.socket(fileno=fds[1]))  # only ever used to take back
        self._pidfd = fds[2]
        self._positions = itertools.count(1)
        self._outbox: collections.deque[Packet] = collections.deque()
        self._is_writer = False

    def give(self, tasks: Iterable[T], *, at_once: int = 1) -> None:
        """Send the tasks, so many per packet; what finds no room waits here."""
        waiting = iter(tasks)
        while packet := list(itertools.islice(waiting, at_once)):
            rows = []
            for task in packet:
                position = next(self._positions)
                self.given[position] = task
                rows.append(Row(position, task.word, task.body))
            self._outbox.extend(frames("run", rows))
        self._flush()

    def send(self, packets: Iterable[Packet]) -> None:
        """Send something else than tasks, behind what waits here."""
        self._outbox.extend(packets)
        self._flush()

    def take_back(self) -> list[T]:
        """Every task that the executor has not received, oldest first. Exact: a packet is received once.

        What is no task is sent again. Those of a received packet come back by a nudge.
        """
        self._stop_writing()
        tasks: list[T] = []
        others: list[Packet] = []
        while frame := self._other_end.receive(wait=False):
            kind, rows = frame
            if kind == "run":
                tasks += [self.given.pop(row.serial) for row in rows]
            else:
                others += frames(kind, rows)
        while self._outbox:
            packet = self._outbox.popleft()
            if packet.kind() == "run":
                tasks += [self.given.pop(position) for position in packet.serials()]
                packet.close()
            else:
                others.append(packet)
        if others:
            self.send(others)
        return tasks

    def now_running(self) -> tuple[int, T | None, float]:
        """Position, task and age in seconds of the running task; ``(0, None, 0.0)`` between tasks."""
        position, since = self.slot.running, self.slot.since
        if not position or self.slot.running != position:  # the board changes under the reader
            return 0, None, 0.0
        return position, self.given.get(position), boottime() - since

    def order(self, position: int, order: Order) -> None:
        """For one task: when it has ended in the meantime the executor does nothing."""
        self.slot.give(position, order)
        self._signal(signal.SIGUSR1)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """After the executor's death, when everything was read and taken back."""
        self._stop_writing()
        self._loop.remove_reader(self.channel.end)
        for packet in self._outbox:
            packet.close()
        self._outbox.clear()
        self.channel.close()
        self._other_end.close()
        os.close(self._pidfd)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # dead; the guard's message is on its way
            signal.pidfd_send_signal(self._pidfd, number)

    def _flush(self) -> None:
        while self._outbox:
            if not self.channel.send(self._outbox[0], wait=False):
                if not self._is_writer:
                    self._is_writer = True
                    self._loop.add_writer(self.channel.end, self._flush)
                return
            self._outbox.popleft()
        self._stop_writing()

    def _stop_writing(self) -> None:
        if self._is_writer:
            self._is_writer = False
            self._loop.remove_writer(self.channel.end)
