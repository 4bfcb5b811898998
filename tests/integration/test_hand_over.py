"""Tasks travel by RabbitMQ message; whatever happens to the messages, each task runs once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks_app.messages import encode
from tests.support.deck import SECONDS, Deck
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ


@pytest.fixture
def deck(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(rabbitmq, tmp_path)
    yield deck
    deck.up.end()


def test_tasks_are_claimed_by_message_and_the_messages_are_settled(deck: Deck) -> None:
    submitted = [deck.submit() for _ in range(20)]

    deck.wait_for(*submitted)

    deck.wait_for_claims(by_message=20, direct=0)
    assert sorted(deck.up.ran()) == sorted(submitted)
    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")
    assert (deck.queue()["type"], deck.queue()["durable"]) == ("quorum", True)


def test_doubled_stale_foreign_and_unknown_messages_run_nothing_and_are_settled(deck: Deck) -> None:
    ended = deck.submit()
    deck.wait_for(ended)
    for _ in range(3):
        deck.send(encode(ended))
    deck.send(b"not ours")
    deck.send(b"\xff\x00", function="")
    deck.send(encode("01a20c86-97dc-75c0-bbd6-1b74873bca8a"))  # no such task
    deck.send(encode(ended), function="elsewhere.tasks.unknown")

    last = deck.submit()
    deck.wait_for(last)

    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")
    assert deck.up.ran() == [ended, last]
    deck.wait_for_claims(by_message=2, direct=0)
    [worker] = deck.up.workers()
    assert worker["messages"] == {"malformed": 2, "unknown": 1, "dropped": 0, "nacked": 0, "waiting": 0}


def test_a_task_that_waits_while_the_broker_is_away_says_so(deck: Deck, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    status, first = deck.up.call("/api/functions/waits_for_file/", {"path": str(gate)})
    assert status == 202
    wait_until(lambda: first["task_id"] in deck.up.ran(), seconds=SECONDS, what="the only slot is taken")
    waiting = deck.submit()
    path = f"/api/tasks/{waiting}/waiting/"

    def codes() -> list[str]:
        return [reason["code"] for reason in deck.up.call(path)[1]["results"]]

    assert codes() == ["next"]
    deck.rabbitmq.stop()
    assert not deck.rabbitmq.is_running
    wait_until(lambda: codes() == ["broker_down", "next"], seconds=SECONDS, what="the reason is told")
    deck.rabbitmq.start()
    gate.touch()
    deck.wait_for(waiting)


def test_tasks_run_while_the_broker_is_away_and_by_message_once_it_is_back(deck: Deck) -> None:
    before = deck.submit()
    deck.wait_for(before)
    deck.rabbitmq.stop()
    assert not deck.rabbitmq.is_running
    wait_until(
        lambda: deck.up.call("/readyz")[1]["checks"]["rabbitmq"] == "unavailable",
        seconds=SECONDS,
        what="/readyz tells",
    )
    assert deck.up.call("/readyz")[1]["status"] == "degraded"

    meanwhile = deck.submit()
    deck.wait_for(meanwhile)  # by the doorbell
    deck.wait_for_claims(by_message=1, direct=1)
    assert deck.up.call("/readyz")[1]["messages"] == {"waiting": 1, "dropped": 0, "nacked": 0}

    deck.rabbitmq.start()
    wait_until(deck.is_consuming, seconds=SECONDS, what="the worker consumes again")
    wait_until(lambda: deck.up.call("/readyz")[1]["status"] == "ready", seconds=SECONDS, what="/readyz tells")
    after = deck.submit()
    deck.wait_for(after)
    assert sorted(deck.up.ran()) == sorted([before, meanwhile, after])
    deck.wait_for_claims(by_message=2, direct=1)


def test_an_urgent_task_overtakes_messages_that_came_before(deck: Deck, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = deck.occupy(gate)
    usual = [deck.submit() for _ in range(3)]
    urgent = [deck.submit(priority=5) for _ in range(2)]
    deck.wait_for_messages(5)
    gate.touch()

    deck.wait_for(*usual, *urgent)

    assert deck.up.ran() == [first, *urgent, *usual]
    wait_until(deck.is_drained, seconds=SECONDS, what="every message is settled")


def test_a_drain_gives_unclaimed_messages_back(deck: Deck, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = deck.occupy(gate)
    for _ in range(3):
        deck.submit()
    wait_until(
        lambda: deck.queue()["messages_unacknowledged"] >= 1, seconds=SECONDS, what="the worker holds some"
    )

    deck.up.process.send_signal(signal.SIGTERM)
    wait_until(lambda: deck.queue()["consumers"] == 0, seconds=SECONDS, what="the worker stops consuming")
    gate.touch()
    assert deck.up.process.wait(SECONDS) == 0

    queue = deck.queue()
    assert (queue["messages_ready"], queue["messages_unacknowledged"]) == (3, 0)
    assert deck.up.ran() == [first]
