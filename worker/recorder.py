"""Recording: database, then Redis, then one group message; whatever has gathered goes in one batch."""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
from datetime import UTC, datetime
from typing import Any

import msgpack

from tasks_app import transitions
from tasks_app.conf import get_conf
from tasks_app.errors import DatabaseUnavailable, RedisUnavailable, StatementRefused
from tasks_app.live import News, event_of
from tasks_app.log_store import record_lines
from tasks_app.loglines import LogLine
from tasks_app.progress import eta_seconds
from tasks_app.transitions import Changed, Outcome
from tasks_app.wire import LogMark, StopStep
from worker.alarm import Alarm
from worker.held import Held
from worker.ladder import Step
from worker.lanes import Lane
from worker.outcomes import end_facts

log = logging.getLogger("taskdeck.worker")
MOST_ROWS = 256
MOST_CHARACTERS = 8 * 1024 * 1024
"""Of results in one statement, which must end before its timeout; one row is always taken."""
ENOUGH_ROWS = 64  # wait for no further one
AGAIN_SECONDS = 0.5
LOG_PARTS_AT_ONCE = 32
"""Parts of one statement; an executor cuts its log into parts of about 24 KiB."""
MOST_LOG_PARTS = 4096
"""While the database is away; further ones are let go."""
PROGRESS_KEYS = ("attempt", "seq", "done", "total", "stage", "rate")


class Recorder:
    def __init__(
        self, worker_id: str, node: str, lane: Lane, news: News, known: set[tuple[str, int]]
    ) -> None:
        self._worker_id, self._node, self._lane, self._news, self._known = worker_id, node, lane, news, known
        self._outcomes: collections.deque[Outcome] = collections.deque()
        self._progress: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, int | None] = {}
        self._lost: dict[tuple[str, int], bool] = {}  # (id, attempt): counts a loss
        self._steps: collections.deque[tuple[Held, StopStep]] = collections.deque()
        self._logs: collections.deque[tuple[Held, list[LogLine]]] = collections.deque()
        self._alarm = Alarm()
        self._is_writing = False
        self._recorded: list[tuple[Changed, Outcome]] = []  # told next, while the database writes on
        self._tell_now = asyncio.Event()
        self._is_telling = False

    def put(self, outcome: Outcome, *, within_seconds: float = 0.0) -> None:
        """Record it so soon, and with it what else has come by then."""
        self._outcomes.append(outcome)
        if within_seconds and len(self._outcomes) < ENOUGH_ROWS:
            self._alarm.within(within_seconds)
        else:
            self._alarm.ring()

    def put_progress(self, held: Held, body: bytes) -> None:
        task_id, attempt = held.key
        self._progress[task_id] = {"id": task_id, "attempt": attempt, **msgpack.unpackb(body)}
        self._owners[task_id] = held.task.owner_id
        self._alarm.ring()

    def put_log(self, held: Held, body: bytes) -> None:
        if len(self._logs) >= MOST_LOG_PARTS:
            self._news.lost += 1
            return
        self._logs.append((held, [LogLine(*line) for line in msgpack.unpackb(body)]))
        self._alarm.ring()

    def put_step(self, held: Held, step: Step) -> None:
        """A running attempt was interrupted, or its executor killed."""
        written: StopStep = {
            "step": "killed" if step.order is None else "interrupted",
            "reason": step.reason.value,
            "at": datetime.now(UTC).isoformat(),
        }
        self._steps.append((held, written))
        self._alarm.ring()

    def give_back(self, tasks: list[Held], *, counts: bool) -> None:
        """Return attempts to their queue; ``counts``: they ran, so each costs a loss."""
        self._lost.update({held.key: counts for held in tasks})
        self._alarm.ring()

    @property
    def is_empty(self) -> bool:
        busy = self._is_writing or self._is_telling
        waiting = (self._outcomes, self._lost, self._recorded, self._progress, self._logs, self._steps)
        return not busy and not any(waiting)

    async def run(self) -> None:
        while True:
            await self._alarm.wait()
            self._alarm.reset()
            while self._outcomes or self._lost or self._progress or self._steps or self._logs:
                self._is_writing = True
                try:
                    await self._turn()
                except DatabaseUnavailable as error:
                    log.error("outcomes wait for the database: %s", error)
                    await asyncio.sleep(AGAIN_SECONDS)
                finally:
                    self._is_writing = False

    async def _turn(self) -> None:
        while self._steps:
            await self._write_step(*self._steps[0])
            self._steps.popleft()
        if batch := self._next_batch():
            await self._finish(batch)
            for _ in batch:
                self._outcomes.popleft()
        for counts in (False, True):
            keys = [key for key, value in self._lost.items() if value is counts]
            if keys:
                statement = transitions.release_lost if counts else transitions.release
                self._news.tell(await self._lane.run(statement, worker_id=self._worker_id, held=keys))
                self._forget(keys)
        if self._progress:
            await self._write_progress()
        if self._logs:
            await self._write_logs()

    def _next_batch(self) -> list[Outcome]:
        batch: list[Outcome] = []
        characters = 0
        for outcome in itertools.islice(self._outcomes, MOST_ROWS):
            characters += len(outcome.result or "")
            if batch and characters > MOST_CHARACTERS:
                break
            batch.append(outcome)
        return batch

    async def _finish(self, batch: list[Outcome]) -> None:
        try:
            changed = await self._lane.run(transitions.finish, worker_id=self._worker_id, outcomes=batch)
        except StatementRefused as error:
            await self._bisect(batch, error)
            return
        self._known.difference_update((o.id, o.attempt) for o in batch)
        by_id = {outcome.id: outcome for outcome in batch}
        self._recorded += [(row, by_id[row.id]) for row in changed]
        self._tell_now.set()

    async def _bisect(self, batch: list[Outcome], error: StatementRefused) -> None:
        """One unstorable outcome must not hold the others: it becomes a failure."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._finish(batch[:middle])
            await self._finish(batch[middle:])
            return
        log.error("the outcome of %s cannot be stored: %s", batch[0].id, error)
        reason = "the result cannot be stored"
        await self._finish(
            [
                Outcome(
                    id=batch[0].id, attempt=batch[0].attempt, kind="failed", error=reason, message=str(error)
                )
            ]
        )

    async def publish(self) -> None:
        """Tell Redis and the watchers of effective finishes, and only of these: a late one tells nobody."""
        while True:
            await self._tell_now.wait()
            self._tell_now.clear()
            while self._recorded:
                self._is_telling = True
                recorded, self._recorded = self._recorded, []
                try:
                    await self._publish(recorded)
                finally:
                    self._is_telling = False

    async def _publish(self, recorded: list[tuple[Changed, Outcome]]) -> None:
        results = [
            (row.id, row.attempt, outcome.result) for row, outcome in recorded if outcome.result is not None
        ]
        if results and self._news.link:
            try:
                await self._news.link.store_results(results, get_conf().result_ttl_seconds)
            except RedisUnavailable:
                self._news.lost += 1
        now = datetime.now(UTC)
        for row, outcome in recorded:
            self._news.put(event_of(row, **end_facts(row, outcome, now), worker=self._node))

    def _forget(self, keys: list[tuple[str, int]]) -> None:
        self._known.difference_update(keys)
        for key in keys:
            self._lost.pop(key, None)

    async def _write_progress(self) -> None:
        reports, self._progress = self._progress, {}
        owners, self._owners = self._owners, {}
        try:
            await self._lane.run(transitions.report_progress, list(reports.values()))
        except DatabaseUnavailable:
            self._progress, self._owners = reports | self._progress, owners | self._owners  # the newer wins
            raise
        except StatementRefused as error:
            log.error("%d progress reports cannot be stored: %s", len(reports), error)
        for task_id, report in reports.items():
            progress: Any = {key: report[key] for key in PROGRESS_KEYS}
            progress["eta_seconds"] = eta_seconds(report["done"], report["total"], report["rate"])
            self._news.put({"id": task_id, "owner_id": owners[task_id], "progress": progress})

    async def _write_logs(self) -> None:
        """The lines first, then the news that they can be read."""
        parts = [self._logs[index] for index in range(min(len(self._logs), LOG_PARTS_AT_ONCE))]
        try:
            lines = ((*held.key, line) for held, part in parts for line in part)
            await self._lane.run(record_lines, list(lines))
        except StatementRefused as error:
            log.error("log lines of %d tasks cannot be stored: %s", len({h.key for h, _ in parts}), error)
        for held, part in parts:
            self._logs.popleft()
            task_id, attempt = held.key
            mark: LogMark = {"attempt": attempt, "seq": part[-1].seq}
            self._news.put({"id": task_id, "owner_id": held.task.owner_id, "log": mark})

    async def _write_step(self, held: Held, step: StopStep) -> None:
        task_id, attempt = held.key
        await self._lane.run(transitions.record_step, task_id=task_id, attempt=attempt, step=step)
        self._news.put({"id": task_id, "owner_id": held.task.owner_id, "attempt": attempt, "step": step})
