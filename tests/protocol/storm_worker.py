"""A worker of the storm: one thread that keeps the rules of a real one on the product's own statements.

It renews, stops itself, claims by message and from the table, records, reconciles, sweeps, promotes and
reaps. Its executors are only times: a run is over when its time has come.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tasks_app.transitions import Claimed, Outcome
from tests.protocol import actors
from tests.protocol.uncertain import UncertainSession

if TYPE_CHECKING:
    from tests.protocol.storm import Storm

LEASE, SELF_STOP, BEAT = 0.9, 0.5, 0.08
RECONCILE_EVERY, CARE_EVERY = 0.25, 0.3
OWN_RENEWALS = 5
MOST_HELD = 6
STORM = "storm worker"
Key = tuple[str, int]


@dataclass(slots=True)
class Running:
    started_at: float
    ends_at: float


@dataclass(slots=True)
class Seen:
    heartbeat: int
    since: float
    renewals: int


class StormWorker:
    """One incarnation. ``run`` returns when it is over."""

    def __init__(self, storm: Storm, rng: random.Random) -> None:
        self.storm, self._rng = storm, rng
        self.session = UncertainSession(
            storm.database.open(name=STORM), storm.weather.lost_replies, rng, storm.counts
        )
        self.id = actors.make_worker(self.session)
        self.known: dict[Key, Running] = {}
        self.outcomes: dict[Key, Outcome] = {}
        self._seen: dict[str, Seen] = {}
        self._renewed_at = self._turn_at = time.monotonic()
        self._renewals = 0
        self._beat_at = self._reconcile_at = self._care_at = 0.0
        self._is_over = False

    def run(self) -> None:
        duties = (self._renew, self._end_runs, self._record, self._claim, self._reconcile, self._care)
        while not self._is_over and not self.storm.stop.is_set():
            self._notice_gap()
            unlucky = self._rng.choice(duties)
            for duty in duties:
                if duty == unlucky:
                    self._suffer()
                if self._is_over:
                    break
                try:
                    duty()
                except DatabaseUnavailable:
                    self._reconnect()
            time.sleep(0.004)
        self.session.close()

    # What happens to it

    def _notice_gap(self) -> None:
        """A machine that stood still counts as frozen, whoever stopped it."""
        now = time.monotonic()
        if now - self._turn_at > SELF_STOP:
            self.storm.frozen.add(self.id)
        self._turn_at = now

    def _suffer(self) -> None:
        if not self.storm.has_faults:
            self.session.chance = 0.0
            return
        misfortune = self.storm.misfortune(has_outcomes=bool(self.outcomes))
        if misfortune in ("killed", "killed and forgotten"):
            self._die(misfortune)
            if misfortune == "killed and forgotten":
                self.storm.forget(self.id)
        elif misfortune in ("frozen", "frozen with outcomes"):
            self.storm.counts[misfortune] += 1
            self.storm.frozen.add(self.id)
            time.sleep(LEASE * 1.8)
        elif misfortune == "drained":
            self.drain()

    def _reconnect(self) -> None:
        self._seen.clear()
        self.session.close()
        self.session = UncertainSession(
            self.storm.database.open(name=STORM), self.session.chance, self._rng, self.storm.counts
        )

    def drain(self) -> None:
        """R9: the executors die before anything is released."""
        self._die("drained")
        try:
            self.storm.announce(transitions.drain(self.session, worker_id=self.id))
        except DatabaseUnavailable:
            self.storm.counts["drain with unknown outcome"] += 1

    def _die(self, how: str) -> None:
        self.storm.counts[how] += 1
        self.kill_executors()
        self._is_over = True

    def kill_executors(self) -> None:
        now = time.monotonic()
        for key, run in self.known.items():
            # Those of a frozen machine went on until now, or to their end.
            self.storm.note_run(
                key, self.id, run.started_at, now if self.id in self.storm.frozen else min(now, run.ends_at)
            )
        self.known.clear()

    # Its duties

    def _renew(self) -> None:
        now = time.monotonic()
        if now - self._beat_at > BEAT:
            self._beat_at = now
            if not transitions.heartbeat(
                self.session, worker_id=self.id, claims_by_message=0, claims_direct=0
            ):
                self._die("learned that it is lost")
                return
            self._renewed_at = now
            self._renewals += 1
        if not self._is_fresh:
            self._die("stopped itself")

    @property
    def _is_fresh(self) -> bool:
        return time.monotonic() - self._renewed_at < SELF_STOP

    def _end_runs(self) -> None:
        now = time.monotonic()
        for key in [key for key, run in self.known.items() if run.ends_at <= now]:
            run = self.known.pop(key)
            self.storm.note_run(key, self.id, run.started_at, now)
            kind = self._rng.choice(["succeeded"] * 6 + ["retry"] * 3 + ["failed"])
            self._finish(key, kind)

    def _finish(self, key: Key, kind: str) -> None:
        delay = self._rng.choice((0.0, 0.1, 0.3))
        self.outcomes[key] = Outcome(id=key[0], attempt=key[1], kind=kind, result="1", delay_seconds=delay)

    def _record(self) -> None:
        if not self.outcomes:
            return
        batch = list(self.outcomes.values())
        changed = transitions.finish(self.session, worker_id=self.id, outcomes=batch)
        for row in changed:
            self.storm.note_finish((row.id, row.attempt), self.id)
        self.storm.counts["finishes that matched nothing"] += len(batch) - len(changed)
        self.outcomes.clear()

    def _claim(self) -> None:
        room = MOST_HELD - len(self.known)
        if not self._is_fresh or room <= 0:
            return
        ids = self.storm.receive(room)
        if ids:
            self._take(actors.claim_ids(self.session, self.id, ids))
        if self._rng.random() < 0.15 and not self._is_over:
            self._take(self._claim_direct())

    def _claim_direct(self) -> list[Claimed]:
        claimed = transitions.claim(
            self.session,
            worker_id=self.id,
            node="storm",
            queue=actors.QUEUE,
            functions=[actors.FUNCTION],
            limit=3,
            oldest=(oldest := self._rng.random() < 0.5),
        )
        if len(claimed) > (1 if oldest else 3):
            self.storm.faults.append(f"a direct claim returned {len(claimed)} rows")
        return claimed

    def _take(self, claimed: list[Claimed]) -> None:
        now = time.monotonic()
        for task in claimed:
            self.storm.note_claim((task.id, task.attempt), self.id)
        if now - self._renewed_at > SELF_STOP:
            self.storm.counts["claims that came on a stale lease"] += len(claimed)
            return  # R5: reconcile gives them back
        for task in claimed:
            seconds = self._rng.choice(self.storm.weather.run_seconds)
            self.known[(task.id, task.attempt)] = Running(now, now + seconds)

    def _reconcile(self) -> None:
        """R1, on the thread that claims."""
        now = time.monotonic()
        if now - self._reconcile_at < RECONCILE_EVERY or not self._is_fresh:
            return
        self._reconcile_at = now
        held = transitions.held(self.session, worker_id=self.id)
        for key, is_cancelled in held.items():
            if is_cancelled and key in self.known:
                run = self.known.pop(key)
                self.storm.note_run(key, self.id, run.started_at, time.monotonic())
                self._finish(key, "cancelled")
        self.reconcile_unknown([key for key in held if key not in self.known and key not in self.outcomes])

    def reconcile_unknown(self, keys: list[Key]) -> None:
        if keys:
            changed = transitions.release_lost(self.session, worker_id=self.id, held=keys)
            self.storm.counts["released by reconcile"] += len(changed)
            self.storm.announce(changed)

    def _care(self) -> None:
        now = time.monotonic()
        if now - self._care_at < CARE_EVERY:
            return
        self._care_at = now
        self.sweep()
        self.storm.announce(transitions.promote_due(self.session, limit=50))
        alive = transitions.alive_others(self.session, worker_id=self.id)
        for worker_id in self._seen.keys() - alive.keys():
            del self._seen[worker_id]
        for worker_id, pulse in alive.items():
            seen = self._seen.get(worker_id)
            if seen is None or seen.heartbeat != pulse.heartbeat:
                self._seen[worker_id] = Seen(pulse.heartbeat, now, self._renewals)
            elif now - seen.since > LEASE and self._renewals - seen.renewals >= OWN_RENEWALS:
                self._reap(worker_id, pulse.heartbeat)

    def _reap(self, worker_id: str, heartbeat: int) -> None:
        changed = transitions.reap(self.session, lost_id=worker_id, seen=heartbeat)
        if changed is not None:
            self.storm.counts["workers reaped"] += 1
            self.storm.announce(changed)

    def sweep(self) -> None:
        swept = transitions.sweep(self.session)
        self.storm.counts["rows swept"] += len(swept)
        self.storm.announce(swept)
