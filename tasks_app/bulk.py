"""The same act on many tasks: named by id, or by the filter that shows them. Bounded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tasks_app import transitions
from tasks_app.access import Access
from tasks_app.actions import announce_cancel, announce_retry
from tasks_app.database import DjangoSession, Session
from tasks_app.errors import StatementRefused
from tasks_app.filters import TaskFilter
from tasks_app.selectors import matches, visible_tasks
from tasks_app.states import TERMINAL, State
from tasks_app.transitions import Changed

Act = Literal["cancel", "retry"]

BATCH_ROWS = 500
"""Rows of one statement: long enough to be quick, short enough that workers need not wait for it."""
MOST_BATCHES = 10
"""Batches of one call; the caller goes on with the cursor it got."""

_BEFORE: dict[Act, frozenset[State]] = {
    "cancel": frozenset(State) - TERMINAL,
    "retry": TERMINAL,
}


@dataclass(frozen=True, slots=True)
class Acted:
    """``changed`` tasks; ``next`` is where to go on, None at the end."""

    changed: int
    next: UUID | None


def act_on_ids(*, access: Access, act: Act, ids: Sequence[UUID]) -> Acted:
    """Act on those of ``ids`` that the caller may see and whose state allows it. Raises NotAllowed."""
    access.require(act)
    seen = list(visible_tasks(access).filter(pk__in=ids).values_list("pk", flat=True))
    batches = [seen[start : start + BATCH_ROWS] for start in range(0, len(seen), BATCH_ROWS)]
    return Acted(sum(_act(act, batch) for batch in batches), None)


def act_on_filter(*, access: Access, act: Act, wanted: TaskFilter, cursor: UUID | None) -> Acted:
    """Act on matching tasks below ``cursor``, newest first: each is met once, also if it matches again after.

    Raises NotAllowed, InvalidArguments.
    """
    access.require(act)
    if not (wanted := wanted.within(_BEFORE[act])).states:
        return Acted(0, None)
    changed = 0
    for _ in range(MOST_BATCHES):
        looked = matches(access, wanted, below=cursor)
        ids = list(looked.tasks.order_by("-id").values_list("pk", flat=True)[:BATCH_ROWS])
        if ids:
            changed += _act(act, ids)
        cursor = ids[-1] if len(ids) == BATCH_ROWS else looked.end
        if cursor is None:
            return Acted(changed, None)
    return Acted(changed, cursor)


def _act(act: Act, ids: Sequence[UUID]) -> int:
    session, texts = DjangoSession(), [str(task_id) for task_id in ids]
    if act == "cancel":
        changed = transitions.cancel(session, ids=texts)
        for row in changed:
            announce_cancel(row)
    else:
        changed = _retry(session, texts)
        for row in changed:
            announce_retry(row)
    return len(changed)


def _retry(session: Session, ids: Sequence[str]) -> list[Changed]:
    """Where a live task holds the unique key of one, that one stays as it is."""
    try:
        with session.transaction():
            return transitions.retry(session, ids=ids)
    except StatementRefused:
        if len(ids) == 1:
            return []
    middle = len(ids) // 2
    return _retry(session, ids[:middle]) + _retry(session, ids[middle:])
