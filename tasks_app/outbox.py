"""What waits for one socket, and how much of it may be under way. No I/O, time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from pydantic_core import to_json

from tasks_app.wire import TaskEvent

MOST_IDS = 1000
MOST_IN_FLIGHT = 4
FRAME_SECONDS = 0.25
"""Between two frames of one socket, at least."""
SOCKET_SECONDS = 0.001
"""By which frames are further apart for each socket of the process: its events must not wait for theirs."""
ACK_SECONDS = 10.0
SPANS = 16
"""Merged messages that are kept: sockets send at different moments, so different ones wait for them."""
LOG_ALONE = {"id", "owner_id", "log"}
"""Keys of an event that only a task's own page has use for."""


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Two events of one task as one. Values of an older revision never replace those of a newer one."""
    if new.get("revision", 0) and new["revision"] < old.get("revision", 0):
        merged = {**new, **old}
    else:
        merged = {**old, **new}
    if "progress" in old and "progress" in new:
        merged["progress"] = max(old["progress"], new["progress"], key=lambda p: (p["attempt"], p["seq"]))
    if "log" in old and "log" in new:
        merged["log"] = max(old["log"], new["log"], key=lambda mark: (mark["attempt"], mark["seq"]))
    return merged


def public(event: TaskEvent) -> dict[str, Any]:
    """What a page is told."""
    return {key: value for key, value in event.items() if key != "owner_id"}


class Notices:
    """Events merged by task, as pages are told them, in the order of first news.

    Many sockets share one: what it holds is never changed, and written as JSON once for all of them.
    """

    def __init__(self, by_id: Mapping[str, dict[str, Any]]) -> None:
        self.by_id = by_id

    @classmethod
    def of(cls, events: Iterable[TaskEvent]) -> Notices:
        merged: dict[str, dict[str, Any]] = {}
        for event in events:
            before = merged.get(event["id"])
            merged[event["id"]] = merge(before, public(event)) if before else public(event)
        return cls(merged)

    @cached_property
    def text(self) -> str:
        """A JSON array."""
        return to_json(list(self.by_id.values())).decode()


@lru_cache(maxsize=SPANS)
def together(*notices: Notices) -> Notices:
    """Of several messages, the oldest first. Sockets for which the same ones wait get the same object."""
    if len(notices) == 1:
        return notices[0]
    merged: dict[str, dict[str, Any]] = {}
    for each in notices:
        again = {one: merge(merged[one], each.by_id[one]) for one in merged.keys() & each.by_id.keys()}
        merged |= each.by_id
        merged |= again
    return Notices(merged)


class Outbox:
    """The messages that wait for one socket; with news of more than MOST_IDS tasks everything is stale."""

    def __init__(self) -> None:
        self._waiting: list[Notices] = []
        self._most_ids = 0
        self.is_stale = False

    def __bool__(self) -> bool:
        return self.is_stale or bool(self._waiting)

    def put(self, notices: Notices) -> None:
        if self.is_stale or not notices.by_id:
            return
        self._waiting.append(notices)
        self._most_ids += len(notices.by_id)
        if self._most_ids > MOST_IDS:  # counted once for each message that names it
            self._waiting = [together(*self._waiting)]
            self._most_ids = len(self._waiting[0].by_id)
            if self._most_ids > MOST_IDS:
                self.overflow()

    def overflow(self) -> None:
        self._waiting, self._most_ids = [], 0
        self.is_stale = True

    def take_events(self) -> Notices | None:
        if not self._waiting:
            return None
        taken = together(*self._waiting)
        self._waiting, self._most_ids = [], 0
        return taken

    def take_stale(self) -> bool:
        was, self.is_stale = self.is_stale, False
        return was


class Window:
    """Numbers frames, spaces them, and notices a reader that does not read."""

    def __init__(self) -> None:
        self.seq = 0
        self._in_flight: dict[int, float] = {}
        self._acked_at = 0.0
        self.next_at = 0.0  # the moment from which the next frame may be sent

    @property
    def is_full(self) -> bool:
        return len(self._in_flight) >= MOST_IN_FLIGHT

    @property
    def ack_deadline(self) -> float | None:
        """When the reader counts as gone; None while it owes nothing."""
        if not self._in_flight:
            return None
        return max(self._acked_at, next(iter(self._in_flight.values()))) + ACK_SECONDS

    def sent(self, now: float, sockets: int = 1) -> int:
        """Number a frame of one of so many sockets."""
        self.seq += 1
        self._in_flight[self.seq] = now
        self.next_at = now + max(FRAME_SECONDS, sockets * SOCKET_SECONDS)
        return self.seq

    def acked(self, seq: int, now: float) -> None:
        """All frames up to ``seq`` arrived. What was never sent, or acked before, changes nothing."""
        arrived = [number for number in self._in_flight if number <= seq]
        for number in arrived:
            del self._in_flight[number]
        if arrived:
            self._acked_at = now
