"""What requests announce reaches the event loop whole, in turns, and a lone announcement at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tasks_app.conf import get_conf
from tasks_app.delivery import APART_SECONDS, MOST_APART_SECONDS, MOST_HELD, DeliveryThread, Inbox, Notice
from tests.support.processes import until


class Loop:
    """What an inbox asks of an event loop, noted instead of done."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], Any]] = []
        self.later: list[tuple[float, Callable[[], Any]]] = []

    def call_soon_threadsafe(self, call: Callable[[], Any]) -> None:
        self.soon.append(call)

    def call_later(self, seconds: float, call: Callable[[], Any]) -> None:
        self.later.append((seconds, call))

    def turn(self) -> None:
        """What is due now."""
        due, self.soon = self.soon, []
        for call in due:
            call()

    def pause_ends(self) -> float:
        """How long it was."""
        [(seconds, call)], self.later = self.later, []
        call()
        return seconds


class Told:
    """In the place of the news: what arrived, in order."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def put(self, event: Any) -> None:
        self.ids.append(event["id"])


def inbox_of(loop: Any, told: Any) -> Inbox:
    return Inbox(loop, told)


def notice(name: str) -> Notice:
    return Notice(event={"id": name, "owner_id": None, "revision": 1, "state": "queued"})


def test_a_lone_announcement_goes_at_once_and_what_follows_waits_for_the_next_turn() -> None:
    loop, told = Loop(), Told()
    inbox = inbox_of(loop, told)
    inbox.put([notice("1")])
    loop.turn()
    assert told.ids == ["1"]
    inbox.put([notice("2")])
    inbox.put([notice("3")])
    assert loop.soon == []  # no further wake-up
    assert loop.pause_ends() == APART_SECONDS
    assert told.ids == ["1", "2", "3"]
    assert loop.pause_ends() == 2 * APART_SECONDS  # longer, because two came in the one before
    assert loop.later == []  # and as nothing came in this one, the next goes at once again
    inbox.put([notice("4")])
    loop.turn()
    assert told.ids == ["1", "2", "3", "4"]


def test_a_pause_is_bounded_and_many_announcements_end_it() -> None:
    loop, told = Loop(), Told()
    inbox = inbox_of(loop, told)
    inbox.put([notice("first")] * 100)
    loop.turn()
    inbox.put([notice("many")] * (MOST_HELD + 1))
    loop.turn()
    assert told.ids.count("many") == MOST_HELD + 1
    assert loop.pause_ends() == MOST_APART_SECONDS


async def test_what_many_threads_announce_arrives_and_nothing_stays_behind() -> None:
    told = Told()
    inbox = inbox_of(asyncio.get_running_loop(), told)
    names = [[f"{thread}-{number}" for number in range(3000)] for thread in range(4)]
    threads = [
        threading.Thread(target=lambda own=own: [inbox.put([notice(name)]) for name in own]) for own in names
    ]
    for thread in threads:
        thread.start()
    await until(lambda: len(told.ids) == 12_000, "everything arrives")
    for thread, own in enumerate(names):
        assert [name for name in told.ids if name.startswith(f"{thread}-")] == own


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sender_that_cannot_start_holds_no_request_up(settings: Any) -> None:
    settings.TASKDECK = {**settings.TASKDECK, "REDIS_URL": "redis://localhost/0?socket_timeout=soon"}
    get_conf.cache_clear()
    delivery = DeliveryThread()
    request = threading.Thread(target=delivery.announce_all, args=([notice("1")],), daemon=True)
    request.start()
    request.join(10)
    get_conf.cache_clear()
    assert not request.is_alive()
    assert delivery._thread is not None
    delivery._thread.join(10)
