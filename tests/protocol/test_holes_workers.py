"""Holes inside a worker, on its real parts and two databases, with the rule and without."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tasks_app import transitions
from tasks_app.database import OwnSession, Session
from tasks_app.errors import DatabaseUnavailable
from tasks_app.transitions import DIALECTS
from tests.protocol import parts
from tests.protocol.actors import make_task, row
from tests.protocol.parts import FUNCTION, HEARTBEAT, LEASE, SELF_STOP, Clock, Parts, StartParts
from tests.protocol.rules import with_and_without_the_rule
from tests.support.databases import Database
from tests.support.processes import until
from worker import board, care
from worker.care import Care
from worker.lease import Lease
from worker.reconcile import EVERY_SECONDS, Reconcile

Patch = pytest.MonkeyPatch


@pytest.fixture
def clock(monkeypatch: Patch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
async def start(database: Database, monkeypatch: Patch, clock: Clock) -> Iterator[StartParts]:
    for found in parts.started_parts(database, monkeypatch):
        yield found


@pytest.fixture
def session(database: Database) -> Iterator[OwnSession]:
    with database.session() as session:
        yield session


async def claim_once(worker: Parts) -> None:
    """One turn of the loop that claims: as far as it goes without waiting for news."""
    loop = asyncio.create_task(worker.claims.run())
    await asyncio.sleep(0)  # its first statement, if it makes one, waits for the lane's thread
    for _ in range(3):
        await worker.claim_lane.run(lambda session: None)  # in order, so that one has ended
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def watch(worker: Parts, clock: Clock, *, seconds: float, beside: Parts | None = None) -> None:
    """Let the worker renew and watch the others for so long; ``beside`` has its turns too."""
    ends_at = clock.now + seconds
    while clock.now < ends_at:
        await worker.care._turn()
        if beside:
            await beside.care._turn()
        clock.forward(HEARTBEAT)


@with_and_without_the_rule
async def test_a_claim_whose_reply_was_lost_goes_back(
    start: StartParts, session: OwnSession, clock: Clock, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:

        async def never(self: Reconcile) -> None:
            pass

        monkeypatch.setattr(Reconcile, "turn", never)
    worker, task_id = start(), make_task(session, function=FUNCTION)
    worker.faults.replies_to_lose = 1
    with pytest.raises(DatabaseUnavailable):
        await worker.claims._claim()
    assert worker.faults.lost == 1
    assert (row(session, task_id)["state"], worker.pool.known) == ("running", set())

    for _ in range(3):
        clock.forward(EVERY_SECONDS)
        await worker.claims._reconcile.turn()

    found = row(session, task_id)
    assert (found["state"], found["losses"]) == (("queued", 1) if is_kept else ("running", 0))


async def test_a_cancel_is_heard_while_the_next_look_at_all_that_runs_has_to_wait(
    start: StartParts, session: OwnSession, clock: Clock, monkeypatch: Patch
) -> None:
    worker, task_id = start(), make_task(session, function=FUNCTION)
    await claim_once(worker)
    looks: list[float] = []
    held = transitions.held

    def takes_half_a_second(*args: Any, **facts: Any) -> dict[tuple[str, int], bool]:
        looks.append(clock.now)
        clock.forward(0.5)
        return held(*args, **facts)

    monkeypatch.setattr(transitions, "held", takes_half_a_second)
    clock.forward(EVERY_SECONDS)
    await worker.claims._reconcile.turn()
    transitions.cancel(session, ids=[task_id])
    clock.forward(EVERY_SECONDS)
    await worker.claims._reconcile.turn()

    (given,) = (held for remote in worker.pool._remotes.values() for held in remote.given.values())
    assert (len(looks), given.ladder.cancel_since) == (1, clock.now)


@with_and_without_the_rule
async def test_a_claim_whose_reply_is_on_the_wire_is_not_given_back(
    start: StartParts, session: OwnSession, clock: Clock, is_kept: bool
) -> None:
    """On a lane of its own the reconciling would see the row before the worker has learnt that it owns it."""
    worker, other = start(), start("n2")
    task_id = make_task(session, function=FUNCTION)
    worker.faults.pass_replies.clear()
    loop = asyncio.create_task(worker.claims.run())
    await until(worker.faults.held_back.is_set, "the claim has committed")
    clock.forward(EVERY_SECONDS + 0.1)
    if not is_kept:
        beside = worker.reconcile_on(worker.other_lane)
        clock.forward(EVERY_SECONDS + 0.1)
        await beside.turn()

    await other.claims._claim()
    worker.faults.pass_replies.set()
    await until(lambda: worker.given == [task_id], "it learns of its claim and starts it")

    assert other.given == [task_id] * (not is_kept)  # two executors, and nobody was frozen
    assert row(session, task_id)["attempt"] == (1 if is_kept else 2)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


@with_and_without_the_rule
async def test_a_worker_whose_finish_hangs_does_not_look_alive(
    start: StartParts, session: OwnSession, clock: Clock, monkeypatch: Patch, is_kept: bool
) -> None:
    if not is_kept:
        monkeypatch.setattr(Care, "_is_work_stuck", lambda self: False)
    hung, other, task_id = start(), start("n2"), make_task(session, function=FUNCTION)
    await claim_once(hung)
    assert hung.given == [task_id]
    let_go = threading.Event()

    def hang(session: Session) -> None:
        assert let_go.wait(60)

    finish = asyncio.create_task(hung.finish_lane.run(hang))
    await until(lambda: hung.finish_lane._pending_since, "the finish is under way")
    clock.forward(SELF_STOP + 1)

    await watch(other, clock, seconds=LEASE + 10 * HEARTBEAT, beside=hung)

    assert row(session, task_id)["state"] == ("queued" if is_kept else "running")
    let_go.set()
    await finish


@with_and_without_the_rule
async def test_nothing_is_claimed_on_a_lease_that_was_not_renewed(
    start: StartParts, session: OwnSession, clock: Clock, monkeypatch: Patch, is_kept: bool
) -> None:
    """Back from a cut, or thawed: whoever watched it still sees the old counter, and is about to reap."""
    away, other = start(), start("n2")
    await watch(other, clock, seconds=LEASE)
    task_id = make_task(session, function=FUNCTION)
    clock.forward(2 * HEARTBEAT)
    if not is_kept:
        monkeypatch.setattr(Lease, "is_fresh", True)

    await claim_once(away)
    await watch(other, clock, seconds=2 * HEARTBEAT)
    await claim_once(other)

    assert away.given == [task_id] * (not is_kept)
    assert other.given == [task_id]
    assert row(session, task_id)["attempt"] == (1 if is_kept else 2)


@with_and_without_the_rule
async def test_a_write_stall_makes_no_healthy_worker_lost(
    start: StartParts,
    database: Database,
    session: OwnSession,
    clock: Clock,
    monkeypatch: Patch,
    is_kept: bool,
) -> None:
    """Reads go on while nobody can renew: then an unchanged counter says nothing."""
    if not is_kept:
        monkeypatch.setattr(care, "OWN_RENEWALS", 0)
    healthy, other = start(), start("n2")
    await healthy.care._turn()
    await other.care._turn()
    clock.forward(HEARTBEAT)
    with database.session() as stalling, stalling.transaction():
        if stalling.vendor == "postgresql":
            stalling.rows("LOCK TABLE taskdeck_worker IN EXCLUSIVE MODE", {})
        turn = asyncio.create_task(other.care._turn())
        await until(lambda: other.care_lane._pending_since, "its renewal waits")
        clock.forward(2 * LEASE)
    await turn

    assert other.lease.renewals == 2
    assert state_of(session, healthy) == ("alive" if is_kept else "lost")
    await healthy.care._turn()
    assert healthy.is_over is not is_kept


def state_of(session: OwnSession, worker: Parts) -> str:
    key = DIALECTS[session.vendor].written_id(worker.id)
    [(state,)] = session.rows("SELECT state FROM taskdeck_worker WHERE id = %(id)s", {"id": key})
    return str(state)


@with_and_without_the_rule
def test_a_lease_runs_on_while_the_machine_sleeps(monkeypatch: Patch, is_kept: bool) -> None:
    clocks = {time.CLOCK_BOOTTIME: 1000.0, time.CLOCK_MONOTONIC: 1000.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    if not is_kept:
        monkeypatch.setattr("worker.lease.boottime", lambda: time.clock_gettime(time.CLOCK_MONOTONIC))
    lease = Lease(SELF_STOP)
    clocks[time.CLOCK_BOOTTIME] += 60  # a laptop that was closed
    assert board.boottime() == 1060.0
    assert lease.is_fresh is not is_kept


@with_and_without_the_rule
async def test_a_lease_counts_from_when_the_renewal_was_sent(
    start: StartParts, database: Database, clock: Clock, monkeypatch: Patch, is_kept: bool
) -> None:
    """The reaper counts from what it saw, which may be as early."""
    if not is_kept:
        renewed = Lease.renewed
        monkeypatch.setattr(Lease, "renewed", lambda self, sent_at: renewed(self, clock.now))
    worker = start()
    with database.session() as stalling, stalling.transaction():
        if stalling.vendor == "postgresql":
            stalling.rows("LOCK TABLE taskdeck_worker IN EXCLUSIVE MODE", {})
        turn = asyncio.create_task(worker.care._turn())
        await until(lambda: worker.care_lane._pending_since, "its renewal waits")
        clock.forward(SELF_STOP + 1)
    await turn
    assert worker.lease.renewals == 1
    assert worker.lease.is_fresh is not is_kept
