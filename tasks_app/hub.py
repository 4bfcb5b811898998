"""The web process's one subscription to events, fanned out in memory to its sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.contrib.auth.signals import user_logged_out

from tasks_app.outbox import LOG_ALONE, Notices
from tasks_app.wire import EVENTS, GROUP, TaskEvent

log = logging.getLogger("taskdeck.hub")
RETRY_SECONDS = 1.0
PROBE = "taskdeck.probe"
"""A message that says nothing."""


class Socket(Protocol):
    session_key: str | None

    def put_events(self, events: Sequence[TaskEvent], listed: Notices) -> None: ...

    def mark_stale(self) -> None: ...

    def log_out(self) -> None: ...


class Hub:
    """Lives on the event loop of the sockets; started by the first of them, ended by the last."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_listening = False  # a cancel of its wait makes the layer forget the channel

    @property
    def size(self) -> int:
        """Open sockets."""
        return len(self._sockets)

    def join(self, socket: Socket) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._sockets.clear()
            self._loop, self._reader, self._is_listening = loop, None, False
        self._sockets.add(socket)
        if self._reader is None or self._reader.done():
            self._reader = loop.create_task(self._read(), name="hub")

    def leave(self, socket: Socket) -> None:
        self._sockets.discard(socket)
        if not self._sockets and self._reader is not None and self._is_listening:
            self._reader.cancel()
            self._reader, self._is_listening = None, False

    async def _read(self) -> None:
        """Subscribe and read for ever. After a break everything is stale: what came meanwhile is lost."""
        layer = get_channel_layer()
        if layer is None:
            return  # no Redis: the pages poll
        channel = None  # one for all tries: the layer gathers messages for each, read or not
        while True:
            try:
                if channel is None:
                    await layer.group_send(GROUP, {"type": PROBE})  # else a failure leaves a queue
                    channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self._is_listening = True
                self._end_if_needless()
                while True:
                    self.dispatch(await layer.receive(channel))
            except asyncio.CancelledError:
                if channel is not None:
                    await layer.group_discard(GROUP, channel)
                raise
            except Exception as error:  # whatever Redis or the layer raises means the same: subscribe again
                self._is_listening = False
                log.warning("the subscription to events broke: %r", error)
                for socket in list(self._sockets):
                    socket.mark_stale()
                await asyncio.sleep(RETRY_SECONDS)
                self._end_if_needless()

    def _end_if_needless(self) -> None:
        """Make the reader's next wait its last where every socket left before it listened, or where redis-py
        has lost its cancel while it connected."""
        reader = asyncio.current_task()
        if reader is not None and (reader.cancelling() or not self._sockets):
            reader.cancel()
            if self._reader is reader:
                self._reader, self._is_listening = None, False

    def dispatch(self, message: dict[str, Any]) -> None:
        if message.get("type") == EVENTS:
            events = message["events"]
            listed = Notices.of(event for event in events if not event.keys() <= LOG_ALONE)
            for socket in self._sockets:
                socket.put_events(events, listed)

    def close_session(self, session_key: str) -> None:
        """Close this process's sockets of a session; callable from any thread.

        Sockets in other processes notice at their next look at the session.
        """
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close_session, session_key)

    def _close_session(self, session_key: str) -> None:
        for socket in list(self._sockets):
            if socket.session_key == session_key:
                socket.log_out()


hub = Hub()


def _logged_out(*, request: Any, **kwargs: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        hub.close_session(key)


user_logged_out.connect(_logged_out, dispatch_uid="tasks_app.hub")
