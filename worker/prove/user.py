"""The user of a proof: submits tasks through the same services as the API, and cancels some of them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connections

from tasks_app.access import Access
from tasks_app.actions import cancel
from tasks_app.errors import DatabaseUnavailable, StateConflict, TaskNotFound
from tasks_app.functions import registry
from tasks_app.states import State
from tasks_app.submit import submit
from worker.board import boottime
from worker.prove import ledger
from worker.prove.plan import Kind, Wanted, wanted

AGAIN_SECONDS = 0.2


@dataclass(slots=True)
class Accepted:
    """A task whose submit returned an id: from here on it may not be lost."""

    id: str
    wanted: Wanted
    not_before: datetime | None = None
    cancelled_at: float | None = None
    """Boot time when a cancel answered that the task has ended by it: nothing may begin later."""
    cancel_asked: bool = False


class User:
    """``submit_all`` runs beside the faults, in a thread of its own."""

    def __init__(self, *, run: str, queue: str, access: Access, rng: random.Random) -> None:
        self._run, self._queue, self._access, self._rng = run, queue, access, rng
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_probe = 1_000_000
        self.accepted: dict[str, Accepted] = {}
        self.refused = 0
        """Submits that the database answered with an error: not accepted, tried again."""

    def start(self, plan: Sequence[Wanted], seconds: float) -> None:
        self._thread = threading.Thread(target=self._submit_all, args=(plan, seconds), name="user")
        self._thread.start()

    def finish(self, *, at_once: bool = False) -> None:
        """Wait until everything is submitted and cancelled; ``at_once``: stop in the middle."""
        if at_once:
            self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def probe(self) -> Accepted:
        self._next_probe += 1
        return self._submit(wanted(Kind.PROBE, self._next_probe, self._run, self._rng))

    def snapshot(self) -> list[Accepted]:
        with self._lock:
            return list(self.accepted.values())

    def _submit_all(self, plan: Sequence[Wanted], seconds: float) -> None:
        """Evenly over ``seconds``; cancels follow on the way."""
        try:
            began = time.monotonic()
            for number, one in enumerate(plan):
                if self._stop.wait(max(0.0, began + seconds * number / len(plan) - time.monotonic())):
                    return
                accepted = self._submit(one)
                if one.kind is Kind.CANCELLED_WAITING:
                    self._cancel(accepted)
                if number % 50 == 0:
                    self._cancel_running()
            while self._cancel_running() and not self._stop.wait(AGAIN_SECONDS):
                pass
        finally:
            connections.close_all()

    def _submit(self, one: Wanted) -> Accepted:
        not_before = None
        if one.delay_seconds is not None:
            not_before = datetime.now(UTC) + timedelta(seconds=one.delay_seconds)
        while True:
            try:
                submitted = submit(
                    function=registry.by_slug(one.function),
                    arguments=one.arguments,
                    owner_id=None,
                    queue=self._queue,
                    priority=one.priority,
                    run_after=not_before,
                )
            except DatabaseUnavailable:
                self.refused += 1
                connections.close_all()
                time.sleep(AGAIN_SECONDS)
                continue
            accepted = Accepted(submitted.id, one, not_before)
            with self._lock:
                self.accepted[accepted.id] = accepted
            return accepted

    def _cancel_running(self) -> bool:
        """Cancel what was seen to begin; whether some have yet to begin."""
        waiting = [
            one
            for one in self.snapshot()
            if one.wanted.kind is Kind.CANCELLED_RUNNING and not one.cancel_asked
        ]
        begun = {line.task_id for line in ledger.read(self._run)} if waiting else set()
        for one in waiting:
            if one.id in begun:
                self._cancel(one)
        return bool(waiting)

    def _cancel(self, one: Accepted) -> None:
        while True:
            try:
                acted = cancel(access=self._access, task_id=one.id)
            except (StateConflict, TaskNotFound):
                break  # it had ended
            except (DatabaseUnavailable, DatabaseError):
                connections.close_all()
                time.sleep(AGAIN_SECONDS)
                continue
            if acted.state is State.CANCELLED:
                one.cancelled_at = boottime()
            break
        one.cancel_asked = True
