"""The backlog of a paused queue runs when the pause ends, though its messages are settled long since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.deck import SECONDS, Deck
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

PAUSE = "/api/queues/default/pause/"


@pytest.fixture
def deck(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Deck]:
    """Its worker never asks the table by itself: only a doorbell leads it to tasks without a message."""
    deck = Deck(rabbitmq, tmp_path)
    yield deck
    deck.up.end()


def hold_back(deck: Deck) -> list[str]:
    """Pause, then submit; the messages have been taken in and settled for nothing."""
    assert deck.up.call(PAUSE, {})[0] == 200
    submitted = [deck.submit() for _ in range(5)]
    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")
    assert deck.up.ran() == []
    return submitted


def test_the_backlog_runs_by_itself_when_the_pause_ends(deck: Deck) -> None:
    held = hold_back(deck)
    end = datetime.now(UTC) + timedelta(seconds=2)
    assert deck.up.call(PAUSE, {"until": end.isoformat()})[0] == 200
    deck.wait_for(*held)
    assert all(
        datetime.fromisoformat(deck.up.call(f"/api/tasks/{task_id}/")[1]["started_at"]) >= end
        for task_id in held
    )
    deck.wait_for_claims(by_message=0, direct=5)
    after = deck.submit()
    deck.wait_for(after)
    deck.wait_for_claims(by_message=1, direct=5)


def test_the_backlog_runs_at_once_after_a_resume(deck: Deck) -> None:
    held = hold_back(deck)
    assert deck.up.call("/api/queues/default/resume/", {})[0] == 200
    deck.wait_for(*held)
    deck.wait_for_claims(by_message=0, direct=5)
