"""The socket: snapshot first, events merged, a reader that does not read is closed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers, get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client

from tasks_app import consumers, outbox
from tasks_app.access import Access
from tasks_app.conf import get_conf
from tasks_app.hub import Hub
from tasks_app.models import Task, TaskBatch
from tasks_app.outbox import MOST_IDS, Notices, Outbox, Window
from tasks_app.routing import websocket_application
from tasks_app.wire import EVENTS, GROUP

ORIGIN = (b"origin", b"http://localhost")
HOST = (b"host", b"localhost")
WATCHER = Access(
    user_id=None, view=True, submit=False, cancel=False, retry=False, operate=False, view_all=True
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def level(settings: Any) -> Iterator[Any]:
    def choose(name: str) -> None:
        settings.TASKDECK = {**settings.TASKDECK, "ANONYMOUS": name}
        get_conf.cache_clear()

    channel_layers.backends.clear()
    choose("operate")
    yield choose
    get_conf.cache_clear()


def socket(*headers: tuple[bytes, bytes]) -> WebsocketCommunicator:
    return WebsocketCommunicator(websocket_application, "/ws/", headers=[HOST, *(headers or [ORIGIN])])


async def frame_of(communicator: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = await communicator.receive_json_from(timeout=5)
        if "seq" in frame:
            await communicator.send_json_to({"type": "ack", "seq": frame["seq"]})
        if frame["type"] == kind:
            return frame


async def send_until_heard(communicator: WebsocketCommunicator, event: dict[str, Any]) -> dict[str, Any]:
    """The hub subscribes beside the first frame, so news may come before it listens."""
    layer = get_channel_layer()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        await layer.group_send(GROUP, {"type": EVENTS, "events": [event]})
        if not await communicator.receive_nothing(timeout=0.3):
            return await frame_of(communicator, "events")
    raise AssertionError("no event came within 10 s")


async def test_a_subscriber_gets_a_snapshot_then_events_without_owners() -> None:
    now = datetime.now(UTC)
    task = await Task.objects.acreate(function="f", state="queued", created_at=now)
    communicator = socket()
    assert (await communicator.connect())[0]
    await communicator.send_json_to({"type": "subscribe", "topic": "tasks"})
    snapshot = await frame_of(communicator, "snapshot")
    assert [row["id"] for row in snapshot["results"]] == [str(task.pk)]
    await communicator.send_json_to({"type": "subscribe", "topic": f"task:{task.pk}"})
    assert (await frame_of(communicator, "snapshot"))["task"]["state"] == "queued"
    event = {"id": str(task.pk), "owner_id": None, "revision": 2, "state": "running"}
    heard = await send_until_heard(communicator, event)
    assert heard["events"] == [{"id": str(task.pk), "revision": 2, "state": "running"}]
    await communicator.disconnect()


async def test_the_page_of_a_batch_hears_of_its_tasks_and_of_no_others() -> None:
    now, batch_id = datetime.now(UTC), uuid4()
    await TaskBatch.objects.acreate(id=batch_id, created_at=now, size=1)
    await Task.objects.acreate(function="f", state="queued", created_at=now, batch=batch_id)
    communicator = socket()
    await communicator.connect()
    await communicator.send_json_to({"type": "subscribe", "topic": f"batch:{batch_id}"})
    snapshot = await frame_of(communicator, "snapshot")
    assert (snapshot["batch"]["size"], snapshot["batch"]["counts"]["queued"]) == (1, 1)
    event = {"id": str(uuid4()), "owner_id": None, "revision": 2, "batch": str(batch_id)}
    await send_until_heard(communicator, event)
    others = [{**event, "batch": str(uuid4())}, {"id": str(uuid4()), "owner_id": None, "revision": 2}]
    layer = get_channel_layer()
    await layer.group_send(GROUP, {"type": EVENTS, "events": [*others, {**event, "revision": 3}]})
    heard = await frame_of(communicator, "events")
    while heard["events"][0]["revision"] == 2:  # the one before, sent more than once
        heard = await frame_of(communicator, "events")
    assert heard["events"] == [{"id": event["id"], "revision": 3, "batch": str(batch_id)}]
    await communicator.send_json_to({"type": "subscribe", "topic": f"batch:{uuid4()}"})
    assert (await frame_of(communicator, "error"))["code"] == "not_found"
    await communicator.disconnect()


async def test_the_mark_of_a_log_goes_to_the_page_of_its_task_alone() -> None:
    now = datetime.now(UTC)
    task, other = [await Task.objects.acreate(function="f", state="queued", created_at=now) for _ in range(2)]
    communicator = socket()
    await communicator.connect()
    for topic in ("tasks", f"task:{task.pk}"):
        await communicator.send_json_to({"type": "subscribe", "topic": topic})
        await frame_of(communicator, "snapshot")
    marks = [{"id": str(t.pk), "owner_id": None, "log": {"attempt": 1, "seq": 9}} for t in (other, task)]
    await send_until_heard(communicator, {"id": str(other.pk), "owner_id": None, "revision": 2})
    await get_channel_layer().group_send(GROUP, {"type": EVENTS, "events": marks})
    heard: list[Any] = []
    while not any("log" in event for event in heard):
        heard += (await frame_of(communicator, "events"))["events"]
    assert [event["id"] for event in heard if "log" in event] == [str(task.pk)]
    await communicator.disconnect()


async def test_a_foreign_page_is_refused() -> None:
    assert not (await socket((b"origin", b"http://elsewhere.test")).connect())[0]
    assert not (await socket((b"origin", b"http://localhost:9")).connect())[0]
    assert not (await socket((b"host", b"localhost")).connect())[0]


async def test_who_may_view_nothing_is_closed(level: Any) -> None:
    level("none")
    communicator = socket()
    await communicator.connect()
    assert (await communicator.receive_output())["code"] == consumers.NOTHING_TO_VIEW


async def test_unknown_topics_and_tasks_are_errors_and_nonsense_closes() -> None:
    communicator = socket()
    await communicator.connect()
    for topic, code in [
        ("overview", "unknown_topic"),
        ("task:nonsense", "not_found"),
        ("task:\x00", "not_found"),
    ]:
        await communicator.send_json_to({"type": "subscribe", "topic": topic})
        assert (await frame_of(communicator, "error"))["code"] == code
    await communicator.send_to(text_data="[" * 4000)
    assert (await communicator.receive_output())["code"] == consumers.NOT_UNDERSTOOD


async def test_a_reader_that_does_not_ack_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ACK_SECONDS", 0.3)
    communicator = socket()
    await communicator.connect()
    await communicator.send_json_to({"type": "subscribe", "topic": "tasks"})
    assert (await communicator.receive_json_from())["type"] == "snapshot"
    assert (await communicator.receive_output(timeout=5))["code"] == consumers.NOT_READING


async def test_logout_closes_the_sockets_of_the_session(level: Any) -> None:
    level("none")
    client = Client()
    user = await sync_to_async(User.objects.create_superuser)("ada", password="lovelace")
    await sync_to_async(client.force_login)(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
    communicator = socket(ORIGIN, (b"cookie", cookie))
    await communicator.connect()
    await communicator.send_json_to({"type": "subscribe", "topic": "tasks"})
    await frame_of(communicator, "snapshot")
    await sync_to_async(client.delete)("/api/session/")
    assert (await communicator.receive_output(timeout=5))["code"] == consumers.NOTHING_TO_VIEW


async def test_a_withdrawn_right_closes_the_socket_at_the_next_look(
    level: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    level("view")
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.2)
    communicator = socket()
    await communicator.connect()
    assert await communicator.receive_nothing(timeout=0.5)
    level("none")
    assert (await communicator.receive_output(timeout=5))["code"] == consumers.NOTHING_TO_VIEW


def told(box: Outbox) -> list[dict[str, Any]]:
    """What the next frame of events has."""
    events = box.take_events()
    return json.loads(events.text) if events else []  # type: ignore[no-any-return]


def news(*ids: str) -> Notices:
    return Notices.of([{"id": task_id, "owner_id": None, "revision": 1} for task_id in ids])


def test_an_outbox_merges_by_task_and_overflows_to_stale() -> None:
    box = Outbox()
    box.put(Notices.of([{"id": "a", "owner_id": 1, "revision": 3, "state": "succeeded"}]))
    box.put(Notices.of([{"id": "a", "owner_id": 1, "revision": 2, "state": "running", "worker": "n"}]))
    assert told(box) == [{"id": "a", "revision": 3, "state": "succeeded", "worker": "n"}]
    assert not box
    for number in range(MOST_IDS + 1):
        box.put(news(str(number)))
    assert box.take_stale()
    assert not box


def test_a_socket_that_is_stale_looks_at_no_further_event() -> None:
    class Untouched(Outbox):
        def put(self, notices: Notices) -> None:
            raise AssertionError("an event was looked at")

    consumer = consumers.TaskConsumer()
    consumer.access, consumer.outbox = WATCHER, Untouched()
    consumer.outbox.overflow()
    for consumer.topics in ({"tasks"}, {"tasks", "batch:x"}):
        consumer.put_events([{"id": "a", "owner_id": 1, "revision": 3}], news("a"))
    assert consumer.outbox.take_stale()


@pytest.mark.parametrize("turns", range(0, 30, 3))
async def test_the_subscription_ends_though_its_last_socket_leaves_before_it_stands(turns: int) -> None:
    """redis-py may lose a cancel while it connects."""
    hub, consumer = Hub(), consumers.TaskConsumer()
    hub.join(consumer)
    [reader] = (task for task in asyncio.all_tasks() if task.get_name() == "hub")
    for _ in range(turns):
        await asyncio.sleep(0)
    hub.leave(consumer)
    async with asyncio.timeout(5):
        await asyncio.wait({reader})
    assert reader.cancelled()


async def test_events_put_together_are_told_as_those_put_one_by_one() -> None:
    progress = [{"attempt": 1, "seq": seq} for seq in (1, 2)]
    messages: list[list[Any]] = [
        [
            {"id": "a", "owner_id": 1, "revision": 2, "state": "running", "progress": progress[1]},
            {"id": "b", "owner_id": None, "revision": 3, "state": "succeeded"},
            {"id": "c", "owner_id": None, "log": {"attempt": 1, "seq": 4}},
        ],
        [
            {"id": "d", "owner_id": 2, "revision": 1, "state": "queued"},
            {"id": "b", "owner_id": None, "revision": 2, "state": "running", "worker": "n"},
            {"id": "a", "owner_id": 1, "revision": 3, "progress": progress[0]},
            {"id": "a", "owner_id": 1, "revision": 4, "state": "succeeded"},
        ],
    ]
    boxes = []
    for topics in ({"tasks"}, {"tasks", "task:none"}):
        consumer = consumers.TaskConsumer()
        consumer.access, consumer.topics = WATCHER, topics
        consumer.outbox, consumer.wake = Outbox(), asyncio.Event()
        hub = Hub()
        hub.join(consumer)
        for message in messages:
            hub.dispatch({"type": EVENTS, "events": message})
        hub.leave(consumer)
        assert consumer.wake.is_set()
        boxes.append(told(consumer.outbox))
    together, one_by_one = boxes
    assert [event["id"] for event in together] == ["a", "b", "d"]
    assert together == one_by_one
    assert together[0]["progress"] == progress[1]


def test_sockets_share_events_and_never_each_others_news() -> None:
    running = Notices.of([{"id": "a", "owner_id": None, "revision": 2, "state": "running"}])
    failed = Notices.of([{"id": "a", "owner_id": None, "revision": 3, "state": "failed"}])
    boxes = [Outbox() for _ in range(3)]
    for box in boxes:
        box.put(running)
    for box in boxes[:2]:
        box.put(failed)
    one, other, third = (box.take_events() for box in boxes)
    assert one is other
    assert one is not None
    assert json.loads(one.text) == [{"id": "a", "revision": 3, "state": "failed"}]
    assert third is running
    assert json.loads(running.text) == [{"id": "a", "revision": 2, "state": "running"}]


def test_the_same_tasks_again_are_no_more_tasks() -> None:
    box, every = Outbox(), [str(number) for number in range(MOST_IDS)]
    for _ in range(3):
        box.put(news(*every))
    assert not box.is_stale
    assert [event["id"] for event in told(box)] == every


def test_too_many_events_put_together_are_stale() -> None:
    box = Outbox()
    box.put(news(*(str(number) for number in range(MOST_IDS))))
    assert not box.is_stale
    box.put(news("one more"))
    assert box.take_stale()
    assert not box


async def test_an_acknowledgement_wakes_the_pump_only_where_it_makes_room() -> None:
    consumer = consumers.TaskConsumer()
    consumer.window, consumer.wake = Window(), asyncio.Event()
    consumer.pump = asyncio.create_task(asyncio.sleep(0))
    woken = []
    for frames in (1, outbox.MOST_IN_FLIGHT):
        for _ in range(frames):
            consumer.window.sent(0.0)
        await consumer.receive(json.dumps({"type": "ack", "seq": consumer.window.seq}))
        woken.append(consumer.wake.is_set())
    assert woken == [False, True]
    await consumer.pump


async def test_no_message_of_a_socket_waits_for_old_connections_to_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Channels would go through a thread for each, acknowledgements too."""

    async def fails() -> None:
        raise AssertionError("a message went through a thread")

    monkeypatch.setattr("channels.consumer.aclose_old_connections", fails)
    communicator = socket()
    await communicator.connect()
    await communicator.send_json_to({"type": "subscribe", "topic": "tasks"})
    assert await frame_of(communicator, "snapshot")
    await communicator.disconnect()


def test_frames_are_further_apart_where_many_sockets_are_open() -> None:
    few, many = Window(), Window()
    for window, sockets in ((few, 100), (many, 1000)):
        window.sent(7.0, sockets)
    assert few.next_at == 7.0 + outbox.FRAME_SECONDS
    assert many.next_at == 7.0 + 1000 * outbox.SOCKET_SECONDS


def test_a_window_holds_four_frames_and_forgets_what_arrived() -> None:
    window = Window()
    for now in range(4):
        window.sent(float(now))
    assert window.is_full
    assert window.ack_deadline == outbox.ACK_SECONDS
    window.acked(2, 5.0)
    assert not window.is_full
    assert window.ack_deadline == 5.0 + outbox.ACK_SECONDS
    window.acked(99, 6.0)
    assert window.ack_deadline is None
