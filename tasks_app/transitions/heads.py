"""Where the claims of a session go on in a queue, so that they need not walk past what was claimed before.

Everything before a mark was claimed when it was set, or locked by another claim. A task that begins to wait
there later (a retry, one given back, one whose commit came late) is found by the next whole look. That comes
at once when there is nothing else to claim, or when the last one found little in little time. Else it comes
LOOK_SECONDS after the last one, later where looks take long, so that they use a twentieth of the time, and
after MOST_LOOK_SECONDS in any case.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from tasks_app.database import Session
from tasks_app.transitions.rows import Claimed

LOOK_SECONDS = 1.0
MOST_LOOK_SECONDS = 15.0
CHEAP_LOOK_SECONDS = 0.005
"""Of a look that was not full: little waits, so a mark would save nothing and cost a statement more."""
PAUSE_PER_LOOK = 20
MOST_LEVELS = 4
"""Marks are kept for so many priorities of a queue, the lowest."""
MOST_HEADS = 64

now = time.monotonic


class Head:
    """Of one queue, for a set of functions. ``marks``: by priority, the last task that was claimed."""

    def __init__(self) -> None:
        self.marks: dict[int, str] = {}
        self._look_at = 0.0

    @property
    def is_look_due(self) -> bool:
        """Whether the next claim shall begin at the very head."""
        return not self.marks or now() >= self._look_at

    def params(self) -> Mapping[str, object]:
        """Of the statement that goes on from the marks."""
        found: dict[str, object] = {}
        for n, (priority, task_id) in enumerate(sorted(self.marks.items(), reverse=True)):
            found |= {f"priority{n}": priority, f"after{n}": task_id}
        return found

    def looked(self, claimed: Sequence[Claimed], *, limit: int, started: float) -> None:
        """A claim began at the very head and took the best, in order: priorities above the last of a full one
        are done with, and all of them after one that is not full."""
        last = claimed[-1].priority if len(claimed) >= limit else None
        self.marks = {level: mark for level, mark in self.marks.items() if last is None or level > last}
        self.went_on(claimed)
        ended = now()
        took = ended - started
        is_cheap = last is None and took < CHEAP_LOOK_SECONDS
        pause = 0.0 if is_cheap else max(LOOK_SECONDS, took * PAUSE_PER_LOOK)
        self._look_at = ended + min(pause, MOST_LOOK_SECONDS)

    def went_on(self, claimed: Sequence[Claimed]) -> None:
        """A claim went on from the marks."""
        for one in claimed:
            self.marks[one.priority] = max(one.id, self.marks.get(one.priority, ""))
        self.marks = dict(sorted(self.marks.items())[:MOST_LEVELS])


_heads: WeakKeyDictionary[Session, dict[tuple[str, tuple[str, ...]], Head]] = WeakKeyDictionary()


def head_of(session: Session, queue: str, functions: Sequence[str]) -> Head:
    """That of this session. A new session knows nothing and begins with whole looks."""
    heads = _heads.setdefault(session, {})
    if len(heads) >= MOST_HEADS:
        heads.clear()
    return heads.setdefault((queue, tuple(functions)), Head())
