"""The statements for SQLite 3.40 and later. The rules they keep are told in the architecture page.

Ids are 32 hex digits, instants the text that Django's ORM writes, sets come as JSON.
Statements that name ids test ``state || ''``: it keeps the planner off the partial indexes, which
would walk every running row for every id; a lookup by primary key is what is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks_app.transitions.rows import Outcome

_CLAIMED = "RETURNING id, attempt, revision, priority, function, queue, arguments, failures, losses, max_attempts, owner_id"
_CHANGED = "RETURNING id, attempt, state, revision, function, queue, owner_id, batch"

_CLAIM_SET = """
UPDATE taskdeck_task SET state = 'running', attempt = attempt + 1, worker_id = %(worker)s, last_worker = %(node)s,
       started_at = %(now)s, revision = revision + 1
"""
_ALIVE = "EXISTS (SELECT 1 FROM taskdeck_worker WHERE id = %(worker)s AND state = 'alive')"
_OPEN = (
    "NOT EXISTS (SELECT 1 FROM taskdeck_queue_pause p"
    " WHERE p.queue = {} AND (p.ends_at IS NULL OR p.ends_at > %(now)s))"
)
_WAITING = (
    "taskdeck_task INDEXED BY task_waiting WHERE state = 'queued' AND queue = %(queue)s"
    f" AND {_OPEN.format('%(queue)s')}"
)
_KNOWN = "function IN (SELECT value FROM json_each(%(functions)s))"
CLAIM_NEXT = f"""{_CLAIM_SET}
 WHERE id IN (SELECT id FROM {_WAITING} AND {_KNOWN} ORDER BY priority DESC, id LIMIT %(limit)s)
   AND state || '' = 'queued' AND {_ALIVE}
{_CLAIMED}
"""
CLAIM_ON: tuple[str, ...] = ()
# The first of each priority, then the oldest of these: a sort of the whole backlog is not needed.
CLAIM_OLDEST = f"""
WITH RECURSIVE level(priority) AS (
  SELECT (SELECT max(priority) FROM {_WAITING})
  UNION ALL
  SELECT (SELECT max(priority) FROM {_WAITING} AND priority < level.priority) FROM level WHERE level.priority IS NOT NULL)
{_CLAIM_SET}
 WHERE id = (SELECT min(first) FROM (SELECT (SELECT id FROM {_WAITING} AND priority = level.priority AND {_KNOWN}
                                              ORDER BY id LIMIT 1) AS first FROM level))
   AND state || '' = 'queued' AND {_ALIVE}
{_CLAIMED}
"""
CLAIM_IDS = f"""{_CLAIM_SET}
 WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND state || '' = 'queued'
   AND {_KNOWN} AND {_OPEN.format("taskdeck_task.queue")} AND {_ALIVE}
{_CLAIMED}
"""

_AGAIN = "o.kind = 'retry' AND NOT cancel_requested AND failures + 1 < max_attempts"
FINISH = f"""
UPDATE taskdeck_task SET
  state = CASE WHEN o.kind IN ('succeeded','cancelled') THEN o.kind WHEN cancel_requested THEN 'cancelled'
               WHEN {_AGAIN} THEN 'scheduled' ELSE 'failed' END,
  run_at = CASE WHEN {_AGAIN} THEN o.run_at END,
  finished_at = CASE WHEN {_AGAIN} THEN NULL ELSE %(now)s END,
  failures = failures + (o.kind IN ('failed','retry')),
  result = o.result, error = o.error, worker_id = NULL, revision = revision + 1
  FROM (SELECT value ->> 'id' AS id, value ->> 'attempt' AS attempt, value ->> 'kind' AS kind, value ->> 'run_at' AS run_at,
               value ->> 'result' AS result, value ->> 'error' AS error FROM json_each(%(outcomes)s)) AS o
 WHERE taskdeck_task.id = o.id AND taskdeck_task.attempt = o.attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s
{_CHANGED}
"""

FAILURES = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, place,
                                   started_at, finished_at)
SELECT t.id, t.attempt, t.last_worker, 'failure', value ->> 'error_class', value ->> 'message', value ->> 'traceback',
       value ->> 'place', t.started_at, %(now)s
  FROM json_each(%(failures)s) JOIN taskdeck_task t ON t.id = value ->> 'id'
"""

RELEASE = f"""
UPDATE taskdeck_task SET state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
  finished_at = CASE WHEN cancel_requested THEN %(now)s END, worker_id = NULL, revision = revision + 1
  FROM (SELECT value ->> 0 AS id, value ->> 1 AS attempt FROM json_each(%(held)s)) AS o
 WHERE taskdeck_task.id = o.id AND taskdeck_task.attempt = o.attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s
{_CHANGED}
"""

_LOSS_SET = """
UPDATE taskdeck_task SET
  state = CASE WHEN cancel_requested THEN 'cancelled' WHEN losses >= max_losses THEN 'failed' ELSE 'queued' END,
  finished_at = CASE WHEN cancel_requested OR losses >= max_losses THEN %(now)s END,
  error = CASE WHEN losses >= max_losses THEN 'worker lost' ELSE error END,
  losses = losses + 1, worker_id = NULL, revision = revision + 1
"""
REQUEUE_LOST = _LOSS_SET + " WHERE worker_id = %(lost)s AND state = 'running'" + " " + _CHANGED
RELEASE_LOST = (
    _LOSS_SET
    + """ FROM (SELECT value ->> 0 AS o_id, value ->> 1 AS o_attempt FROM json_each(%(held)s)) AS o
 WHERE taskdeck_task.id = o.o_id AND taskdeck_task.attempt = o.o_attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s"""
    + " "
    + _CHANGED
)
SWEEP = (
    _LOSS_SET
    + """ WHERE state = 'running'
   AND NOT EXISTS (SELECT 1 FROM taskdeck_worker w WHERE w.id = taskdeck_task.worker_id AND w.state = 'alive')"""
    + " "
    + _CHANGED
)
LOSSES = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, started_at,
                                   finished_at)
SELECT id, attempt, last_worker, 'loss', '', 'worker lost', '', started_at, %(now)s
  FROM taskdeck_task WHERE id IN (SELECT value FROM json_each(%(ids)s))
"""

PROMOTE_DUE = f"""
UPDATE taskdeck_task SET state = 'queued', run_at = NULL, revision = revision + 1
 WHERE id IN (SELECT id FROM taskdeck_task WHERE state = 'scheduled' AND run_at <= %(now)s
               ORDER BY run_at, id LIMIT %(limit)s)
   AND state = 'scheduled'
{_CHANGED}
"""

PROMOTE_ENDED = f"""
UPDATE taskdeck_task SET state = 'queued', run_at = NULL, revision = revision + 1
 WHERE id IN (SELECT t.id FROM taskdeck_task t JOIN taskdeck_batch b ON b.then_task_id = t.id
               WHERE t.state = 'scheduled' AND t.run_at = %(held)s
                 AND NOT EXISTS (SELECT 1 FROM taskdeck_task m WHERE m.batch = b.id AND m.finished_at IS NULL)
               ORDER BY t.id LIMIT %(limit)s)
   AND state = 'scheduled' AND run_at = %(held)s
{_CHANGED}
"""

END_PAUSES = "DELETE FROM taskdeck_queue_pause WHERE ends_at <= %(now)s RETURNING queue"

CANCEL = f"""
UPDATE taskdeck_task SET state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
  finished_at = CASE WHEN state = 'running' THEN NULL ELSE %(now)s END, run_at = NULL, cancel_requested = 1,
  revision = revision + 1
 WHERE id IN (SELECT value FROM json_each(%(ids)s))
   AND (state IN ('scheduled','queued') OR (state = 'running' AND NOT cancel_requested))
{_CHANGED}
"""

RETRY = f"""
UPDATE taskdeck_task SET state = 'queued', failures = 0, losses = 0, cancel_requested = 0, finished_at = NULL,
  result = NULL, error = NULL, revision = revision + 1, arguments = coalesce(%(arguments)s, arguments),
  unique_key = coalesce(%(unique_key)s, unique_key)
 WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND state IN ('succeeded','failed','cancelled')
{_CHANGED}
"""

PROGRESS = """
INSERT INTO taskdeck_task_live (task_id, attempt, seq, done, total, stage, rate, metadata, steps, updated_at)
SELECT value ->> 'id', value ->> 'attempt', value ->> 'seq', value ->> 'done', value ->> 'total', value ->> 'stage',
       value ->> 'rate', value ->> 'metadata', '[]', %(now)s FROM json_each(%(reports)s) WHERE value ->> 'id' IN (SELECT id FROM taskdeck_task)
ON CONFLICT (task_id) DO UPDATE SET attempt = excluded.attempt, seq = excluded.seq, done = excluded.done,
  total = excluded.total, stage = excluded.stage, rate = excluded.rate, metadata = excluded.metadata, updated_at = excluded.updated_at,
  steps = CASE WHEN excluded.attempt > taskdeck_task_live.attempt THEN '[]' ELSE taskdeck_task_live.steps END
 WHERE excluded.attempt > taskdeck_task_live.attempt
    OR (excluded.attempt = taskdeck_task_live.attempt AND excluded.seq > taskdeck_task_live.seq)
"""
STEP = """
INSERT INTO taskdeck_task_live (task_id, attempt, seq, stage, metadata, steps, updated_at)
SELECT id, %(attempt)s, 0, '', '{}', json_array(json(%(step)s)), %(now)s FROM taskdeck_task WHERE id = %(id)s
ON CONFLICT (task_id) DO UPDATE SET
  steps = CASE WHEN excluded.attempt > taskdeck_task_live.attempt THEN excluded.steps
               ELSE json_insert(taskdeck_task_live.steps, '$[#]', json(%(step)s)) END,
  seq = CASE WHEN excluded.attempt > taskdeck_task_live.attempt THEN 0 ELSE taskdeck_task_live.seq END,
  attempt = excluded.attempt, updated_at = excluded.updated_at
 WHERE excluded.attempt >= taskdeck_task_live.attempt
"""

REGISTER = """
INSERT INTO taskdeck_worker (id, node, state, heartbeat, host, pid, version, queues, concurrency,
                             async_concurrency, lease_seconds, started_at, heartbeat_at)
VALUES (%(worker)s, %(node)s, 'alive', 0, %(host)s, %(pid)s, %(version)s, %(queues)s, %(concurrency)s,
        %(async_concurrency)s, %(lease_seconds)s, %(now)s, %(now)s)
"""
HEARTBEAT = """
UPDATE taskdeck_worker SET heartbeat = heartbeat + 1, heartbeat_at = %(now)s,
       claims_by_message = %(by_message)s, claims_direct = %(direct)s, messages = %(messages)s,
       blocked_by = %(blocked_by)s, load = coalesce(%(load)s, load)
 WHERE id = %(worker)s AND state = 'alive' RETURNING heartbeat, is_quiet
"""
ALIVE = "SELECT id, heartbeat, lease_seconds FROM taskdeck_worker WHERE state = 'alive' AND id <> %(worker)s"
MARK_LOST: tuple[str, ...] = (
    """
UPDATE taskdeck_worker SET state = 'lost', stopped_at = %(now)s
 WHERE id = %(lost)s AND state = 'alive' AND heartbeat = coalesce(%(seen)s, heartbeat) RETURNING id
""",
)
HELD = """
SELECT id, attempt, cancel_requested FROM taskdeck_task WHERE worker_id = %(worker)s AND state = 'running'
"""
CANCELS = """
SELECT id, attempt FROM taskdeck_task
 WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND state || '' = 'running' AND cancel_requested
"""
LOCK_WORKER = "SELECT id FROM taskdeck_worker WHERE id = %(worker)s AND state = 'alive'"
"""The transaction itself excludes every other writer."""
STOP = """
UPDATE taskdeck_worker SET state = 'stopped', stopped_at = %(now)s WHERE id = %(worker)s AND state = 'alive'
"""


def instant(moment: datetime) -> str:
    """The text that Django's ORM writes."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def now() -> str:
    return instant(datetime.now(UTC))


def written_id(text: str) -> str:
    return text.replace("-", "")


def read_id(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def ids(texts: Iterable[str]) -> str:
    return json.dumps([written_id(text) for text in texts])


def names(texts: Iterable[str]) -> str:
    return json.dumps(list(texts))


def held(held: Iterable[tuple[str, int]]) -> Mapping[str, Any]:
    return {"held": json.dumps([(written_id(task_id), attempt) for task_id, attempt in held])}


def outcomes(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    start = datetime.now(UTC)
    rows = [
        {
            "id": written_id(o.id),
            "attempt": o.attempt,
            "kind": o.kind,
            "run_at": instant(start + timedelta(seconds=o.delay_seconds)) if o.kind == "retry" else None,
            "result": o.result,
            "error": o.error,
        }
        for o in outcomes
    ]
    return {"outcomes": json.dumps(rows)}


def failures(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    rows = [
        {
            "id": written_id(o.id),
            "error_class": o.error_class,
            "message": o.message,
            "traceback": o.traceback,
            "place": o.place,
        }
        for o in outcomes
    ]
    return {"failures": json.dumps(rows)}
