"""What waits for one socket, and how much of it may be under way. No I/O, time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks_app.wire import TaskEvent

MOST_IDS = 1000
MOST_IN_FLIGHT = 4
FRAME_SECONDS = 0.25
ACK_SECONDS = 10.0
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


@dataclass(frozen=True, slots=True)
class Notices:
    """The events of one message; ``listed`` by task id as a list of all tasks is told them.

    Made once for all sockets, which share them and change none.
    """

    events: tuple[TaskEvent, ...]
    listed: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, events: Iterable[TaskEvent]) -> Notices:
        every = tuple(events)
        listed: dict[str, dict[str, Any]] = {}
        for event in every:
            if not event.keys() <= LOG_ALONE:
                before = listed.get(event["id"])
                listed[event["id"]] = merge(before, public(event)) if before else public(event)
        return cls(every, listed)


class Outbox:
    """The latest event per task, in the order of first news; past MOST_IDS everything is stale."""

    def __init__(self) -> None:
        self._events: dict[str, dict[str, Any]] = {}
        self.is_stale = False

    def __bool__(self) -> bool:
        return self.is_stale or bool(self._events)

    def put(self, event: TaskEvent) -> None:
        if self.is_stale:
            return
        news = public(event)
        waiting = self._events.get(event["id"])
        self._events[event["id"]] = merge(waiting, news) if waiting else news
        if len(self._events) > MOST_IDS:
            self.overflow()

    def put_all(self, listed: Mapping[str, dict[str, Any]]) -> None:
        """The same as one by one, at a fraction of the price: nearly all of them are news."""
        if self.is_stale:
            return
        merged = {
            each: merge(self._events[each], listed[each]) for each in self._events.keys() & listed.keys()
        }
        self._events |= listed
        self._events |= merged
        if len(self._events) > MOST_IDS:
            self.overflow()

    def overflow(self) -> None:
        self._events.clear()
        self.is_stale = True

    def take_events(self) -> list[dict[str, Any]]:
        events = list(self._events.values())
        self._events.clear()
        return events

    def take_stale(self) -> bool:
        was, self.is_stale = self.is_stale, False
        return was


class Window:
    """Numbers frames, spaces them, and notices a reader that does not read."""

    def __init__(self) -> None:
        self.seq = 0
        self._in_flight: dict[int, float] = {}
        self._acked_at = 0.0
        self._sent_at = -FRAME_SECONDS

    @property
    def is_full(self) -> bool:
        return len(self._in_flight) >= MOST_IN_FLIGHT

    @property
    def next_at(self) -> float:
        return self._sent_at + FRAME_SECONDS

    @property
    def ack_deadline(self) -> float | None:
        """When the reader counts as gone; None while it owes nothing."""
        if not self._in_flight:
            return None
        return max(self._acked_at, next(iter(self._in_flight.values()))) + ACK_SECONDS

    def sent(self, now: float) -> int:
        self.seq += 1
        self._in_flight[self.seq] = self._sent_at = now
        return self.seq

    def acked(self, seq: int, now: float) -> None:
        """All frames up to ``seq`` arrived. What was never sent, or acked before, changes nothing."""
        arrived = [number for number in self._in_flight if number <= seq]
        for number in arrived:
            del self._in_flight[number]
        if arrived:
            self._acked_at = now
