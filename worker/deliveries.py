"""What one channel has delivered: what still waits for a claim, and what must be acknowledged. No I/O.

Delivery tags mean something on their own channel only, so each channel gets an object of its own and dies
with it.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple


class Delivery(NamedTuple):
    """One message handed to this worker, by its tag."""

    tag: int
    queue: str
    function: str
    task_id: str


class Deliveries:
    def __init__(self) -> None:
        self._waiting: dict[str, collections.deque[Delivery]] = {}  # by function, each in order
        self._unsettled: dict[int, None] = {}  # tags in the order of delivery
        self.came_in_all = 0
        self._newest = self._offered = 0  # tags

    def __bool__(self) -> bool:
        """Whether any waits for a claim."""
        return bool(self._waiting)

    def came(self, tag: int) -> None:
        """The broker delivered; whatever happens to it, it is to be settled once."""
        self._unsettled[tag] = None
        self.came_in_all += 1
        self._newest = tag

    @property
    def is_holding(self) -> bool:
        """Whether any is to be settled still."""
        return bool(self._unsettled)

    def put(self, delivery: Delivery) -> None:
        """Let it wait for a claim."""
        if (line := self._waiting.get(delivery.function)) is None:
            line = self._waiting[delivery.function] = collections.deque()
        line.append(delivery)

    def functions(self) -> Set[str]:
        """The functions of what waits."""
        return self._waiting.keys()

    @property
    def has_unoffered(self) -> bool:
        """Whether ``offer`` may count any."""
        return bool(self._waiting) and self._offered != self._newest

    def offer(self) -> collections.Counter[str]:
        """How many wait for a claim, by queue, that no earlier call counted."""
        offered, self._offered = self._offered, self._newest
        if offered == self._newest:
            return collections.Counter()
        return collections.Counter(
            delivery.queue for line in self._waiting.values() for delivery in line if delivery.tag > offered
        )

    def take(self, limit: int, functions: Iterable[str]) -> list[Delivery]:
        """Up to ``limit`` deliveries of these functions, in the order they came."""
        taken: list[Delivery] = []
        lines = {name: self._waiting[name] for name in self._waiting.keys() & set(functions)}
        while lines and len(taken) < limit:
            name = min(lines, key=lambda one: lines[one][0].tag) if len(lines) > 1 else next(iter(lines))
            taken.append(lines[name].popleft())
            if not lines[name]:
                del lines[name], self._waiting[name]
        return taken

    def put_back(self, taken: Sequence[Delivery]) -> None:
        """They wait again, in front."""
        for delivery in reversed(taken):
            self._waiting.setdefault(delivery.function, collections.deque()).appendleft(delivery)

    def settle(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """The acks to send, as (tag, multiple): one for all that lie in front, then one for each other."""
        done = set(tags) & self._unsettled.keys()
        front = 0
        for tag in self._unsettled:
            if tag not in done:
                break
            front = tag
        acks = [(front, True)] if front else []
        acks += [(tag, False) for tag in sorted(done) if tag > front]
        for tag in done:
            del self._unsettled[tag]
        return acks


def prefetch_for(executors: int, ahead: int, most: int = 512) -> int:
    """How many deliveries one worker holds: enough for two rounds of what its executors may have ahead."""
    return max(2 * executors, min(most, 2 * executors * ahead))
