"""The tallies on every database and session."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tasks_app.models import Tally
from tasks_app.tallies import (
    MINUTE_SECONDS,
    QUARTER_SECONDS,
    Tallied,
    prune_tallies,
    queue_depth,
    record_tallies,
    waiting_queues,
)
from tests.contract.store import Store

AT = datetime(2030, 1, 31, 12, 0, 0, tzinfo=UTC)
WORKER = str(uuid.uuid4())
ROW = Tallied(
    span_seconds=MINUTE_SECONDS,
    at=AT,
    subject="queue",
    name="a 'queue' %(x)s",
    succeeded=1,
    failed=2,
    cancelled=3,
    retried=4,
    waits=[0, 5],
    runs=[],
    depth=7,
)
COLUMNS = "name", "succeeded", "failed", "cancelled", "retried", "waits", "runs", "depth"


def stored(store: Store) -> list[tuple[object, ...]]:
    return list(Tally.objects.using(store.using).order_by("at", "name").values_list(*COLUMNS))


def test_a_row_is_kept_as_it_was_counted(store: Store) -> None:
    record_tallies(store.session, WORKER, [ROW, replace(ROW, subject="all", name="", depth=None)])
    assert stored(store) == [
        ("", 1, 2, 3, 4, [0, 5], [], None),
        ("a 'queue' %(x)s", 1, 2, 3, 4, [0, 5], [], 7),
    ]
    assert {str(t.worker_id) for t in Tally.objects.using(store.using)} == {WORKER}
    assert {t.at for t in Tally.objects.using(store.using)} == {AT}


def test_a_later_count_of_the_same_span_takes_the_place_of_the_first(store: Store) -> None:
    record_tallies(store.session, WORKER, [ROW])
    record_tallies(store.session, WORKER, [replace(ROW, succeeded=9, waits=[1])])
    assert stored(store) == [("a 'queue' %(x)s", 9, 2, 3, 4, [1], [], 7)]


def test_two_workers_have_rows_of_their_own(store: Store) -> None:
    record_tallies(store.session, WORKER, [ROW])
    record_tallies(store.session, str(uuid.uuid4()), [ROW])
    assert len(stored(store)) == 2


def test_old_spans_are_deleted_and_the_long_ones_kept_for_longer(store: Store) -> None:
    rows = [
        replace(ROW, span_seconds=span, at=AT - age, name=f"{span} {age}")
        for span in (MINUTE_SECONDS, QUARTER_SECONDS)
        for age in (timedelta(hours=2), timedelta(hours=4), timedelta(days=9))
    ]
    record_tallies(store.session, WORKER, rows)
    prune_tallies(store.session, AT)
    assert {row[0] for row in stored(store)} == {"60 2:00:00", "900 2:00:00", "900 4:00:00"}


def test_the_depth_of_a_queue_counts_what_waits_in_it(store: Store) -> None:
    for queue in ("a", "b", "b", "default"):
        store.make_task(queue=queue)
    store.make_task(queue="ended", state="succeeded", finished_at=AT)
    assert [queue_depth(store.session, queue) for queue in ("a", "b", "ended")] == [1, 2, 0]
    assert waiting_queues(store.session, 9) == ["a", "b", "default"]
    assert waiting_queues(store.session, 2) == ["a", "b"]


def test_where_nothing_waits_no_queue_is_told(store: Store) -> None:
    assert waiting_queues(store.session, 9) == []
