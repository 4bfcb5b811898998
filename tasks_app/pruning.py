"""Retention: ended tasks go when they are old enough, a bounded number in a short transaction.

Ids are in order of time, so that old tasks lie at the beginning of the primary key: a pass walks it from
there, step by step, and no further index is needed. A step that was cut off has deleted nothing or all of its
tasks with what belongs to them, and a pass that was cut off is simply begun again.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tasks_app.conf import Conf
from tasks_app.database import Session
from tasks_app.errors import StatementRefused
from tasks_app.idempotency import KEPT as KEYS_KEPT
from tasks_app.transitions import DIALECTS

START = str(UUID(int=0))
STEP_ROWS = 500
NARROWER = 8
"""By which a refused step is tried again, down to the one task that cannot go."""
MOST_REFUSED = 20_000
"""Tasks that cannot go are looked for one by one; beyond so many a refused step is passed over whole."""
LOCK = 0x7461736B6465636B
"""Of PostgreSQL's advisory locks of this database; one node prunes at a time. The letters of "taskdeck"."""

_LOCK = "SELECT pg_try_advisory_xact_lock(%(lock)s)"
_LIVE_BATCH = """EXISTS (SELECT 1 FROM taskdeck_task m WHERE m.batch = {batch} AND m.finished_at IS NULL)"""
# Of a batch the tasks stay until all of them and the one that is to run then have ended.
_OLD = f"""(t.state || '' IN ('succeeded','cancelled') AND t.finished_at < %(succeeded)s
        OR t.state || '' = 'failed' AND t.finished_at < %(failed)s)
   AND (t.batch IS NULL OR NOT {_LIVE_BATCH.format(batch="t.batch")} AND NOT EXISTS (
          SELECT 1 FROM taskdeck_batch b JOIN taskdeck_task h ON h.id = b.then_task_id
           WHERE b.id = t.batch AND h.finished_at IS NULL))
   AND NOT EXISTS (SELECT 1 FROM taskdeck_batch b WHERE b.then_task_id = t.id
          AND {_LIVE_BATCH.format(batch="b.id")})"""
_SEEN = """
SELECT id FROM taskdeck_task WHERE id > %(after)s AND id < %(before)s ORDER BY id LIMIT %(limit)s
"""
_CHOOSE = {
    "sqlite": f"SELECT t.id, t.batch FROM taskdeck_task t WHERE t.id {{among}} AND {_OLD}",
    "postgresql": f"""
SELECT t.id::text, t.batch::text FROM taskdeck_task t WHERE t.id {{among}} AND {_OLD}
 ORDER BY t.id FOR UPDATE OF t SKIP LOCKED""",
}
_DELETE = (
    "DELETE FROM taskdeck_task_log WHERE task_id {among}",
    "DELETE FROM taskdeck_task_live WHERE task_id {among}",
    "DELETE FROM taskdeck_task_attempt WHERE task_id {among}",
    "DELETE FROM taskdeck_task WHERE id {among} AND finished_at IS NOT NULL",
)
# As subqueries for each row: of a join the planner would merge the whole primary key.
_DELETE_BATCHES = """
DELETE FROM taskdeck_batch WHERE {named}
   AND (SELECT m.id FROM taskdeck_task m WHERE m.batch = taskdeck_batch.id LIMIT 1) IS NULL
   AND (SELECT h.id FROM taskdeck_task h WHERE h.id = taskdeck_batch.then_task_id) IS NULL
"""
_AMONG = {
    "sqlite": "IN (SELECT value FROM json_each(%(ids)s))",
    "postgresql": "= ANY(%(ids)s::uuid[])",
}
_FORGET_KEYS = """
DELETE FROM taskdeck_idempotency_key WHERE digest IN (
  SELECT digest FROM taskdeck_idempotency_key WHERE created_at < %(before)s
   ORDER BY created_at LIMIT %(limit)s)
"""
_FORGET_WORKERS = """
DELETE FROM taskdeck_worker WHERE id IN (
  SELECT w.id FROM taskdeck_worker w WHERE w.state <> 'alive' AND w.stopped_at < %(before)s
     AND NOT EXISTS (SELECT 1 FROM taskdeck_task t WHERE t.worker_id = w.id AND t.state = 'running')
   LIMIT %(limit)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long tasks stay after their end; None: for ever. Cancelled ones stay as long as succeeded ones."""

    succeeded: timedelta | None
    failed: timedelta | None

    @classmethod
    def of(cls, conf: Conf) -> Retention:
        days = conf.keep_succeeded_days, conf.keep_failed_days
        succeeded, failed = (timedelta(days=kept) if kept else None for kept in days)
        return cls(succeeded=succeeded, failed=failed)

    @property
    def shortest(self) -> timedelta | None:
        return min((kept for kept in (self.succeeded, self.failed) if kept is not None), default=None)


@dataclass(frozen=True, slots=True)
class Step:
    """``deleted`` tasks among those up to ``after``, from where the pass goes on; None: it has ended."""

    deleted: int
    after: str | None


def prune_step(
    session: Session,
    retention: Retention,
    *,
    after: str = START,
    now: datetime | None = None,
    limit: int = STEP_ROWS,
    but: Container[str] = (),
    dry_run: bool = False,
) -> Step | None:
    """Look at up to ``limit`` tasks behind the id ``after`` and delete the old ones, in one transaction.

    Live tasks stay, those that another transaction holds, those of a batch that is not over, and ``but``
    these. With ``dry_run`` they are counted only. None: another process prunes this database now.
    """
    sql, now = DIALECTS[session.vendor], now or datetime.now(UTC)
    if retention.shortest is None:
        return Step(0, None)
    params: dict[str, Any] = {
        name: sql.instant(datetime.min.replace(tzinfo=UTC) if kept is None else now - kept)
        for name, kept in (("succeeded", retention.succeeded), ("failed", retention.failed))
    }
    window = {
        "after": sql.written_id(after),
        "before": sql.written_id(first_id(now - retention.shortest)),
        "limit": limit,
    }
    with session.transaction():
        if session.vendor == "postgresql" and session.rows(_LOCK, {"lock": LOCK}) != [(True,)]:
            return None
        seen = [sql.read_id(str(found)) for (found,) in session.rows(_SEEN, window)]
        asked = sql.ids(task_id for task_id in seen if task_id not in but)
        old = session.rows(_among(session, _CHOOSE[session.vendor]), {"ids": asked, **params})
        if old and not dry_run:
            _delete(session, old)
    return Step(len(old), seen[-1] if len(seen) == limit else None)


@dataclass(slots=True, kw_only=True)
class Pass:
    """A walk over all that may be old, in steps of a transaction each. With ``dry_run`` it only counts.

    ``deleted`` tasks so far. ``refused`` ones stay because a table of the project refers to them: those that
    are known are passed over, others are added, MOST_REFUSED at most. ``why`` is what the database said last.
    """

    retention: Retention
    now: datetime | None = None
    dry_run: bool = False
    deleted: int = 0
    refused: set[str] = field(default_factory=set)
    why: str = ""
    _after: str | None = START
    _limit: int = STEP_ROWS

    @property
    def is_over(self) -> bool:
        return self._after is None

    def step(self, session: Session) -> bool:
        """Go on by one step. False: another process prunes this database now."""
        try:
            step = self._step(session, dry_run=self.dry_run)
        except StatementRefused as error:
            return self._pass_over(session, str(error).strip())
        self._limit = min(STEP_ROWS, NARROWER * self._limit)
        self.deleted += step.deleted if step else 0
        return self._go_on(step)

    def _pass_over(self, session: Session, why: str) -> bool:
        """Look for the one that cannot go, as long as they are few."""
        self.why = why
        is_found = self._limit == 1
        if not is_found and len(self.refused) < MOST_REFUSED:
            self._limit = max(1, self._limit // NARROWER)
            return True
        step = self._step(session, dry_run=True)
        if is_found and step and step.after:
            self.refused.add(step.after)
        return self._go_on(step)

    def _go_on(self, step: Step | None) -> bool:
        if step is not None:
            self._after = step.after
        return step is not None

    def _step(self, session: Session, *, dry_run: bool) -> Step | None:
        return prune_step(
            session,
            self.retention,
            after=self._after or START,
            now=self.now,
            limit=self._limit,
            but=self.refused,
            dry_run=dry_run,
        )


def _delete(session: Session, old: list[tuple[Any, ...]]) -> None:
    """Tasks, given by id and batch, with what belongs to them and to nobody else."""
    sql = DIALECTS[session.vendor]
    ids = {"ids": sql.ids(sql.read_id(task_id) for task_id, _ in old)}
    batches = {"ids": sql.ids({sql.read_id(batch) for _, batch in old if batch})}
    for statement in _DELETE:
        session.rows(_among(session, statement), ids)
    for named, values in (("id {among}", batches), ("then_task_id {among}", ids)):
        session.rows(_among(session, _DELETE_BATCHES.replace("{named}", named)), values)


def _among(session: Session, statement: str) -> str:
    return statement.replace("{among}", _AMONG[session.vendor])


def first_id(moment: datetime) -> str:
    """The lowest id of a task that is made at this moment: ids begin with the milliseconds since 1970."""
    return str(UUID(int=max(0, int(moment.timestamp() * 1000)) << 80))


def forget_leftovers(session: Session, retention: Retention, *, now: datetime | None = None) -> None:
    """Delete expired answers to idempotent requests, and workers that ended longer ago than tasks stay."""
    sql, now = DIALECTS[session.vendor], now or datetime.now(UTC)
    session.rows(_FORGET_KEYS, {"before": sql.instant(now - KEYS_KEPT), "limit": STEP_ROWS})
    if retention.shortest is not None:
        before = sql.instant(now - retention.shortest)
        session.rows(_FORGET_WORKERS, {"before": before, "limit": STEP_ROWS})
