"""One websocket: topics in, snapshots and merged events out, never faster than its reader."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser

from tasks_app import selectors
from tasks_app.access import Access, access_of
from tasks_app.batch_selectors import batch_detail
from tasks_app.errors import TaskdeckError
from tasks_app.filters import TaskFilter
from tasks_app.hub import hub
from tasks_app.outbox import LOG_ALONE, Notices, Outbox, Window
from tasks_app.wire import TaskEvent

log = logging.getLogger("taskdeck.socket")
NOTHING_TO_VIEW = 4401
NOT_READING = 4408
NOT_UNDERSTOOD = 4400
BROKEN = 1011
"""RFC 6455, section 7.4.1: the server met what it did not expect."""
MOST_TOPICS = 16
MOST_ERRORS = 50
"""Of one socket: each is sent at once, whether somebody reads it or not."""
MOST_LETTERS = 4096
LOOK_SECONDS = 10.0
SNAPSHOT_ROWS = 50


class TaskConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """The pump is the only sender of frames with a number; the rest only says what waits."""

    session_key: str | None = None
    access: Access
    pump: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Without a channel of its own, for the hub subscribes, and without two tasks for each message."""
        self.scope, self.base_send = scope, send
        with contextlib.suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' own first closes old connections, in a thread; whoever asks the database does."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self.outbox, self.window, self.wake = Outbox(), Window(), asyncio.Event()
        self.topics: set[str] = set()
        self.errors = 0
        self.snapshots: dict[str, None] = {}
        self.stale: dict[str, None] = {}
        self.session_key = getattr(self.scope.get("session"), "session_key", None)
        self.access = await self._looked()
        self.look_at = time.monotonic() + LOOK_SECONDS
        await self.accept()
        if not self.access.view:
            await self.close(NOTHING_TO_VIEW)
            return
        hub.join(self)
        self.pump = asyncio.create_task(self._pump())

    async def disconnect(self, code: int) -> None:
        hub.leave(self)
        if self.pump is not None:
            self.pump.cancel()

    # --- from the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = _parse(text_data)
        if message is None or self.pump is None:
            await self.close(NOT_UNDERSTOOD)
            return
        kind, topic = message.get("type"), str(message.get("topic", ""))
        if kind == "ack" and isinstance(message.get("seq"), int):
            if message["seq"] > self.window.seq:
                await self.close(NOT_UNDERSTOOD)  # of what was never sent: it does not read
                return
            was_full = self.window.is_full
            self.window.acked(message["seq"], time.monotonic())
            if not was_full:
                return  # nothing to send for it, and a deadline that has moved is seen at the old one
        elif kind == "subscribe":
            await self._subscribe(topic)
        elif kind == "unsubscribe":
            for wanted in (self.snapshots, self.stale):
                wanted.pop(topic, None)
            self.topics.discard(topic)
        else:
            await self._error(topic, "unknown_message", "type must be subscribe, unsubscribe or ack")
        self.wake.set()

    async def _subscribe(self, topic: str) -> None:
        if topic != "tasks" and not topic.startswith(("task:", "batch:")):
            await self._error(topic, "unknown_topic", "topic must be tasks, task:<id> or batch:<id>")
        elif len(self.topics | {topic}) > MOST_TOPICS:
            await self._error(topic, "too_many_topics", f"one socket has {MOST_TOPICS} topics at most")
        else:
            # before the snapshot is read, so that nothing falls between it and the first event
            self.topics.add(topic)
            self.snapshots[topic] = None

    # --- from the hub

    def put_events(self, events: Sequence[TaskEvent], listed: Notices) -> None:
        """``listed`` is what of ``events`` a list of all tasks is told."""
        if self.outbox.is_stale:
            return  # it will fetch anew, however many more come
        is_first = not self.outbox
        if self.access.view_all and self.topics == {"tasks"}:
            self.outbox.put(listed)
        else:
            self.outbox.put(Notices.of(event for event in events if self._is_chosen(event)))
        if is_first and self.outbox:
            self.wake.set()

    def _is_chosen(self, event: TaskEvent) -> bool:
        if not (self.access.view_all or event["owner_id"] == self.access.user_id):
            return False
        is_listed = "tasks" in self.topics and not event.keys() <= LOG_ALONE
        of_batch = "batch" in event and f"batch:{event['batch']}" in self.topics
        return is_listed or of_batch or f"task:{event['id']}" in self.topics

    def mark_stale(self) -> None:
        self.outbox.overflow()
        self.wake.set()

    def log_out(self) -> None:
        self.look_at = 0.0
        self.wake.set()

    # --- the pump

    async def _pump(self) -> None:
        """Ends with the socket: a page takes one that is open and silent for one without news."""
        try:
            await self._send_what_waits()
        except Exception as error:  # whatever it is, as a database that is away: the page connects anew
            log.warning("a socket closes, its page has to connect anew: %r", error)
            await self.close(BROKEN)

    async def _send_what_waits(self) -> None:
        while True:
            now = time.monotonic()
            deadline = self.window.ack_deadline
            if deadline is not None and deadline <= now:
                await self.close(NOT_READING)
                return
            if self.look_at <= now and not await self._may_stay():
                await self.close(NOTHING_TO_VIEW)
                return
            if self._has_work() and self.window.next_at <= now:
                await self._send_next()
                continue
            moments = [self.look_at, deadline, self.window.next_at if self._has_work() else None]
            await self._sleep_until(min(moment for moment in moments if moment is not None))

    def _has_work(self) -> bool:
        return not self.window.is_full and bool(self.snapshots or self.stale or self.outbox)

    async def _sleep_until(self, moment: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self.wake.wait()
        except TimeoutError:
            return
        self.wake.clear()

    async def _may_stay(self) -> bool:
        """Look at the session again: logged out elsewhere, or rights withdrawn."""
        self.look_at = time.monotonic() + LOOK_SECONDS
        before = self.access.user_id
        self.access = await self._looked()
        return self.access.view and self.access.user_id == before

    async def _looked(self) -> Access:
        """Only a session needs a thread, for the database: the rights of nobody are a setting."""
        if self.session_key is None:
            return _access_of_session(None)
        access: Access = await database_sync_to_async(_access_of_session)(self.session_key)
        return access

    async def _send_next(self) -> None:
        if self.snapshots:
            topic = next(iter(self.snapshots))
            del self.snapshots[topic]
            await self._send_snapshot(topic)
            return
        if self.outbox.take_stale():
            self.stale.update(dict.fromkeys(sorted(self.topics)))
        if self.stale:
            topic = next(iter(self.stale))
            del self.stale[topic]
            await self._frame({"type": "stale", "topic": topic})
        elif events := self.outbox.take_events():
            await self.send(text_data=f'{{"type":"events","events":{events.text},"seq":{self._numbered()}}}')

    async def _send_snapshot(self, topic: str) -> None:
        try:
            document = await database_sync_to_async(_snapshot)(self.session_key, topic)
        except TaskdeckError as error:
            self.topics.discard(topic)
            await self._error(topic, error.code, str(error))
        else:
            await self._frame({"type": "snapshot", "topic": topic, **document})

    async def _frame(self, document: dict[str, Any]) -> None:
        await self._write({**document, "seq": self._numbered()})

    def _numbered(self) -> int:
        return self.window.sent(time.monotonic(), hub.size)

    async def _error(self, topic: str, code: str, detail: str) -> None:
        self.errors += 1
        await self._write({"type": "error", "topic": topic[:100], "code": code, "detail": detail})
        if self.errors >= MOST_ERRORS:
            await self.close(NOT_UNDERSTOOD)

    async def _write(self, document: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(document, separators=(",", ":")))


def _parse(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > MOST_LETTERS:
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _access_of_session(session_key: str | None) -> Access:
    """From the session as it is stored now, not as it was when the socket opened."""
    if session_key is None:
        return access_of(AnonymousUser())
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    # get_user wants a request for its session only; it also checks that the password is still the same
    return access_of(get_user(SimpleNamespace(session=store)))  # type: ignore[arg-type]


def _snapshot(session_key: str | None, topic: str) -> dict[str, Any]:
    """Rights are read anew for each subscription. Raises NotAllowed, TaskNotFound, BatchNotFound."""
    access = _access_of_session(session_key)
    if topic == "tasks":
        return {"results": selectors.task_page(access, TaskFilter(), limit=SNAPSHOT_ROWS).rows}
    if topic.startswith("batch:"):
        return {"batch": batch_detail(access, topic.removeprefix("batch:"))[0]}
    return {"task": selectors.task_detail(access, topic.removeprefix("task:"))[0]}
