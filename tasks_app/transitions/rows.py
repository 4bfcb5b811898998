"""What goes into a transition and what it made of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks_app.states import State


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt this worker now owns. ``arguments`` is JSON text."""

    id: str
    attempt: int
    revision: int
    priority: int
    function: str
    queue: str
    arguments: str
    failures: int
    losses: int
    max_attempts: int
    owner_id: int | None

    def envelope(self) -> dict[str, Any]:
        """What whoever runs the attempt is told of it, beside the function's path."""
        return {
            "id": self.id,
            "attempt": self.attempt,
            "arguments": self.arguments,
            "queue": self.queue,
            "priority": self.priority,
            "failures": self.failures,
            "max_attempts": self.max_attempts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended.

    ``kind`` is succeeded, failed, cancelled or retry: a failure that policy answers with a further
    attempt after ``delay_seconds``, unless the attempts are used up. ``result`` is JSON text.
    """

    id: str
    attempt: int
    kind: str
    result: str | None = None
    error: str | None = None
    error_class: str = ""
    message: str = ""
    traceback: str = ""
    place: str = ""
    delay_seconds: float = 0.0

    @property
    def is_failure(self) -> bool:
        return self.kind in ("failed", "retry")


@dataclass(frozen=True, slots=True)
class Changed:
    """What a transition made of a row."""

    id: str
    attempt: int
    state: State
    revision: int
    function: str
    queue: str
    owner_id: int | None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """The lease was renewed. ``is_quiet``: somebody asked this worker to claim nothing more."""

    is_quiet: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """A live worker's renewal counter, and how long it may stay unchanged. Each worker names its own lease,
    because only that lease is longer than the time after which it stops itself."""

    heartbeat: int
    lease_seconds: float
