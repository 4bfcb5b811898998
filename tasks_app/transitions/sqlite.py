"""The statements for SQLite 3.40 and later. The rules they keep are told in the architecture page.

Ids are 32 hex digits, instants the text that Django's ORM writes, sets come as JSON.
Statements that name ids test ``state || ''``: it keeps the planner off the partial indexes, which
would walk every running row for every id; a lookup by primary key is what is wanted.
"""

from __future__ import annotations

_CLAIM = """
UPDATE taskdeck_task SET state = 'running', attempt = attempt + 1, worker_id = %(worker)s, last_worker = %(node)s,
       started_at = %(now)s, revision = revision + 1
 WHERE id IN (SELECT id FROM taskdeck_task INDEXED BY task_waiting WHERE state = 'queued' AND queue = %(queue)s
                 AND function IN (SELECT value FROM json_each(%(functions)s)) ORDER BY {order} LIMIT %(limit)s)
   AND state = 'queued' AND EXISTS (SELECT 1 FROM taskdeck_worker WHERE id = %(worker)s AND state = 'alive')
RETURNING id, attempt, revision, priority, function, queue, arguments, failures, losses, max_attempts, owner_id
"""
CLAIM_NEXT = _CLAIM.format(order="priority DESC, id")
CLAIM_OLDEST = _CLAIM.format(order="id")

FINISH = """
UPDATE taskdeck_task SET
  state = CASE WHEN o.kind IN ('succeeded','cancelled') THEN o.kind WHEN cancel_requested THEN 'cancelled'
               ELSE 'failed' END,
  finished_at = %(now)s, failures = failures + (o.kind = 'failed'),
  result = o.result, error = o.error, worker_id = NULL, revision = revision + 1
  FROM (SELECT value ->> 'id' AS id, value ->> 'attempt' AS attempt, value ->> 'kind' AS kind,
               value ->> 'result' AS result, value ->> 'error' AS error FROM json_each(%(outcomes)s)) AS o
 WHERE taskdeck_task.id = o.id AND taskdeck_task.attempt = o.attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s
RETURNING id, attempt, state, revision, function, queue, owner_id
"""

FAILURE = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, started_at,
                                   finished_at)
SELECT id, attempt, last_worker, 'failure', %(error_class)s, %(message)s, %(traceback)s, started_at, %(now)s
  FROM taskdeck_task WHERE id = %(id)s
"""

RELEASE = """
UPDATE taskdeck_task SET state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
  finished_at = CASE WHEN cancel_requested THEN %(now)s END, worker_id = NULL, revision = revision + 1
  FROM (SELECT value ->> 0 AS id, value ->> 1 AS attempt FROM json_each(%(held)s)) AS o
 WHERE taskdeck_task.id = o.id AND taskdeck_task.attempt = o.attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s
RETURNING id, attempt, state, revision, function, queue, owner_id
"""

_LOSS_SET = """
UPDATE taskdeck_task SET
  state = CASE WHEN cancel_requested THEN 'cancelled' WHEN losses >= max_losses THEN 'failed' ELSE 'queued' END,
  finished_at = CASE WHEN cancel_requested OR losses >= max_losses THEN %(now)s END,
  error = CASE WHEN losses >= max_losses THEN 'worker lost' ELSE error END,
  losses = losses + 1, worker_id = NULL, revision = revision + 1
"""
_LOSS_RETURNING = " RETURNING id, attempt, state, revision, function, queue, owner_id"
REQUEUE_LOST = _LOSS_SET + " WHERE worker_id = %(lost)s AND state = 'running'" + _LOSS_RETURNING
RELEASE_LOST = (
    _LOSS_SET
    + """ FROM (SELECT value ->> 0 AS o_id, value ->> 1 AS o_attempt FROM json_each(%(held)s)) AS o
 WHERE taskdeck_task.id = o.o_id AND taskdeck_task.attempt = o.o_attempt AND taskdeck_task.state || '' = 'running'
   AND taskdeck_task.worker_id = %(worker)s"""
    + _LOSS_RETURNING
)
SWEEP = (
    _LOSS_SET
    + """ WHERE state = 'running'
   AND NOT EXISTS (SELECT 1 FROM taskdeck_worker w WHERE w.id = taskdeck_task.worker_id AND w.state = 'alive')"""
    + _LOSS_RETURNING
)
LOSS = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, started_at,
                                   finished_at)
SELECT id, attempt, last_worker, 'loss', '', 'worker lost', '', started_at, %(now)s
  FROM taskdeck_task WHERE id IN (SELECT value FROM json_each(%(ids)s))
"""

PROMOTE_DUE = """
UPDATE taskdeck_task SET state = 'queued', run_at = NULL, revision = revision + 1
 WHERE id IN (SELECT id FROM taskdeck_task WHERE state = 'scheduled' AND run_at <= %(now)s
               ORDER BY run_at, id LIMIT %(limit)s)
   AND state = 'scheduled'
RETURNING id, attempt, state, revision, function, queue, owner_id
"""

CANCEL = """
UPDATE taskdeck_task SET state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
  finished_at = CASE WHEN state = 'running' THEN NULL ELSE %(now)s END, run_at = NULL, cancel_requested = 1,
  revision = revision + 1
 WHERE id IN (SELECT value FROM json_each(%(ids)s))
   AND (state IN ('scheduled','queued') OR (state = 'running' AND NOT cancel_requested))
RETURNING id, attempt, state, revision, function, queue, owner_id
"""

RETRY = """
UPDATE taskdeck_task SET state = 'queued', failures = 0, losses = 0, cancel_requested = 0, finished_at = NULL,
  result = NULL, error = NULL, revision = revision + 1
 WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND state IN ('succeeded','failed','cancelled')
RETURNING id, attempt, state, revision, function, queue, owner_id
"""

PROGRESS = """
INSERT INTO taskdeck_task_live (task_id, attempt, seq, done, total, stage, metadata, updated_at)
SELECT value ->> 'id', value ->> 'attempt', value ->> 'seq', value ->> 'done', value ->> 'total', value ->> 'stage',
       '{}', %(now)s FROM json_each(%(reports)s) WHERE true
ON CONFLICT (task_id) DO UPDATE SET attempt = excluded.attempt, seq = excluded.seq, done = excluded.done,
  total = excluded.total, stage = excluded.stage, updated_at = excluded.updated_at
 WHERE excluded.attempt > taskdeck_task_live.attempt
    OR (excluded.attempt = taskdeck_task_live.attempt AND excluded.seq > taskdeck_task_live.seq)
"""

REGISTER = """
INSERT INTO taskdeck_worker (id, node, state, heartbeat, host, pid, version, queues, concurrency, started_at,
                             heartbeat_at)
VALUES (%(worker)s, %(node)s, 'alive', 0, %(host)s, %(pid)s, %(version)s, %(queues)s, %(concurrency)s, %(now)s, %(now)s)
"""
HEARTBEAT = """
UPDATE taskdeck_worker SET heartbeat = heartbeat + 1, heartbeat_at = %(now)s
 WHERE id = %(worker)s AND state = 'alive' RETURNING heartbeat
"""
ALIVE = "SELECT id, heartbeat FROM taskdeck_worker WHERE state = 'alive' AND id <> %(worker)s"
REAP_MARK = """
UPDATE taskdeck_worker SET state = 'lost', stopped_at = %(now)s
 WHERE id = %(lost)s AND state = 'alive' AND heartbeat = %(seen)s RETURNING id
"""
MARK_DEAD = """
UPDATE taskdeck_worker SET state = 'lost', stopped_at = %(now)s WHERE id = %(lost)s AND state = 'alive' RETURNING id
"""
HELD = """
SELECT id, attempt, cancel_requested FROM taskdeck_task WHERE worker_id = %(worker)s AND state = 'running'
"""
STOP = """
UPDATE taskdeck_worker SET state = 'stopped', stopped_at = %(now)s WHERE id = %(worker)s AND state = 'alive'
"""
