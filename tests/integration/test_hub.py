"""The web process's one subscription ends with the last socket and leaves nothing that gathers events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from channels.layers import channel_layers, get_channel_layer
from redis import Redis

from tasks_app.conf import get_conf
from tasks_app.hub import Hub
from tasks_app.wire import GROUP

RAW_GROUP = f"asgi__group__{GROUP}"
SECONDS = 30


@pytest.fixture(autouse=True)
def _layer_of_its_own() -> Iterator[None]:
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


class Page:
    """``stale``: how often everything on it was said to be old."""

    session_key = None

    def __init__(self) -> None:
        self.stale = 0

    def put_events(self, events: object, listed: object) -> None: ...

    def mark_stale(self) -> None:
        self.stale += 1

    def log_out(self) -> None: ...


def reader() -> asyncio.Task[Any]:
    [found] = (task for task in asyncio.all_tasks() if task.get_name() == "hub")
    return found


def gathered() -> tuple[list[int], int]:
    """How much waits in each channel of the layer, and how many subscriptions Redis has."""
    layer = get_channel_layer()._get_layer()
    with Redis.from_url(get_conf().redis_url) as client:
        subscriptions = client.pubsub_channels("*")
    return [queue.qsize() for queue in layer.channels.values()], len(cast("list[bytes]", subscriptions))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", range(0, 30, 3))
async def test_the_subscription_ends_though_its_last_socket_leaves_before_it_stands(turns: int) -> None:
    """redis-py may lose a cancel while it connects."""
    hub, page = Hub(), Page()
    hub.join(page)
    reading = reader()
    for _ in range(turns):
        await asyncio.sleep(0)
    hub.leave(page)
    async with asyncio.timeout(SECONDS):
        await asyncio.wait({reading})
    assert reading.cancelled()
    await until(lambda: gathered() == ([], 0))


async def test_what_breaks_the_reading_of_events_leaves_no_second_channel_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would gather every event from then on, and nobody would read it."""
    monkeypatch.setattr("tasks_app.hub.RETRY_SECONDS", 0.01)
    hub, page = Hub(), Page()
    hub.join(page)
    await until(lambda: gathered()[1] > 0)
    with Redis.from_url(get_conf().redis_url) as client:
        for broken in range(1, 4):
            client.publish(RAW_GROUP, b"\xc1")  # no msgpack
            await until(lambda broken=broken: page.stale == broken)  # type: ignore[misc]
    await until(lambda: hub._is_listening)
    assert gathered()[0] == [0]
    hub.leave(page)
    await until(lambda: gathered() == ([], 0))


async def test_a_subscription_that_cannot_be_made_leaves_nothing_behind(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"hosts": [{"address": f"unix://{tmp_path}/none.sock"}]}
    settings.CHANNEL_LAYERS = {"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": nowhere}}
    monkeypatch.setattr("tasks_app.hub.RETRY_SECONDS", 0.001)
    hub, page = Hub(), Page()
    hub.join(page)
    await until(lambda: page.stale >= 5)
    assert not get_channel_layer()._get_layer().channels
    reading = reader()
    hub.leave(page)
    await until(reading.done)
