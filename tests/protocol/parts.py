"""One worker's real parts on a database, without processes: lanes, lease, pool, claims, care, recorder.

Time is the test's. The one executor is a process that never reads what it is given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tasks_app.database import OwnSession, Row
from tasks_app.errors import DatabaseUnavailable
from tasks_app.live import News
from tests.protocol import actors
from tests.support.databases import Database
from worker import channel
from worker.board import Board
from worker.care import Care
from worker.claims import Claims
from worker.crew import Calls, Nursery
from worker.held import Held
from worker.lanes import Lane
from worker.lease import Lease
from worker.options import WorkerOptions
from worker.pool import Pool
from worker.reconcile import Reconcile
from worker.recorder import Recorder
from worker.tallying import Tallies

FUNCTION = "tasks_app.examples.tasks.fibonacci"
HEARTBEAT, SELF_STOP, LEASE = 2.0, 8.0, 15.0
CLOCKED = ("care", "claims", "crew", "lanes", "lease", "pool", "reconcile", "remote", "sides", "tallying")


class Clock:
    """The seconds of ``boottime`` in every part of a worker."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        for module in CLOCKED:
            patch.setattr(f"worker.{module}.boottime", self)

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


class Wire:
    """A session that can lose the reply of a claim, or hold it back: the statement has committed."""

    def __init__(self, inner: OwnSession, faults: Faults) -> None:
        self._inner, self._faults = inner, faults
        self.vendor, self.transaction, self.close = inner.vendor, inner.transaction, inner.close

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        found = self._inner.rows(sql, params)
        if found and "SET state = 'running'" in sql:
            self._faults.on_claim()
        return found


class Faults:
    def __init__(self) -> None:
        self.replies_to_lose = 0
        self.lost = 0
        self.pass_replies = threading.Event()
        self.pass_replies.set()
        self.held_back = threading.Event()

    def on_claim(self) -> None:
        if self.replies_to_lose:
            self.replies_to_lose -= 1
            self.lost += 1
            raise DatabaseUnavailable("the connection broke before the reply")
        if not self.pass_replies.is_set():
            self.held_back.set()
            assert self.pass_replies.wait(60)


class Parts:
    """A registered worker. Its loops run when the test says so."""

    def __init__(self, database: Database, name: str) -> None:
        self.faults = Faults()
        self.lost: list[Held] = []
        self.unstarted: list[Held] = []
        self.is_over = False
        with database.session() as session:
            self.id = actors.make_worker(session, node=name, worker_id=str(uuid4()))
        options = WorkerOptions(
            node=name,
            queues=(actors.QUEUE,),
            concurrency=1,
            async_concurrency=0,
            drain_seconds=1.0,
            direct_claim_seconds=1.0,
            heartbeat_seconds=HEARTBEAT,
            self_stop_seconds=SELF_STOP,
            lease_seconds=LEASE,
        )
        self.lanes = [Lane(f"{name} {word}") for word in ("claim", "finish", "care", "other")]
        self.claim_lane, self.finish_lane, self.care_lane, self.other_lane = self.lanes
        self.news, self.lease = News(None, None), Lease(SELF_STOP)
        self._control, self._guard = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.board = Board(1)
        calls = Calls(
            may_start=lambda: self.lease.is_fresh,
            on_frame=lambda held, kind, body: None,
            on_step=lambda held, step: None,
            on_killed=lambda held: None,
            on_lost=lambda tasks, counts: self.lost.extend(tasks),
            on_unstarted=self.unstarted.extend,
            on_room=lambda: None,
            on_change=lambda: None,
        )
        self.pool = Pool(Nursery(self._control, self.board), set(), calls)
        reconcile = self.reconcile_on(self.claim_lane)
        crews = [(self.pool, [FUNCTION])]
        self.claims = Claims(self.id, options, self.claim_lane, self.lease, self.news, reconcile, crews)
        self.recorder = Recorder(self.id, name, self.finish_lane, self.news, self.pool.known)
        self.care = Care(
            self.id,
            options,
            self.care_lane,
            self.lease,
            self.news,
            Tallies(self.id, self.care_lane),
            self.claims.counts,
            self._end_incarnation,
            self.claims,
            watched=(self.claim_lane, self.finish_lane),
        )
        self._executor = subprocess.Popen(["sleep", "3600"])
        ours, theirs = channel.pair()
        fds = [ours.detach(), theirs.detach(), os.pidfd_open(self._executor.pid)]
        self.pool.forked({"number": 1, "pid": self._executor.pid, "line": self.board.take()}, fds)

    def reconcile_on(self, lane: Lane) -> Reconcile:
        return Reconcile(self.id, lane, self.lease, self.news, self.pool.known, [self.pool])

    def _end_incarnation(self) -> None:
        self.is_over = True

    @property
    def given(self) -> list[str]:
        """What the executor has been given."""
        return [held.task.id for remote in self.pool._remotes.values() for held in remote.given.values()]

    def close(self) -> None:
        self._executor.kill()
        self._executor.wait()
        for remote in self.pool._remotes.values():
            remote.close()
        for lane in self.lanes:
            lane.close()
            if lane.thread.is_alive():
                lane.thread.join()
            if lane._session:
                with contextlib.suppress(Exception):
                    lane._session.close()
        self._control.close()
        self._guard.close()


StartParts = Callable[..., Parts]


def started_parts(database: Database, patch: pytest.MonkeyPatch) -> Iterator[StartParts]:
    """For a fixture: makes workers, and ends what is left of them."""
    made: dict[str, Parts] = {}

    def open_session() -> Wire:
        """On a lane's thread, whose name begins with the worker's."""
        name = threading.current_thread().name.split()[0]
        return Wire(database.open(), made[name].faults)

    patch.setattr("worker.lanes.open_session", open_session)

    def start(name: str = "n1") -> Parts:
        made[name] = Parts(database, name)
        return made[name]

    yield start
    for parts in made.values():
        parts.faults.pass_replies.set()
        parts.close()
