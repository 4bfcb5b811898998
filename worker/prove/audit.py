"""The audit: what was accepted, what the rows say, and what the ledger saw, compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django.db.models import QuerySet

from tasks_app.models import Task, TaskAttempt
from tasks_app.states import TERMINAL, State
from worker.prove.ledger import Execution
from worker.prove.plan import Kind
from worker.prove.tasks import answer
from worker.prove.user import Accepted

CLOCK_SECONDS = 0.05
"""A cancel's answer and a begin are stamped by two processes."""
ENDS = {
    Kind.FAILING: {State.FAILED},
    Kind.CANCELLED_WAITING: {State.CANCELLED, State.SUCCEEDED},
    Kind.CANCELLED_RUNNING: {State.CANCELLED, State.SUCCEEDED},
}


@dataclass(slots=True)
class Audit:
    """``reasons`` count the executions beyond the first of a task by what ended the one before them."""

    submitted: int = 0
    finished: int = 0
    executions: int = 0
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    executed_more_than_once: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.stuck or self.anomalies)


def audit(
    accepted: Sequence[Accepted], rows: QuerySet[Task], executions: Mapping[str, list[Execution]]
) -> Audit:
    found = Audit(submitted=len(accepted))
    by_id = {str(row.pk): row for row in rows}
    endings: dict[str, dict[int, str]] = defaultdict(dict)
    for task_id, attempt, kind in TaskAttempt.objects.filter(task__in=rows).values_list(
        "task_id", "attempt", "kind"
    ):
        endings[str(task_id)][attempt] = kind
    deaths = _last_acts(executions)
    for one in accepted:
        row = by_id.get(one.id)
        mine = executions.get(one.id, [])
        found.executions += len(mine)
        if row is None:
            found.lost.append(f"{one.id}: accepted, but there is no row")
            continue
        found.states[row.state] += 1
        if row.state not in TERMINAL:
            found.stuck.append(f"{one.id}: {row.state} at the end, attempt {row.attempt}")
            continue
        found.finished += 1
        if row.state == State.SUCCEEDED and not _came_back(mine, row.attempt):
            found.lost.append(f"{one.id}: succeeded, but the ledger has no such execution")
        found.anomalies += [f"{one.id}: {fault}" for fault in _faults(one, row, mine)]
        if len(mine) > 1:
            found.executed_more_than_once += 1
            for reason in _reasons(mine, endings[one.id], deaths):
                found.reasons[reason] += 1
                if reason == UNEXPLAINED:
                    found.anomalies.append(f"{one.id}: executed again without a reason")
    strangers = executions.keys() - {one.id for one in accepted}
    found.anomalies += [f"{task_id}: executed, but never submitted" for task_id in strangers]
    return found


def _came_back(executions: Iterable[Execution], attempt: int) -> bool:
    return any(one.attempt == attempt and one.ended_at and not one.raised for one in executions)


def _faults(one: Accepted, row: Task, executions: list[Execution]) -> Iterator[str]:
    """What must not be, whatever died."""
    kind = one.wanted.kind
    if row.state not in ENDS.get(kind, {State.SUCCEEDED}):
        yield f"a {kind} task ended as {row.state}: {row.error}"
    if row.state == State.SUCCEEDED and row.result != answer(one.wanted.number):
        yield f"returned {row.result!r} instead of {answer(one.wanted.number)}"
    attempts = Counter(execution.attempt for execution in executions)
    for attempt, count in attempts.items():
        if count > 1:
            yield f"attempt {attempt} began {count} times"
    if attempts and max(attempts) > row.attempt:
        yield f"attempt {max(attempts)} ran, the row knows of {row.attempt}"
    for earlier, later in pairwise(executions):
        if earlier.ended_at and earlier.ended_at > later.began_at:
            yield f"attempts {earlier.attempt} and {later.attempt} ran at the same time"
    if one.cancelled_at and executions and executions[-1].began_at > one.cancelled_at + CLOCK_SECONDS:
        yield "began after it was cancelled"
    if one.cancelled_at and row.state != State.CANCELLED:
        yield f"was cancelled and is {row.state}"


UNEXPLAINED = "unexplained"
FAILURE, LOSS = "an earlier attempt failed", "an earlier attempt was lost with its process"
GIVEN_BACK = "an earlier attempt was given back: its executor was stopped"
WORDS = {"failure": FAILURE, "loss": LOSS}


def _reasons(
    executions: Sequence[Execution], endings: Mapping[int, str], last_acts: Mapping[int, float]
) -> Iterator[str]:
    """Why each further execution was right: what became of the one before it."""
    for earlier in executions[:-1]:
        if earlier.attempt in endings:
            yield WORDS[endings[earlier.attempt]]
        elif last_acts[earlier.executor] == earlier.began_at:
            yield GIVEN_BACK
        else:
            yield UNEXPLAINED


def _last_acts(executions: Mapping[str, list[Execution]]) -> dict[int, float]:
    """When each executor began its last task: that one may have died with it."""
    last: dict[int, float] = {}
    for mine in executions.values():
        for one in mine:
            last[one.executor] = max(one.began_at, last.get(one.executor, 0.0))
    return last
