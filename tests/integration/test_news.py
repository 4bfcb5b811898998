"""What one process tells watchers: events of one task that follow closely share a message."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from channels.layers import get_channel_layer
from pytest_django import Settings

from tasks_app.live import MOST_EVENTS, News
from tasks_app.redis_client import BELL, OFFERS, RedisLink
from tasks_app.watchers import PUB_SUB
from tasks_app.wire import GROUP, TaskEvent


@pytest.fixture(params=[{}, {"prefix": "asgi"}], ids=["by the link", "by the layer"])
async def news(redis_url: str, request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[News]:
    """A layer with an option, be it the usual one, is asked itself."""
    link = RedisLink(redis_url)
    config = {"hosts": [{"address": redis_url}], **request.param}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": PUB_SUB, "CONFIG": config}}
    sender = News(link, None, gather_seconds=0.25)  # longer than a loaded machine may stop between two lines
    running = asyncio.create_task(sender.run())
    yield sender
    running.cancel()
    await asyncio.wait([running])
    await link.close()


@pytest.fixture
async def channel() -> AsyncIterator[str]:
    """One that hears the watchers' group."""
    layer = get_channel_layer()
    name: str = await layer.new_channel()
    await layer.group_add(GROUP, name)
    yield name
    await layer.flush()


async def heard(channel: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        message = await get_channel_layer().receive(channel)
    events: list[dict[str, Any]] = message["events"]
    return events


def event(task_id: str, **facts: Any) -> TaskEvent:
    return TaskEvent(id=task_id, owner_id=None, **facts)


async def test_the_transitions_of_a_short_task_share_a_message(news: News, channel: str) -> None:
    news.put(event("one", state="running", revision=2))
    for _ in range(3):
        await asyncio.sleep(0)  # the sender has had its turns
    news.put(event("one", state="succeeded", revision=3))
    [found] = await heard(channel)
    assert (found["state"], found["revision"]) == ("succeeded", 3)


async def test_what_is_told_late_does_not_hide_what_came_after_it(news: News, channel: str) -> None:
    """A task that one thread moved to its queue is claimed on another before the first has told of it."""
    news.put(event("one", state="running", revision=3, worker="n"))
    news.put(event("one", state="queued", revision=2, queue="default"))
    [found] = await heard(channel)
    assert (found["state"], found["revision"], found["queue"]) == ("running", 3, "default")


async def test_a_sender_that_need_not_gather_tells_the_first_event_at_once(
    redis_url: str, channel: str
) -> None:
    """The web process, where a request has one event."""
    link = RedisLink(redis_url)
    sender = News(link, None, gather_seconds=0.0)
    running = asyncio.create_task(sender.run())
    sender.put(event("one", state="queued", revision=1))
    for _ in range(3):
        await asyncio.sleep(0)
    sender.put(event("one", state="cancelled", revision=2))
    states = [found["state"] for _ in range(2) for found in await heard(channel)]
    assert states == ["queued", "cancelled"]
    running.cancel()
    await asyncio.wait([running])
    await link.close()


async def test_a_flood_is_sent_whole_while_it_goes_on(news: News, channel: str) -> None:
    count = 5 * MOST_EVENTS
    for number in range(count):
        news.put(event(str(number), state="queued", revision=1))
        if number % 100 == 0:
            await asyncio.sleep(0)
    found: list[str] = []
    while len(found) < count:
        found += [one["id"] for one in await heard(channel)]
    assert found == [str(number) for number in range(count)]


ANNOUNCES_AND_ENDS = """
import os, django
django.setup()
from tasks_app.delivery import delivery
for names in ("a", "bcd"):  # the connection stands by the second time
    for name in names:
        delivery.announce({"id": name, "owner_id": None, "revision": 1})
    delivery.flush(10)
os._exit(0)
"""


async def test_a_process_that_ends_has_told_all_it_announced(
    redis_url: str, channel: str, tmp_path: Path
) -> None:
    environment = os.environ | {"REDIS_URL": redis_url, "TASKDECK_DATA_DIR": str(tmp_path)}
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", ANNOUNCES_AND_ENDS, env=environment)
    assert await ended.wait() == 0
    found: list[str] = []
    while len(found) < 4:
        found += [one["id"] for one in await heard(channel)]
    assert found == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "foreign",
    [
        "{",
        "[]",
        '{"sender": "a"}',
        '{"sender": "a", "queues": ["default"]}',
        '{"sender": "a", "queues": {"default": Infinity}}',
        pytest.param("[" * 100_000, id="nested deeper than Python reads"),
    ],
)
async def test_what_no_worker_said_ends_nothing(redis_url: str, foreign: str) -> None:
    link, client = RedisLink(redis_url), redis.asyncio.Redis.from_url(redis_url)
    offer = {"sender": "a", "queues": {"default": 3}}
    bells = link.bells()
    try:
        async with asyncio.timeout(10):
            first = asyncio.ensure_future(anext(bells))
            while await client.publish(OFFERS, foreign) == 0:  # until it listens
                await asyncio.sleep(0.01)
            await client.publish(OFFERS, json.dumps(offer))
            await client.publish(BELL, b"default\n\xff")
            assert [await first, await anext(bells)] == [offer, {"default", "\ufffd"}]
    finally:
        await bells.aclose()  # type: ignore[attr-defined]
        await client.aclose()
        await link.close()
