"""A claimed attempt inside its node."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack

from tasks_app.functions import registry
from tasks_app.transitions import Claimed
from worker.ladder import Ladder


@dataclass(slots=True)
class Held:
    """``word`` and ``body`` travel to the executor. ``began_at`` is set for what shares an event loop."""

    task: Claimed
    word: str
    body: bytes
    ladder: Ladder
    waits_since: float = 0.0
    claimed_at: float = 0.0  # by the wall clock, for display
    began_at: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        return self.task.id, self.task.attempt


def pack(task: Claimed) -> Held:
    ladder = Ladder.of(registry.by_path(task.function).options)
    return Held(task, task.function, msgpack.packb(task.envelope()), ladder)
