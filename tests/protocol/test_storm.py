"""The storm on each database: no rule of a row is broken, and when it is over everything ends."""

from __future__ import annotations

import os

from tests.protocol.storm import Storm
from tests.support.databases import Database

SECONDS = float(os.environ.get("STORM_SECONDS", "8"))


def test_a_storm_breaks_no_rule_and_leaves_nothing_behind(database: Database) -> None:
    storm = Storm(database, seed=int.from_bytes(os.urandom(4)))
    broken = storm.run(SECONDS, seen=["released by reconcile"])
    print(database.vendor, dict(storm.counts))
    assert broken == []
    faults = [
        *storm.weather.misfortunes,
        "messages lost",
        "messages doubled",
        "claims whose reply was lost",
    ]
    if database.vendor == "postgresql":
        faults.append("connections cut")
    assert all(storm.counts[fault] for fault in faults), storm.counts
    assert storm.counts["released by reconcile"]
    assert storm.counts["workers reaped"]
