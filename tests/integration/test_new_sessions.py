"""No request and no claim opens a connection to PostgreSQL: the server counts every session that began."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.machine import Up
from tests.support.processes import wait_until

TASKS = 60
OWN = 1  # the control connection of each look
FEW = 3  # of the pool's own housekeeping
STATISTICS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
def sessions(database_url: str) -> Iterator[Callable[[], int]]:
    """How many sessions of this database have begun.

    Each look opens one itself and waits until it is counted, so that none before it is missed.
    """
    with psycopg.connect(database_url, autocommit=True) as asking:

        def counted() -> int:
            [(found,)] = asking.execute(STATISTICS).fetchall()
            return int(found)

        def look() -> int:
            before = counted()
            with contextlib.closing(psycopg.connect(database_url)):
                pass
            wait_until(lambda: counted() > before, seconds=60, what="the control connection is counted")
            return counted()

        yield look


@pytest.fixture
def up(tmp_path: Path, database_url: str) -> Iterator[Up]:
    up = Up(tmp_path, DATABASE_URL=database_url)
    try:
        up.wait_until_ready()
        yield up
        assert up.judged() == []
    finally:
        up.end()


def claims(up: Up) -> int:
    [worker] = up.workers()
    return int(worker["claims_direct"])


def test_requests_claims_and_finishes_go_over_the_connections_that_are_there(
    up: Up, sessions: Callable[[], int]
) -> None:
    for _ in range(5):
        up.compute(5)
    before = sessions()
    for _ in range(TASKS):
        up.compute(5)
    new = sessions() - before - OWN
    wait_until(lambda: claims(up) >= TASKS, seconds=60, what="each task was claimed by itself")
    assert 0 <= new <= FEW


def test_a_connection_for_each_request_would_be_seen(database_url: str, sessions: Callable[[], int]) -> None:
    before = sessions()
    for _ in range(TASKS):
        psycopg.connect(database_url).close()
    assert sessions() - before >= TASKS
