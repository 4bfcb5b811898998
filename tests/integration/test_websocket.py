"""The socket: snapshot first, events merged, a reader that does not read is closed."""

from __future__ import annotations

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
from django.db import connection
from django.test import Client

from tasks_app import consumers, outbox
from tasks_app.conf import get_conf
from tasks_app.models import Task, TaskBatch
from tasks_app.routing import websocket_application
from tasks_app.wire import EVENTS, GROUP

ORIGIN = (b"origin", b"http://localhost")
HOST = (b"host", b"localhost")
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


class Visitor(WebsocketCommunicator):
    """One with more patience than the second that Channels gives a loaded machine."""

    async def receive_output(self, timeout: float = 1) -> Any:
        return await super().receive_output(max(timeout, 30))

    async def disconnect(self, code: int = 1000, timeout: float = 30) -> None:
        await super().disconnect(code, timeout)


def socket(*headers: tuple[bytes, bytes]) -> Visitor:
    return Visitor(websocket_application, "/ws/", headers=[HOST, *(headers or [ORIGIN])])


async def frame_of(communicator: Visitor, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = await communicator.receive_json_from()
        if "seq" in frame:
            await communicator.send_json_to({"type": "ack", "seq": frame["seq"]})
        if frame["type"] == kind:
            return frame


async def send_until_heard(communicator: Visitor, event: dict[str, Any]) -> dict[str, Any]:
    """The hub subscribes beside the first frame, so news may come before it listens."""
    layer = get_channel_layer()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        await layer.group_send(GROUP, {"type": EVENTS, "events": [event]})
        if not await communicator.receive_nothing(timeout=0.3):
            return await frame_of(communicator, "events")
    raise AssertionError("no event came within 30 s")


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
    assert not (await socket((b"origin", b"http://[::1")).connect())[0]  # no address at all
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


async def test_who_only_makes_mistakes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "MOST_ERRORS", 3)
    communicator = socket()
    await communicator.connect()
    for _ in range(3):
        await communicator.send_json_to({"type": "sing", "topic": "x"})
        assert (await communicator.receive_json_from())["code"] == "unknown_message"
    assert (await communicator.receive_output())["code"] == consumers.NOT_UNDERSTOOD


async def test_an_ack_of_what_was_never_sent_closes() -> None:
    communicator = socket()
    await communicator.connect()
    await communicator.send_json_to({"type": "ack", "seq": 1_000_000})
    assert (await communicator.receive_output())["code"] == consumers.NOT_UNDERSTOOD


async def test_a_reader_that_does_not_ack_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ACK_SECONDS", 0.3)
    communicator = socket()
    await communicator.connect()
    await communicator.send_json_to({"type": "subscribe", "topic": "tasks"})
    assert (await communicator.receive_json_from())["type"] == "snapshot"
    assert (await communicator.receive_output())["code"] == consumers.NOT_READING


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
    assert (await communicator.receive_output())["code"] == consumers.NOTHING_TO_VIEW


async def test_a_withdrawn_right_closes_the_socket_at_the_next_look(
    level: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    level("view")
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.2)
    communicator = socket()
    await communicator.connect()
    assert await communicator.receive_nothing(timeout=0.5)
    level("none")
    assert (await communicator.receive_output())["code"] == consumers.NOTHING_TO_VIEW


async def test_a_socket_that_cannot_look_at_its_session_closes(
    level: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page connects anew; one that stays open and says nothing it would take for a quiet one."""
    level("view")
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.2)
    client = Client()
    user = await sync_to_async(User.objects.create_user)("ada")
    await sync_to_async(client.force_login)(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
    communicator = socket(ORIGIN, (b"cookie", cookie))
    await communicator.connect()
    await sync_to_async(run_sql)("ALTER TABLE django_session RENAME TO away")
    try:
        assert (await communicator.receive_output(timeout=5))["code"] == consumers.BROKEN
    finally:
        await sync_to_async(run_sql)("ALTER TABLE away RENAME TO django_session")


def run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


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
