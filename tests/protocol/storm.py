"""The storm: workers, users and faults at once on the product's statements; then the history is judged.

Threads instead of processes, leases of less than a second: it meets in a minute what production meets in
years. What it cannot show (executors, brokers, Redis) the chaos tests and ``manage.py prove`` do.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle, pairwise

import psycopg

from tasks_app import transitions
from tasks_app.database import OwnSession
from tasks_app.errors import DatabaseUnavailable
from tasks_app.transitions import DIALECTS, Changed
from tests.protocol import actors
from tests.protocol.storm_worker import STORM, Key, StormWorker
from tests.support import history
from tests.support.databases import Database
from tests.support.judge import is_claim, judge

WORKERS = 4
NEWEST = 400
MOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """``misfortunes`` strike one worker after the other, ``every_seconds``; the chances are per transaction
    and per message."""

    misfortunes: tuple[str, ...] = (
        *("killed", "frozen", "drained"),
        *("killed and forgotten", "frozen with outcomes"),
    )
    every_seconds: float = 0.3
    run_seconds: tuple[float, ...] = (0.0, 0.005, 0.02, 0.02, 0.1)
    submitted_at_once: int = 20
    lost_replies: float = 0.02
    lost_messages: float = 0.1
    doubled_messages: float = 0.1
    killed_connection_seconds: float = 0.15
    """PostgreSQL: a backend is terminated this often."""


class Storm:
    """``run`` raises AssertionError with every broken rule."""

    def __init__(
        self,
        database: Database,
        *,
        seed: int,
        weather: Weather | None = None,
        worker: type[StormWorker] = StormWorker,
        settle_seconds: float = 30.0,
    ) -> None:
        self.database, self.weather = database, weather or Weather()
        self._worker, self._rng, self._settle_seconds = worker, random.Random(seed), settle_seconds
        self.stop, self._calm = threading.Event(), threading.Event()
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.frozen: set[str] = set()
        self._lock = threading.Lock()
        self._messages: deque[str] = deque()
        self._misfortunes: deque[str] = deque()
        self._submitted: list[str] = []
        self._claims: dict[Key, str] = {}
        self._runs: dict[str, list[tuple[float, float, str, int]]] = defaultdict(list)

    @property
    def has_faults(self) -> bool:
        return not self._calm.is_set()

    def run(self, seconds: float, *, seen: Iterable[str] = ()) -> list[str]:
        """Rage, if need be until each of ``seen`` was counted, then let everything end; what was broken.

        On PostgreSQL, whose connections are cut all the time, workers are reaped only while everything ends.
        """
        duties = [self._submit, self._use, self._strike, *[self._work] * WORKERS]
        if self.database.vendor == "postgresql":
            duties.append(self._cut)
        threads = [threading.Thread(target=self._guarded, args=(duty,), daemon=True) for duty in duties]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        while (age := time.monotonic() - begun) < seconds or (
            age < MOST_SECONDS and not all(self.counts[name] for name in seen)
        ):
            time.sleep(0.05)
        self._calm.set()
        with self.database.session() as session:
            left = self._settle(session)
            self.stop.set()
            for thread in threads:
                thread.join(10)
            entries = history.read(session)
        self._count_lost_claims(entries)
        self.counts["tasks"], self.counts["writes"] = len(self._submitted), len(entries)
        return [*self.faults, *judge(entries), *self._overlaps(), *left]

    # What workers tell

    def note_claim(self, key: Key, worker_id: str) -> None:
        with self._lock:
            if key in self._claims:
                self.faults.append(f"{key} was claimed by {self._claims[key]} and by {worker_id}")
            self._claims[key] = worker_id

    def note_finish(self, key: Key, worker_id: str) -> None:
        with self._lock:
            if self._claims.get(key, worker_id) != worker_id:
                self.faults.append(f"{key} was claimed by {self._claims[key]}, finished by {worker_id}")

    def note_run(self, key: Key, worker_id: str, began: float, ended: float) -> None:
        with self._lock:
            self._runs[key[0]].append((began, ended, worker_id, key[1]))

    def announce(self, changed: Iterable[Changed]) -> None:
        """Publish what is queued now; some messages are lost, some doubled."""
        for row in changed:
            if row.state == "queued":
                self._publish(row.id)

    def receive(self, most: int) -> list[str]:
        found: list[str] = []
        while len(found) < most and self._messages:
            try:
                found.append(self._messages.popleft())
            except IndexError:
                break
        return list(dict.fromkeys(found))

    def misfortune(self, *, has_outcomes: bool) -> str | None:
        """What strikes the worker that asks."""
        with self._lock:
            if not self._misfortunes or ("outcomes" in self._misfortunes[0] and not has_outcomes):
                return None
            return self._misfortunes.popleft()

    def forget(self, worker_id: str) -> None:
        """An operator removes the row of a dead worker before anybody declared it lost."""
        with self.database.session() as session:
            key = DIALECTS[session.vendor].written_id(worker_id)
            session.rows("DELETE FROM taskdeck_worker WHERE id = %(id)s", {"id": key})

    # The threads

    def _guarded(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except Exception:
            self.faults.append(traceback.format_exc())

    def _work(self) -> None:
        while not self.stop.is_set():
            try:
                worker = self._worker(self, random.Random(self._rng.random()))
            except DatabaseUnavailable:
                continue
            worker.run()
            self.stop.wait(0.05)

    def _submit(self) -> None:
        with self.database.session() as session:
            while not self._calm.wait(0.08):
                for _ in range(self.weather.submitted_at_once):
                    delay = 0.2 if self._rng.random() < 0.25 else None
                    priority = self._rng.choice((0, 0, 5))
                    task_id = actors.make_task(session, priority=priority, delay_seconds=delay)
                    self._submitted.append(task_id)
                    if delay is None:
                        self._publish(task_id)

    def _use(self) -> None:
        """A user who cancels and retries at random."""
        with self.database.session() as session:
            while not self._calm.wait(0.05):
                newest = self._submitted[-NEWEST:]
                ids = self._rng.sample(newest, min(8, len(newest)))
                if self._rng.random() < 0.5:
                    self.counts["cancels"] += len(transitions.cancel(session, ids=ids))
                else:
                    changed = transitions.retry(session, ids=ids)
                    self.counts["explicit retries"] += len(changed)
                    self.announce(changed)

    def _strike(self) -> None:
        for misfortune in cycle(self.weather.misfortunes):
            if self._calm.wait(self.weather.every_seconds):
                return
            self._misfortunes.append(misfortune)

    def _cut(self) -> None:
        """Terminate a worker's backend now and then."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            while not self._calm.wait(self.weather.killed_connection_seconds):
                cut = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    "   AND application_name = %s ORDER BY random() LIMIT 1",
                    [STORM],
                ).fetchall()
                self.counts["connections cut"] += len(cut)

    def _publish(self, task_id: str) -> None:
        chance = self._rng.random() if self.has_faults else 0.5
        if chance < self.weather.lost_messages:
            self.counts["messages lost"] += 1
            return
        self._messages.append(task_id)
        if chance > 1 - self.weather.doubled_messages:
            self.counts["messages doubled"] += 1
            self._messages.append(task_id)

    # The end

    def _settle(self, session: OwnSession) -> list[str]:
        began = time.monotonic()
        sql = (
            "SELECT state, attempt, worker_id FROM taskdeck_task"
            " WHERE state IN ('scheduled', 'queued', 'running')"
        )
        while left := session.rows(sql, {}):
            if time.monotonic() - began > self._settle_seconds:
                break
            time.sleep(0.1)
        self.counts["tenths of a second to settle"] = round((time.monotonic() - began) * 10)
        return [f"has not ended: {row}" for row in left]

    def _count_lost_claims(self, entries: list[history.Entry]) -> None:
        for entry in entries:
            if entry.task_id and entry.old and entry.new and is_claim(entry.old, entry.new):
                self.counts["claims"] += 1
                self.counts["claims whose reply was lost"] += (
                    entry.task_id,
                    entry.new.attempt,
                ) not in self._claims

    def _overlaps(self) -> list[str]:
        """Two runs of one task at the same time are excused by a machine that stood still only."""
        found = []
        for task_id, runs in self._runs.items():
            for earlier, later in pairwise(sorted(runs)):
                if later[0] >= earlier[1]:
                    continue
                self.counts["overlaps"] += 1
                if not {earlier[2], later[2]} & self.frozen:
                    found.append(f"{task_id} ran twice at the same time: {earlier} and {later}")
        return found
