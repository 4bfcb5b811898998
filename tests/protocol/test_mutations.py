"""Each rule is needed: with one of them taken away, the storm fails, and in the way that the rule prevents.

The rule is removed in this process only, from the product's statement or from the storm's worker. Without a
mutation the storm passes (test_storm).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tasks_app import transitions
from tasks_app.errors import DatabaseUnavailable
from tests.protocol.rules import (
    CANCEL_WINS,
    FENCE_ATTEMPT,
    FENCE_WORKER,
    NO_FURTHER_TRY,
    STILL_WAITS,
    rewrite,
)
from tests.protocol.storm import Storm, Weather
from tests.protocol.storm_worker import Key, StormWorker
from tests.support.databases import Database

SECONDS = 5.0
MOST_STORMS = 6


class NeverReconciles(StormWorker):
    def reconcile_unknown(self, keys: list[Key]) -> None:
        pass


class NeverSweeps(StormWorker):
    def sweep(self) -> None:
        pass


class ReleasesBeforeItKills(StormWorker):
    def drain(self) -> None:
        try:
            self.storm.announce(transitions.drain(self.session, worker_id=self.id))
        except DatabaseUnavailable:
            pass
        self.storm.stop.wait(0.5)
        self._die("drained")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """``rewrites``: statement, pattern, replacement. ``fault``: how the storm must fail."""

    name: str
    fault: str
    rewrites: tuple[tuple[str, str, str], ...] = ()
    worker: type[StormWorker] = StormWorker
    weather: Weather = field(default_factory=Weather)


FORGET_FLAG = (r"worker_id = NULL", "worker_id = NULL, cancel_requested = false")
MUTATIONS = (
    Mutation(
        name="claim guard",
        rewrites=(("CLAIM_IDS", STILL_WAITS, r"\1state IN ('queued', 'running')"),),
        fault="a running row was written without a cancel request",
        weather=Weather(doubled_messages=0.5),
    ),
    Mutation(
        name="finish fence",
        rewrites=(("FINISH", FENCE_ATTEMPT, ""), ("FINISH", FENCE_WORKER, "")),
        fault="finished by",
        weather=Weather(
            misfortunes=("frozen with outcomes",),
            every_seconds=0.6,
            run_seconds=(0.5, 1.0),
            submitted_at_once=1,
            killed_connection_seconds=60.0,
        ),
    ),
    Mutation(
        name="reconcile",
        worker=NeverReconciles,
        fault="has not ended",
        weather=Weather(misfortunes=(), lost_replies=0.1),
    ),
    Mutation(
        name="orphan sweep",
        worker=NeverSweeps,
        fault="has not ended",
        weather=Weather(misfortunes=("killed and forgotten",)),
    ),
    Mutation(
        name="drain order",
        worker=ReleasesBeforeItKills,
        fault="ran twice at the same time",
        weather=Weather(misfortunes=("drained",), run_seconds=(0.3, 0.6)),
    ),
    Mutation(
        name="cancel flag on the way back",
        rewrites=(
            ("FINISH", CANCEL_WINS, "WHEN false THEN ''"),
            ("FINISH", NO_FURTHER_TRY, ""),
            ("FINISH", *FORGET_FLAG),
        ),
        fault="although a cancel was accepted",
    ),
)


@pytest.fixture
def mutation(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Database], Mutation]:
    def apply(database: Database) -> Mutation:
        found: Mutation = request.param
        for change in found.rewrites:
            rewrite(monkeypatch, database, *change)
        return found

    return apply


each_mutation = pytest.mark.parametrize(
    "mutation", MUTATIONS, indirect=True, ids=lambda one: one.name.replace(" ", "-")
)


def must_fail(database: Database, mutation: Mutation) -> None:
    """A storm is chance: some are allowed to miss the hole."""
    for _ in range(MOST_STORMS):
        seed = int.from_bytes(os.urandom(4))
        storm = Storm(
            database, seed=seed, weather=mutation.weather, worker=mutation.worker, settle_seconds=6.0
        )
        broken = storm.run(SECONDS)
        if any(mutation.fault in fault for fault in broken):
            return
    raise AssertionError(f"{MOST_STORMS} storms passed without the rule: {broken[:5]}, {storm.counts}")


@each_mutation
def test_the_storm_fails_on_sqlite(sqlite: Database, mutation: Callable[[Database], Mutation]) -> None:
    must_fail(sqlite, mutation(sqlite))


@pytest.mark.long
@each_mutation
def test_the_storm_fails_on_postgresql(postgres: Database, mutation: Callable[[Database], Mutation]) -> None:
    must_fail(postgres, mutation(postgres))
