"""What executors tell while their tasks run and end, on its way to the recorder."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from tasks_app.fleet_wire import BlockedBy
from tasks_app.functions import registry
from worker.held import Held
from worker.ladder import Step
from worker.outcomes import killed_outcome, outcome_of
from worker.recorder import Recorder
from worker.tallying import Tallies

log = logging.getLogger("taskdeck.worker")


class Endings:
    """``blocked_by``: the last who kept the event loop of async functions."""

    blocked_by: BlockedBy | None = None

    def __init__(self, recorder: Recorder, tallies: Tallies) -> None:
        self._recorder, self._tallies = recorder, tallies

    def frame(self, held: Held, kind: str, body: bytes, *, within_seconds: float = 0.0) -> float | None:
        """The run time in seconds, where the attempt has ended; its end is recorded within some."""
        if kind == "progress":
            self._recorder.put_progress(held, body)
            return None
        if kind == "log":
            self._recorder.put_log(held, body)
            return None
        outcome, seconds = outcome_of(held, kind, body)
        self._tallies.learn(held, outcome.kind, seconds)
        self._recorder.put(outcome, within_seconds=within_seconds)
        return seconds

    def step(self, held: Held, step: Step) -> None:
        act = "killing the executor of" if step.order is None else "interrupting"
        log.warning("%s task %s: %s", act, held.task.id, step.reason)
        self._recorder.put_step(held, step)

    def killed(self, held: Held) -> None:
        outcome = killed_outcome(held)
        self._tallies.learn(held, outcome.kind, 0.0)
        self._recorder.put(outcome)

    def blocked(self, held: Held, seconds: float) -> None:
        function = registry.slug_of(held.task.function)
        log.warning("task %s, %s, blocks the event loop for %.1f s", held.task.id, function, seconds)
        at = datetime.now(UTC).isoformat()
        self.blocked_by = {"function": function, "seconds": round(seconds, 1), "at": at}
