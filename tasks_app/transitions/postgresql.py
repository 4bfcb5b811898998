"""The statements for PostgreSQL 14 and later. The rules they keep are told in the architecture page.

All run at READ COMMITTED. Rows are chosen and locked in a materialised select, and the update tests
the state once more. Statements that name ids test ``state || ''``: on a table that was created empty
the planner would take a partial index on the state and walk its dead entries for every id.
Rows are locked in the order of an array of ids, which the primary key gives without a sort: workers price sorts
out, and ``ORDER BY id`` over anything else would walk the whole primary key.
Marking a worker lost is several statements of one transaction, because a single one would judge its
tasks by a snapshot from before it waited for a claim in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks_app.transitions.postgresql_claims import CLAIM_IDS as CLAIM_IDS
from tasks_app.transitions.postgresql_claims import CLAIM_NEXT as CLAIM_NEXT
from tasks_app.transitions.postgresql_claims import CLAIM_OLDEST as CLAIM_OLDEST
from tasks_app.transitions.postgresql_claims import CLAIM_ON as CLAIM_ON
from tasks_app.transitions.rows import Outcome

_CHANGED = (
    "RETURNING t.id::text, t.attempt, t.state, t.revision, t.function, t.queue, t.owner_id, t.batch::text"
)

_AGAIN = "o.kind = 'retry' AND NOT t.cancel_requested AND t.failures + 1 < t.max_attempts"
FINISH = f"""
WITH outcome AS MATERIALIZED (
  SELECT * FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(kinds)s::text[], %(delays)s::float8[],
                       %(results)s::jsonb[], %(errors)s::text[]) AS o(id, attempt, kind, delay, result, error))
UPDATE taskdeck_task t SET
  state = CASE WHEN o.kind IN ('succeeded','cancelled') THEN o.kind WHEN t.cancel_requested THEN 'cancelled'
               WHEN {_AGAIN} THEN 'scheduled' ELSE 'failed' END,
  run_at = CASE WHEN {_AGAIN} THEN now() + o.delay * interval '1 second' END,
  finished_at = CASE WHEN {_AGAIN} THEN NULL ELSE now() END,
  failures = t.failures + (o.kind IN ('failed','retry'))::int,
  result = o.result, error = o.error, worker_id = NULL, revision = t.revision + 1
  FROM outcome o
 WHERE t.id = o.id AND t.attempt = o.attempt AND t.state || '' = 'running' AND t.worker_id = %(worker)s::uuid
{_CHANGED}
"""

FAILURES = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, place,
                                   started_at, finished_at)
SELECT t.id, t.attempt, t.last_worker, 'failure', f.error_class, f.message, f.traceback, f.place, t.started_at, now()
  FROM unnest(%(ids)s::uuid[], %(classes)s::text[], %(messages)s::text[], %(tracebacks)s::text[], %(places)s::text[])
           AS f(id, error_class, message, traceback, place)
  JOIN taskdeck_task t ON t.id = f.id
"""

_HELD = """
  SELECT t.id, t.attempt FROM taskdeck_task t
    JOIN unnest(%(ids)s::uuid[], %(attempts)s::int[]) AS o(id, attempt) ON o.id = t.id AND o.attempt = t.attempt
   WHERE t.id = ANY(%(ids)s::uuid[]) AND t.state || '' = 'running' AND t.worker_id = %(worker)s::uuid
   ORDER BY t.id FOR UPDATE OF t"""
_STILL_HELD = """
  FROM held h WHERE t.id = h.id AND t.attempt = h.attempt AND t.state || '' = 'running'
"""
RELEASE = f"""
WITH held AS MATERIALIZED ({_HELD})
UPDATE taskdeck_task t SET state = CASE WHEN t.cancel_requested THEN 'cancelled' ELSE 'queued' END,
  finished_at = CASE WHEN t.cancel_requested THEN now() END, worker_id = NULL, revision = t.revision + 1
{_STILL_HELD}
{_CHANGED}
"""

_LOSS_SET = f"""
UPDATE taskdeck_task t SET
  state = CASE WHEN t.cancel_requested THEN 'cancelled' WHEN t.losses >= t.max_losses THEN 'failed' ELSE 'queued' END,
  finished_at = CASE WHEN t.cancel_requested OR t.losses >= t.max_losses THEN now() END,
  error = CASE WHEN t.losses >= t.max_losses THEN 'worker lost' ELSE t.error END,
  losses = t.losses + 1, worker_id = NULL, revision = t.revision + 1
{_STILL_HELD}
{_CHANGED}
"""
RELEASE_LOST = f"WITH held AS MATERIALIZED ({_HELD}) {_LOSS_SET}"
REQUEUE_LOST = f"""
WITH held AS MATERIALIZED (
  SELECT t.id, t.attempt FROM taskdeck_task t
   WHERE t.id = ANY(ARRAY(SELECT id FROM taskdeck_task WHERE state = 'running' AND worker_id = %(lost)s::uuid))
     AND t.state || '' = 'running' AND t.worker_id = %(lost)s::uuid
   ORDER BY t.id FOR UPDATE)
{_LOSS_SET}
"""
SWEEP = f"""
WITH orphan AS MATERIALIZED (
  SELECT t.id, t.attempt FROM taskdeck_task t WHERE t.state = 'running'
     AND NOT EXISTS (SELECT 1 FROM taskdeck_worker w WHERE w.id = t.worker_id AND w.state = 'alive')),
held AS MATERIALIZED (
  SELECT t.id, t.attempt FROM taskdeck_task t JOIN orphan o ON o.id = t.id AND o.attempt = t.attempt
   WHERE t.id = ANY(ARRAY(SELECT id FROM orphan)) AND t.state || '' = 'running'
   ORDER BY t.id FOR UPDATE OF t SKIP LOCKED)
{_LOSS_SET}
"""
LOSSES = """
INSERT INTO taskdeck_task_attempt (task_id, attempt, worker_name, kind, error_class, message, traceback, started_at,
                                   finished_at)
SELECT id, attempt, last_worker, 'loss', '', 'worker lost', '', started_at, now()
  FROM taskdeck_task WHERE id = ANY(%(ids)s::uuid[])
"""

PROMOTE_DUE = f"""
WITH due AS MATERIALIZED (
  SELECT id FROM taskdeck_task WHERE state = 'scheduled' AND run_at <= now()
   ORDER BY run_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE taskdeck_task t SET state = 'queued', run_at = NULL, revision = t.revision + 1
  FROM due WHERE t.id = due.id AND t.state || '' = 'scheduled'
{_CHANGED}
"""

# The held ones are found by their place in the index of due times, whole batches by the index of live tasks.
PROMOTE_ENDED = f"""
WITH ended AS MATERIALIZED (
  SELECT t.id FROM taskdeck_task t JOIN taskdeck_batch b ON b.then_task_id = t.id
   WHERE t.state = 'scheduled' AND t.run_at = %(held)s
     AND NOT EXISTS (SELECT 1 FROM taskdeck_task m WHERE m.batch = b.id AND m.finished_at IS NULL)
   ORDER BY t.id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED)
UPDATE taskdeck_task t SET state = 'queued', run_at = NULL, revision = t.revision + 1
  FROM ended WHERE t.id = ended.id AND t.state || '' = 'scheduled' AND t.run_at = %(held)s
{_CHANGED}
"""

END_PAUSES = "DELETE FROM taskdeck_queue_pause WHERE ends_at <= now() RETURNING queue"

CANCEL = f"""
WITH target AS MATERIALIZED (
  SELECT id FROM taskdeck_task
   WHERE id = ANY(%(ids)s::uuid[]) AND state || '' IN ('scheduled','queued','running') ORDER BY id FOR UPDATE)
UPDATE taskdeck_task t SET state = CASE WHEN t.state = 'running' THEN t.state ELSE 'cancelled' END,
  finished_at = CASE WHEN t.state = 'running' THEN NULL ELSE now() END,
  run_at = NULL, cancel_requested = true, revision = t.revision + 1
  FROM target WHERE t.id = target.id
   AND (t.state || '' IN ('scheduled','queued') OR (t.state || '' = 'running' AND NOT t.cancel_requested))
{_CHANGED}
"""

RETRY = f"""
WITH target AS MATERIALIZED (
  SELECT id FROM taskdeck_task
   WHERE id = ANY(%(ids)s::uuid[]) AND state || '' IN ('succeeded','failed','cancelled') ORDER BY id FOR UPDATE)
UPDATE taskdeck_task t SET state = 'queued', failures = 0, losses = 0, cancel_requested = false, finished_at = NULL,
  result = NULL, error = NULL, revision = t.revision + 1, arguments = coalesce(%(arguments)s::jsonb, t.arguments),
  unique_key = coalesce(%(unique_key)s, t.unique_key)
  FROM target WHERE t.id = target.id AND t.state || '' IN ('succeeded','failed','cancelled')
{_CHANGED}
"""

PROGRESS = """
INSERT INTO taskdeck_task_live AS l (task_id, attempt, seq, done, total, stage, rate, metadata, steps, updated_at)
SELECT r.id, r.attempt, r.seq, r.done, r.total, r.stage, r.rate, r.metadata::jsonb, '[]', now()
  FROM json_to_recordset(%(reports)s::json)
           AS r(id uuid, attempt int, seq int, done float8, total float8, stage text, rate float8, metadata text)
  JOIN taskdeck_task t ON t.id = r.id
ON CONFLICT (task_id) DO UPDATE SET attempt = excluded.attempt, seq = excluded.seq, done = excluded.done,
  total = excluded.total, stage = excluded.stage, rate = excluded.rate, metadata = excluded.metadata, updated_at = excluded.updated_at,
  steps = CASE WHEN excluded.attempt > l.attempt THEN '[]' ELSE l.steps END
 WHERE excluded.attempt > l.attempt OR (excluded.attempt = l.attempt AND excluded.seq > l.seq)
"""
STEP = """
INSERT INTO taskdeck_task_live AS l (task_id, attempt, seq, stage, metadata, steps, updated_at)
SELECT id, %(attempt)s, 0, '', '{}', jsonb_build_array(%(step)s::jsonb), now() FROM taskdeck_task WHERE id = %(id)s::uuid
ON CONFLICT (task_id) DO UPDATE SET
  steps = CASE WHEN excluded.attempt > l.attempt THEN excluded.steps ELSE l.steps || excluded.steps END,
  seq = CASE WHEN excluded.attempt > l.attempt THEN 0 ELSE l.seq END,
  attempt = excluded.attempt, updated_at = excluded.updated_at
 WHERE excluded.attempt >= l.attempt
"""

REGISTER = """
INSERT INTO taskdeck_worker (id, node, state, heartbeat, host, pid, version, queues, concurrency,
                             async_concurrency, lease_seconds, started_at, heartbeat_at)
VALUES (%(worker)s::uuid, %(node)s, 'alive', 0, %(host)s, %(pid)s, %(version)s, %(queues)s::jsonb, %(concurrency)s,
        %(async_concurrency)s, %(lease_seconds)s, now(), now())
"""
HEARTBEAT = """
UPDATE taskdeck_worker SET heartbeat = heartbeat + 1, heartbeat_at = now(),
       claims_by_message = %(by_message)s::bigint, claims_direct = %(direct)s::bigint,
       messages = %(messages)s::jsonb,
       blocked_by = %(blocked_by)s::jsonb, load = coalesce(%(load)s::jsonb, load)
 WHERE id = %(worker)s::uuid AND state = 'alive' RETURNING heartbeat, is_quiet
"""
ALIVE = """
SELECT id::text, heartbeat, lease_seconds FROM taskdeck_worker WHERE state = 'alive' AND id <> %(worker)s::uuid
"""
_UNRENEWED = "id = %(lost)s::uuid AND state = 'alive' AND heartbeat = coalesce(%(seen)s::bigint, heartbeat)"
MARK_LOST: tuple[str, ...] = (
    f"SELECT id::text FROM taskdeck_worker WHERE {_UNRENEWED} FOR UPDATE",
    f"UPDATE taskdeck_worker SET state = 'lost', stopped_at = now() WHERE {_UNRENEWED} RETURNING id::text",
)
HELD = """
SELECT id::text, attempt, cancel_requested FROM taskdeck_task
 WHERE worker_id = %(worker)s::uuid AND state = 'running'
"""
CANCELS = """
SELECT id::text, attempt FROM taskdeck_task
 WHERE id = ANY(%(ids)s::uuid[]) AND state || '' = 'running' AND cancel_requested
"""
LOCK_WORKER = (
    "SELECT id::text FROM taskdeck_worker WHERE id = %(worker)s::uuid AND state = 'alive' FOR UPDATE"
)
STOP = """
UPDATE taskdeck_worker SET state = 'stopped', stopped_at = now() WHERE id = %(worker)s::uuid AND state = 'alive'
"""


def now() -> None:
    """The statements ask the database's own clock."""


def instant(moment: datetime) -> datetime:
    return moment


def written_id(text: str) -> str:
    return text


def read_id(text: str) -> str:
    return text


def ids(texts: Iterable[str]) -> str:
    return _bare_array(texts)


def names(texts: Iterable[str]) -> str:
    return _array(texts)


def held(held: Iterable[tuple[str, int]]) -> Mapping[str, Any]:
    pairs = list(held)
    return {
        "ids": _bare_array(task_id for task_id, _ in pairs),
        "attempts": _bare_array(str(attempt) for _, attempt in pairs),
    }


def outcomes(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    return {
        "ids": _bare_array(o.id for o in outcomes),
        "attempts": _bare_array(str(o.attempt) for o in outcomes),
        "kinds": _bare_array(o.kind for o in outcomes),
        "delays": _bare_array(str(o.delay_seconds) for o in outcomes),
        "results": _array(o.result for o in outcomes),
        "errors": _array(o.error for o in outcomes),
    }


def _array(texts: Iterable[str | None]) -> str:
    """An array as PostgreSQL reads it, written here: psycopg looks at each list's elements several times."""
    return _bare_array("NULL" if text is None else f'"{_escaped(text)}"' for text in texts)


def _bare_array(texts: Iterable[str]) -> str:
    """The same of ids, numbers and words, which need no quotes."""
    return "{" + ",".join(texts) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def failures(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    return {
        "ids": [o.id for o in outcomes],
        "classes": [o.error_class for o in outcomes],
        "messages": [o.message for o in outcomes],
        "tracebacks": [o.traceback for o in outcomes],
        "places": [o.place for o in outcomes],
    }
