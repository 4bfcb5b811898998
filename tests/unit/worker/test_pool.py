"""For how many tasks a pool has room, by what its executors run and how long that takes as a rule."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tasks_app.transitions import Claimed
from worker import channel, crew, pool, remote
from worker.board import Board
from worker.crew import PATIENCE_SECONDS, Calls, Nursery
from worker.pool import CLAIM_SECONDS, LATE_SECONDS, MOST_GATHER_SECONDS, Pool
from worker.watch import LOOK_EVERY_SECONDS

FUNCTION = "tasks_app.examples.tasks.fibonacci"
NOW = 1000.0


@pytest.fixture(autouse=True)
def _clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (crew, pool, remote):
        monkeypatch.setattr(module, "boottime", lambda: NOW)


def nothing(*_: object) -> None:
    pass


class Executors:
    """A pool whose executors begin what they are given when they are told to, and end nothing."""

    def __init__(self, count: int = 1) -> None:
        self._control, self._guard = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._board = Board(count)
        self.losses: list[bool] = []
        calls = Calls(
            may_start=lambda: True,
            on_frame=nothing,
            on_step=nothing,
            on_killed=nothing,
            on_lost=lambda tasks, counts: self.losses.extend(counts for _ in tasks),
            on_unstarted=nothing,
            on_room=nothing,
            on_change=nothing,
        )
        self.pool = Pool(Nursery(self._control, self._board), set(), calls)
        for number in range(1, count + 1):
            ours, theirs = channel.pair()
            fds = [ours.detach(), theirs.detach(), os.pidfd_open(os.getpid())]
            self.pool.forked({"number": number, "pid": os.getpid(), "line": self._board.take()}, fds)

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

    def begin(self, *ages: float) -> None:
        """The task of each executor, so many seconds ago."""
        for one, age in zip(self.pool._remotes.values(), ages, strict=True):
            one.slot.begin(max(one.given))
            one.slot._words[one.slot._SINCE] = int((NOW - age) * 1e9)

    def close(self) -> None:
        for one in self.pool._remotes.values():
            one.close()
        self._control.close()
        self._guard.close()


@contextlib.contextmanager
def running(mean: float, *ages: float) -> Iterator[Executors]:
    """An executor for each age: its task runs for so many seconds, of a function that takes ``mean``."""
    executors = Executors(len(ages))
    executors.pool.times.learn(FUNCTION, mean)
    for _ in ages:
        executors.takes()
    executors.begin(*ages)
    yield executors
    executors.close()


@pytest.mark.parametrize(
    ("mean", "age", "room"),
    [
        pytest.param(0.3, 0.1, 0, id="it has begun"),
        pytest.param(0.3, 0.28, 1, id="it ends soon"),
        pytest.param(0.3, 0.33, 1, id="it is a little late"),
        pytest.param(0.3, 5.0, 0, id="it is another kind of task this time"),
        pytest.param(3.0, 2.98, 0, id="nothing is claimed ahead of long functions"),
    ],
)
def test_a_task_is_claimed_shortly_before_an_executor_is_free(mean: float, age: float, room: int) -> None:
    async def main() -> None:
        with running(mean, age) as executor:
            assert executor.pool.idle() == room
            if room:
                executor.takes()
                assert executor.pool.idle() == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("rests", "room"),
    [
        pytest.param((0.02, 0.04), 2, id="one claim is for both"),
        pytest.param((0.02, 0.09), 1, id="the other will have a claim of its own"),
        pytest.param((0.04, 0.04), 0, id="it is too early for either"),
    ],
)
def test_a_claim_for_one_executor_is_also_for_others_that_end_soon(
    rests: tuple[float, float], room: int
) -> None:
    async def main() -> None:
        with running(0.3, *(0.3 - rest for rest in rests)) as executors:
            assert executors.pool.idle() == room

    asyncio.run(main())


def test_what_waits_for_the_first_executor_that_ends_leaves_the_next_claim_for_later() -> None:
    async def main() -> None:
        with running(0.3, 0.28, 0.26) as executors:
            executors.takes()
            assert executors.pool.idle() == 0

    asyncio.run(main())


def about(seconds: float) -> object:
    return pytest.approx(seconds, abs=1e-6)  # an executor notes nanoseconds


def test_a_pool_at_rest_is_never_looked_at() -> None:
    async def main() -> None:
        executors = Executors(2)
        assert executors.pool.due_seconds() == math.inf
        executors.close()

    asyncio.run(main())


def test_a_running_task_is_looked_at_when_the_next_claim_is_due() -> None:
    async def main() -> None:
        with running(0.3, 0.1, 0.2) as executors:
            assert executors.pool.due_seconds() == about(0.1 - CLAIM_SECONDS)
            executors.takes()  # for the one that ends first
            assert executors.pool.due_seconds() == about(min(0.2 - CLAIM_SECONDS, PATIENCE_SECONDS))

    asyncio.run(main())


def test_a_task_of_a_long_function_is_looked_at_for_its_limits_only() -> None:
    async def main() -> None:
        with running(3.0, 2.9) as executors:
            assert executors.pool.due_seconds() == math.inf
            (one,) = executors.pool._remotes.values()
            (held,) = one.given.values()
            held.ladder.soft_seconds = 3.4
            assert executors.pool.due_seconds() == about(0.5)
            executors.pool.cancel(held.key)
            assert executors.pool.due_seconds() == 0

    asyncio.run(main())


def test_tasks_that_follow_one_another_without_a_word_are_looked_at_again_and_again() -> None:
    async def main() -> None:
        with running(0.001, 0.0) as executors:
            executors.takes()
            assert executors.pool.due_seconds() == LOOK_EVERY_SECONDS

    asyncio.run(main())


def test_what_waits_is_looked_at_when_its_patience_ends() -> None:
    async def main() -> None:
        with running(3.0, 1.0) as executors:
            executors.takes()
            assert executors.pool.due_seconds() == about(PATIENCE_SECONDS)

    asyncio.run(main())


@pytest.mark.parametrize(("age", "soon"), [(0.1, False), (0.27, True), (0.31, True), (0.36, False)])
def test_an_executor_frees_soon_until_its_task_is_much_too_late(age: float, soon: bool) -> None:
    async def main() -> None:
        with running(0.3, age) as executors:
            assert executors.pool.frees_soon() is soon

    asyncio.run(main())


@pytest.mark.parametrize(
    ("mean", "rest", "waits", "gathers"),
    [
        pytest.param(0.1, 0.02, True, True, id="another ends soon"),
        pytest.param(0.1, 0.02, False, False, id="nothing waits: whoever submitted it may wait for this one"),
        pytest.param(0.1, 0.06, True, False, id="the other ends too late"),
        pytest.param(0.03, 0.02, True, False, id="that would be long for such a task"),
        pytest.param(0.1, -0.06, True, False, id="the other is late: nobody knows when it ends"),
    ],
)
def test_under_load_the_end_of_a_task_is_recorded_with_the_next_one(
    mean: float, rest: float, waits: bool, gathers: bool
) -> None:
    async def main() -> None:
        with running(mean, mean - rest) as executors:
            (one,) = executors.pool._remotes.values()
            (ended,) = one.given.values()
            if waits:
                executors.takes()
            found = executors.pool.gather_seconds(ended)
            assert found == (about(rest + LATE_SECONDS) if gathers else 0.0)

    asyncio.run(main())


def test_ends_of_short_tasks_are_recorded_together_while_every_executor_has_more() -> None:
    async def main() -> None:
        with contextlib.closing(Executors(2)) as executors:
            executors.pool.times.learn(FUNCTION, 0.005)
            executors.takes()
            executors.takes()
            one, other = executors.pool._remotes.values()
            [ended] = one.given.values()
            assert executors.pool.gather_seconds(ended) == MOST_GATHER_SECONDS
            other.given.clear()
            assert executors.pool.gather_seconds(ended) == 0.0

    asyncio.run(main())


@pytest.mark.parametrize(("killed", "counts"), [([1], False), ([], True)])
def test_what_the_guard_killed_because_this_process_stood_still_costs_no_loss(
    killed: list[int], counts: bool
) -> None:
    async def loses() -> list[bool]:
        with running(1.0, 0.5) as executors:
            [one] = executors.pool._remotes.values()
            assert one._other_end.receive(wait=False)  # as the executor did, which has begun it
            executors.pool.stalled(killed)
            executors.pool.exited({"number": 1, "how": "killed by SIGKILL", "why": "", "status": 137})
            return executors.losses

    assert asyncio.run(loses()) == [counts]
