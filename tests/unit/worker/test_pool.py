"""For how many tasks a pool has room, by what its executors run and how long that takes as a rule."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tasks_app.transitions import Claimed
from worker import channel, remote
from worker.board import Board, boottime
from worker.crew import Calls, Nursery
from worker.pool import Pool

FUNCTION = "tasks_app.examples.tasks.fibonacci"


def nothing(*_: object) -> None:
    pass


class OneExecutor:
    """A pool whose one executor begins what it is told to, and ends nothing."""

    def __init__(self) -> None:
        self._control, self._guard = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._board = Board(1)
        calls = Calls(
            may_start=lambda: True,
            on_frame=nothing,
            on_step=nothing,
            on_killed=nothing,
            on_lost=nothing,
            on_unstarted=nothing,
            on_room=nothing,
        )
        self.pool = Pool(Nursery(self._control, self._board), set(), calls)
        ours, theirs = channel.pair()
        fds = [ours.detach(), theirs.detach(), os.pidfd_open(os.getpid())]
        self.pool.forked({"number": 1, "pid": os.getpid(), "line": self._board.take()}, fds)

    def takes(self) -> None:
        """Another task is claimed."""
        claimed = Claimed(
            id=str(uuid4()),
            attempt=1,
            revision=2,
            priority=0,
            function=FUNCTION,
            queue="default",
            arguments="{}",
            failures=0,
            losses=0,
            max_attempts=1,
            owner_id=None,
        )
        self.pool.take([claimed])

    def begins(self) -> None:
        (one,) = self.pool._remotes.values()
        one.slot.begin(max(one.given))

    def close(self) -> None:
        for one in self.pool._remotes.values():
            one.close()
        self._control.close()
        self._guard.close()


@contextlib.contextmanager
def running(mean: float, age: float, patch: pytest.MonkeyPatch) -> Iterator[OneExecutor]:
    """One task runs for ``age`` seconds, of a function that takes ``mean``."""
    executor = OneExecutor()
    executor.pool.times.learn(FUNCTION, mean)
    executor.takes()
    executor.begins()
    patch.setattr(remote, "boottime", lambda: boottime() + age)
    yield executor
    executor.close()


@pytest.mark.parametrize(
    ("mean", "age", "room"),
    [
        pytest.param(0.3, 0.1, 0, id="it has begun"),
        pytest.param(0.3, 0.27, 1, id="it ends soon"),
        pytest.param(0.3, 0.33, 1, id="it is a little late"),
        pytest.param(0.3, 5.0, 0, id="it is another kind of task this time"),
        pytest.param(3.0, 2.98, 0, id="nothing is claimed ahead of long functions"),
    ],
)
def test_a_task_is_claimed_shortly_before_an_executor_is_free(
    mean: float, age: float, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        with running(mean, age, monkeypatch) as executor:
            assert executor.pool.idle() == room
            if room:
                executor.takes()
                assert executor.pool.idle() == 0

    asyncio.run(main())
