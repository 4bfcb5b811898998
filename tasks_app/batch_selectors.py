"""How batches stand, for those who may see them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from tasks_app.access import Access
from tasks_app.errors import BatchNotFound
from tasks_app.functions import registry
from tasks_app.models import Task, TaskBatch
from tasks_app.selectors import digest, instant
from tasks_app.states import TERMINAL, State
from tasks_app.wire import BatchDocument, StateWord, ThenDocument

MOST_COUNTED = 10_000
"""A list does not count a batch of more tasks: a page of them would take long."""


KEPT_FACTOR = 10.0
MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class BatchPage:
    rows: list[BatchDocument]
    next: str | None
    etag: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How many tasks of a function are in a state, and when the last of them ended."""

    function: str
    state: str
    count: int
    last_end: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """``until`` by the monotonic clock."""

    rows: list[Standing]
    until: float


_kept: dict[UUID, Kept] = {}


def visible_batches(access: Access) -> QuerySet[TaskBatch]:
    """The batches this caller may see. Raises NotAllowed without the right to view."""
    access.require("view")
    batches = TaskBatch.objects.select_related("owner", "then_task")
    return batches if access.view_all else batches.filter(owner_id=access.user_id)


def batch_detail(access: Access, batch_id: str) -> tuple[BatchDocument, str]:
    """One batch and its ETag. Raises NotAllowed, BatchNotFound."""
    try:
        batch = visible_batches(access).get(pk=UUID(batch_id))
    except (ValueError, TaskBatch.DoesNotExist):
        raise BatchNotFound(batch_id) from None
    document = _document(batch, _standing_now(batch))
    return document, digest([document])


def batch_page(access: Access, *, cursor: UUID | None = None, limit: int = 20) -> BatchPage:
    """Newest first, by keyset: the batches with ids below ``cursor``."""
    batches = visible_batches(access).order_by("-id")
    if cursor:
        batches = batches.filter(id__lt=cursor)
    found = list(batches[: limit + 1])
    following = str(found[limit - 1].pk) if len(found) > limit else None
    standing = _standing([batch for batch in found[:limit] if batch.size <= MOST_COUNTED])
    rows = [_document(batch, standing.get(batch.pk)) for batch in found[:limit]]
    return BatchPage(rows, following, digest(rows))


def _standing_now(batch: TaskBatch) -> list[Standing]:
    """Counted; a large batch not again before KEPT_FACTOR times as long has passed as the counting took."""
    if batch.size <= MOST_COUNTED:
        return _standing([batch])[batch.pk]
    started = time.monotonic()
    kept = _kept.get(batch.pk)
    if kept and started < kept.until:
        return kept.rows
    rows = _standing([batch])[batch.pk]
    ended = time.monotonic()
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[batch.pk] = Kept(rows, ended + KEPT_FACTOR * (ended - started))
    return rows


def _standing(batches: Sequence[TaskBatch]) -> dict[UUID, list[Standing]]:
    tasks = Task.objects.filter(batch__in=[batch.pk for batch in batches]).order_by()
    rows: dict[UUID, list[Standing]] = {batch.pk: [] for batch in batches}
    grouped = tasks.values_list("batch", "function", "state").annotate(Count("pk"), Max("finished_at"))
    for batch, *standing in grouped:
        rows[batch].append(Standing(*standing))
    return rows


def _document(batch: TaskBatch, rows: Sequence[Standing] | None) -> BatchDocument:
    counts: dict[str, int] | None = None
    finished_at = None
    if rows is not None:
        counts = {state.value: sum(row.count for row in rows if row.state == state) for state in State}
        if all(row.state in TERMINAL for row in rows):
            finished_at = max((row.last_end for row in rows if row.last_end), default=batch.created_at)
    return {
        "id": str(batch.pk),
        "owner": batch.owner.get_username() if batch.owner else None,
        "created_at": batch.created_at.isoformat().replace("+00:00", "Z"),
        "size": batch.size,
        "functions": sorted({registry.slug_of(row.function) for row in rows or ()}),
        "counts": counts,
        "finished_at": instant(finished_at),
        "then_task": _then(batch),
    }


def _then(batch: TaskBatch) -> ThenDocument | None:
    task = batch.then_task
    if task is None:
        return None
    state = cast(StateWord, task.state)
    return {"id": str(task.pk), "function": registry.slug_of(task.function), "state": state}
