"""How a running attempt is made to end: first an exception inside it, then the death of its executor."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from tasks_app.options import TaskOptions
from worker.board import Order

CANCEL_GRACE_SECONDS = 5.0
"""Between the cancel exception and the kill."""


class Reason(enum.StrEnum):
    CANCEL = "cancel"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Step:
    """``order`` None: kill the executor."""

    reason: Reason
    order: Order | None


@dataclass(slots=True)
class Ladder:
    """The steps of one attempt. Instants are seconds of ``boottime``, ages are of the running code."""

    soft_seconds: float | None = None
    kill_seconds: float | None = None
    cancel_since: float = 0.0
    is_interrupted: bool = False
    killed_for: Reason | None = None

    @classmethod
    def of(cls, options: TaskOptions) -> Ladder:
        return cls(options.timeout, options.kill_after_seconds)

    def next_step(self, age_seconds: float, now: float) -> Step | None:
        """The step that is due, taken by the caller at once; each comes once."""
        if self.killed_for:
            return None
        if self.cancel_since:
            if not self.is_interrupted:
                self.is_interrupted = True
                return Step(Reason.CANCEL, Order.CANCEL)
            if now - self.cancel_since > CANCEL_GRACE_SECONDS:
                self.killed_for = Reason.CANCEL
                return Step(Reason.CANCEL, None)
        if self.kill_seconds is not None and age_seconds > self.kill_seconds:
            self.killed_for = Reason.TIMEOUT
            return Step(Reason.TIMEOUT, None)
        if self.soft_seconds is not None and age_seconds > self.soft_seconds and not self.is_interrupted:
            self.is_interrupted = True
            return Step(Reason.TIMEOUT, Order.TIMEOUT)
        return None

    def due_seconds(self, age_seconds: float, now: float) -> float:
        """Until ``next_step`` has a step; infinite when it never will, as things are."""
        if self.killed_for:
            return math.inf
        dues = [math.inf]
        if self.cancel_since:
            dues.append(self.cancel_since + CANCEL_GRACE_SECONDS - now if self.is_interrupted else 0.0)
        if self.kill_seconds is not None:
            dues.append(self.kill_seconds - age_seconds)
        if self.soft_seconds is not None and not self.is_interrupted:
            dues.append(self.soft_seconds - age_seconds)
        return max(0.0, min(dues))
