"""Holes between messages and the table, with a real broker: lost hints, and the order of priorities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from tests.protocol import actors
from tests.protocol.rules import with_and_without_the_rule
from tests.support.deck import NOTED, Deck
from tests.support.machine import MODULES
from tests.support.mutations import WITHOUT
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ

StartDeck = Callable[..., Deck]
LOAD, EACH_SECONDS = 400, 0.03
FASTER = {"TASKDECK_DIRECT_CLAIM_SECONDS": "1"}


@pytest.fixture
def start_deck(rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[StartDeck]:
    decks: list[Deck] = []

    def start(*, without: str, settings: dict[str, str] | None = None) -> Deck:
        modules = ",".join([*MODULES, "tests.support.mutations"])
        removed = {"TASKDECK_MODULES": modules, WITHOUT: without}
        decks.append(Deck(rabbitmq, tmp_path, **removed, **(settings or {})))
        return decks[-1]

    yield start
    for deck in decks:
        faults = deck.up.judged()
        deck.up.end()
        assert faults == []


@pytest.mark.long
@with_and_without_the_rule
def test_under_load_a_task_without_a_message_is_claimed_whether_it_is_the_best_or_the_oldest(
    start_deck: StartDeck, is_kept: bool
) -> None:
    """Its message was lost, and the load never leaves the worker a moment without news.

    An idle worker asks the table by itself: the row of the oldest comes when it is at work, with an older id.
    """
    deck = start_deck(without="" if is_kept else "the_share_of_the_table", settings=FASTER)
    oldest = str(uuid7())
    load = deck.submit_many(LOAD, seconds=EACH_SECONDS)
    wait_until(deck.up.ran, seconds=60, what="the worker is under load")
    with deck.up.database.session() as session:
        old, best = (
            actors.make_task(
                session, function=NOTED, arguments='{"number": 5}', priority=priority, task_id=task_id
            )
            for priority, task_id in ((-5, oldest), (5, ""))
        )
    deck.wait_for(load[-1], old, best)
    ran = deck.up.ran()
    last = max(ran.index(task_id) for task_id in load)
    assert (ran.index(old) < last, ran.index(best) < last) == (is_kept, is_kept)


@pytest.mark.long
def test_where_each_message_claims_its_own_task_an_urgent_one_waits_behind_the_backlog(
    start_deck: StartDeck, tmp_path: Path
) -> None:
    """With the rule it overtakes them: tests/integration/test_hand_over.py."""
    deck = start_deck(without="the_order_of_priorities")
    gate = tmp_path / "gate"
    first = deck.occupy(gate)
    usual = [deck.submit() for _ in range(3)]
    urgent = [deck.submit(priority=5) for _ in range(2)]
    deck.wait_for_messages(5)
    gate.touch()

    deck.wait_for(*usual, *urgent)

    ran = deck.up.ran()
    assert ran[0] == first
    assert ran.index(usual[0]) < min(map(ran.index, urgent))
