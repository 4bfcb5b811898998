"""Which claims a crew's side makes of the table, and how many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from worker.crew import Crew
from worker.sides import Side


class Places:
    """A crew of so many places; what it was given runs for ever."""

    def __init__(self, places: int) -> None:
        self.places, self.given = places, 0

    @property
    def is_busy(self) -> bool:
        return self.given > 0

    def idle(self) -> int:
        return self.places - self.given

    def short(self) -> list[str]:
        return []

    def room_ahead(self) -> int:
        return 0


class Table:
    """Claims for a crew from a table where so many tasks wait."""

    intake: Any = None

    def __init__(self, crew: Places, waiting: int) -> None:
        self._crew, self.waiting = crew, waiting
        self.limits: list[int] = []
        self.oldest = 0

    async def from_table(
        self, side: Side, functions: Sequence[str], limit: int, *, oldest: bool = False
    ) -> int:
        self.limits.append(limit)
        self.oldest += oldest
        found = min(limit, self.waiting)
        self.waiting -= found
        self._crew.given += found
        return found

    async def from_messages(self, side: Side, intake: Any, batch: Any, functions: Sequence[str]) -> int:
        self._crew.given += len(batch.taken)
        return len(batch.taken)


def settled(places: int, waiting: int) -> tuple[Side, Table]:
    """After looks that found nothing, and long before the next is due; then so many tasks came."""
    crew = Places(places)
    table = Table(crew, 0)
    side = Side(cast("Crew[Any]", crew), ["a.task"], 3600.0, table)
    claim_all(side)
    table.limits.clear()
    table.waiting = waiting
    return side, table


def claim_all(side: Side) -> None:
    async def go() -> None:
        while await side.claim():
            pass

    asyncio.run(go())


def test_a_bell_for_a_lone_task_costs_one_statement() -> None:
    side, table = settled(places=2, waiting=1)
    side.ring()
    claim_all(side)
    assert table.limits == [2]


def test_what_fills_every_place_is_followed_by_more_once_a_place_is_free() -> None:
    side, table = settled(places=2, waiting=3)
    side.ring()
    claim_all(side)
    assert (table.limits, table.waiting) == ([2], 1)
    cast(Places, side.crew).given = 1
    claim_all(side)
    assert table.waiting == 0


def test_a_bell_during_the_statement_is_answered_by_another() -> None:
    side, table = settled(places=2, waiting=0)
    from_table = table.from_table

    async def from_table_while_it_rings(*args: Any, **facts: Any) -> int:
        found = await from_table(*args, **facts)
        if len(table.limits) == 1:
            table.waiting = 1
            side.ring()
        return found

    table.from_table = from_table_while_it_rings  # type: ignore[method-assign]
    side.ring()
    claim_all(side)
    claim_all(side)
    assert table.waiting == 0


@pytest.mark.parametrize(("offered", "left"), [(3, 7), (0, 10)])
def test_no_more_is_claimed_for_an_offer_than_was_offered(offered: int, left: int) -> None:
    side, table = settled(places=20, waiting=10)
    side.offer(offered)
    claim_all(side)
    assert table.waiting == left


def test_an_offer_outlives_the_time_without_a_free_place() -> None:
    side, table = settled(places=1, waiting=2)
    crew = cast(Places, side.crew)
    crew.given = 1
    side.offer(2)
    claim_all(side)
    assert (table.waiting, side.is_due()) == (2, True)
    for left in (1, 0):
        crew.given = 0
        claim_all(side)
        assert table.waiting == left
    assert not side.is_due()


def test_an_offer_that_others_took_is_forgotten() -> None:
    side, table = settled(places=1, waiting=0)
    side.offer(5)
    claim_all(side)
    assert table.limits == [1]
    table.waiting = 1
    claim_all(side)
    assert table.waiting == 1


class Messages:
    """An intake that always holds some; of another queue RabbitMQ refused the consumer."""

    has_waiting, is_consuming = True, False

    def adjust(self) -> None: ...

    def take(self, limit: int, functions: Sequence[str]) -> SimpleNamespace:
        return SimpleNamespace(taken=range(limit))


@pytest.mark.parametrize("places", [1, 4])
@pytest.mark.parametrize("intake", [None, Messages()], ids=["bells", "messages"])
def test_the_oldest_gets_its_share_however_much_comes(
    monkeypatch: pytest.MonkeyPatch, places: int, intake: Messages | None
) -> None:
    """R12: every task that comes may be better than those that wait, and each claim finds enough of it."""
    now = 1000.0
    monkeypatch.setattr("worker.sides.boottime", lambda: now)
    crew = Places(places)
    table = Table(crew, waiting=100_000)
    table.intake = intake
    side = Side(cast("Crew[Any]", crew), ["a.task"], 1.0, table)
    for _ in range(600):  # a minute
        now += 0.1
        if intake is None:
            side.ring()
        crew.given = max(0, crew.given - 1)
        claim_all(side)
    assert table.oldest >= 5
