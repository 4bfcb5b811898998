"""The executor as the supervisor sees it; this test plays the executor."""

from __future__ import annotations

import asyncio
import dataclasses
import os

from worker.board import Board, Slot
from worker.channel import Channel, pair
from worker.remote import Remote


@dataclasses.dataclass(frozen=True)
class Errand:
    word: str
    body: bytes


def make_remote(board: Board) -> tuple[Remote[Errand], Channel]:
    """A remote and a copy of the executor's end, as a forked executor would hold it."""
    ours, theirs = pair()
    executor = Channel(theirs.dup())
    fds = [ours.detach(), theirs.detach(), os.pidfd_open(os.getpid())]
    remote: Remote[Errand] = Remote(1, os.getpid(), fds, board.line(1), asyncio.get_running_loop())
    return remote, executor


async def test_what_was_not_received_comes_back_in_order_and_exactly_once() -> None:
    before = len(os.listdir("/proc/self/fd"))
    remote, executor = make_remote(Board(1))
    tasks = [Errand(f"f{number}", bytes(20_000 if number % 2 else 40_000)) for number in range(200)]
    remote.give(tasks)  # far more than the buffer holds
    received = [executor.receive(wait=False) for _ in range(3)]
    assert [frame[1][0].word for frame in received if frame] == ["f0", "f1", "f2"]
    assert remote.take_back() == tasks[3:]
    assert list(remote.given.values()) == tasks[:3]
    assert remote.take_back() == []
    assert executor.receive(wait=False) is None
    remote.close()
    executor.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_of_packets_with_several_tasks_whole_ones_come_back() -> None:
    remote, executor = make_remote(Board(1))
    tasks = [Errand(f"f{number}", bytes(10_000)) for number in range(100)]
    remote.give(tasks, at_once=8)
    frame = executor.receive(wait=False)
    assert frame is not None
    assert [row.word for row in frame[1]] == [f"f{number}" for number in range(8)]
    assert remote.take_back() == tasks[8:]
    assert list(remote.given.values()) == tasks[:8]
    remote.close()
    executor.close()


async def test_what_finds_no_room_is_sent_when_the_executor_reads() -> None:
    remote, executor = make_remote(Board(1))
    remote.give(Errand(str(number), bytes(30_000)) for number in range(100))
    words: list[str] = []
    while len(words) < 100:
        async with asyncio.timeout(60):
            while (frame := executor.receive(wait=False)) is None:
                await asyncio.sleep(0)
        words += [row.word for row in frame[1]]
    assert words == [str(number) for number in range(100)]
    remote.close()
    executor.close()


async def test_the_running_task_is_known_from_the_board() -> None:
    board = Board(1)
    remote, executor = make_remote(board)
    first, second = Errand("a", b""), Errand("b", b"")
    remote.give([first, second])
    assert remote.now_running() == (0, None, 0.0)
    Slot(board.line(1)).begin(2)
    position, task, age = remote.now_running()
    assert (position, task) == (2, second)
    assert age >= 0
    remote.close()
    executor.close()
