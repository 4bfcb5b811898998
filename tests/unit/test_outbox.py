"""What waits for one socket: merged by task, shared, bounded, and never faster than its reader."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tasks_app import consumers, outbox
from tasks_app.access import Access
from tasks_app.hub import Hub
from tasks_app.outbox import MOST_IDS, Notices, Outbox, Window
from tasks_app.wire import EVENTS

WATCHER = Access(
    user_id=None, view=True, submit=False, cancel=False, retry=False, operate=False, view_all=True
)


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
