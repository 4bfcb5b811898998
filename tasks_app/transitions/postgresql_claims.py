"""How PostgreSQL chooses what to claim; the rules of ``postgresql.py`` hold here too.

The index entry of a task that has left its queue stays until a vacuum, so a claim that begins at the head of
the queue walks past all that were claimed since. CLAIM_ON begins where earlier claims ended, see ``heads.py``.
"""

from __future__ import annotations

from tasks_app.transitions.heads import MOST_LEVELS

_CLAIMED = (
    "RETURNING t.id::text, t.attempt, t.revision, t.priority, t.function, t.queue, t.arguments::text, t.failures,"
    " t.losses, t.max_attempts, t.owner_id"
)
_ME = """me AS MATERIALIZED (
  SELECT id FROM taskdeck_worker WHERE id = %(worker)s::uuid AND state = 'alive' FOR KEY SHARE)"""
_CLAIM_SET = """
UPDATE taskdeck_task t SET state = 'running', attempt = t.attempt + 1, worker_id = %(worker)s::uuid,
       last_worker = %(node)s, started_at = now(), revision = t.revision + 1
  FROM picked WHERE t.id = picked.id AND t.state || '' = 'queued'
"""
_OPEN = "NOT EXISTS (SELECT 1 FROM taskdeck_queue_pause p WHERE p.queue = {} AND (p.ends_at IS NULL OR p.ends_at > now()))"
_WAITING = f"taskdeck_task t WHERE t.state = 'queued' AND t.queue = %(queue)s AND {_OPEN.format('%(queue)s')}"
_KNOWN = "t.function = ANY(%(functions)s::text[])"
CLAIM_NEXT = f"""
WITH {_ME},
picked AS MATERIALIZED (
  SELECT t.id FROM {_WAITING} AND {_KNOWN} AND EXISTS (SELECT 1 FROM me)
   ORDER BY t.priority DESC, t.id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED)
{_CLAIM_SET}
{_CLAIMED}
"""
# The first of each priority, then the oldest of these: a sort of the whole backlog is not needed.
CLAIM_OLDEST = f"""
WITH RECURSIVE {_ME},
level(priority) AS (
  SELECT (SELECT max(t.priority) FROM {_WAITING})
  UNION ALL
  SELECT (SELECT max(t.priority) FROM {_WAITING} AND t.priority < level.priority) FROM level WHERE level.priority IS NOT NULL),
oldest AS MATERIALIZED (
  SELECT (SELECT t.id FROM {_WAITING} AND t.priority = level.priority AND {_KNOWN} ORDER BY t.id LIMIT 1) AS id
    FROM level ORDER BY 1 LIMIT 1),
picked AS MATERIALIZED (
  SELECT t.id FROM taskdeck_task t
   WHERE t.id = (SELECT id FROM oldest) AND t.state || '' = 'queued' AND EXISTS (SELECT 1 FROM me)
     FOR UPDATE OF t SKIP LOCKED)
{_CLAIM_SET}
{_CLAIMED}
"""
CLAIM_IDS = f"""
WITH {_ME},
picked AS MATERIALIZED (
  SELECT t.id FROM taskdeck_task t
   WHERE t.id = ANY(%(ids)s::uuid[]) AND t.state || '' = 'queued' AND {_KNOWN} AND {_OPEN.format("t.queue")}
     AND EXISTS (SELECT 1 FROM me)
   ORDER BY t.id FOR UPDATE OF t SKIP LOCKED)
{_CLAIM_SET}
{_CLAIMED}
"""


def _claim_on(levels: int) -> str:
    """The best that wait beside what was claimed: above, between and below ``levels`` priorities all, and in
    each of these what is younger than its mark. One after the other, each takes what the limit leaves."""
    ranges = ["t.priority > %(priority0)s::smallint"]
    for n in range(levels):
        ranges.append(f"t.priority = %(priority{n})s::smallint AND t.id > %(after{n})s::uuid")
        below = f"t.priority < %(priority{n})s::smallint"
        is_last = n + 1 == levels
        ranges.append(below if is_last else f"{below} AND t.priority > %(priority{n + 1})s::smallint")
    taken = [f" - (SELECT count(*) FROM range{n})" for n in range(len(ranges))]
    parts = [
        f"""
range{n} AS MATERIALIZED (
  SELECT t.id FROM {_WAITING} AND {where} AND {_KNOWN} AND EXISTS (SELECT 1 FROM me)
   ORDER BY t.priority DESC, t.id LIMIT %(limit)s::bigint{"".join(taken[:n])} FOR UPDATE OF t SKIP LOCKED),"""
        for n, where in enumerate(ranges)
    ]
    picked = " UNION ALL ".join(f"SELECT id FROM range{n}" for n in range(len(ranges)))
    return f"WITH {_ME},{''.join(parts)}\npicked AS ({picked})\n{_CLAIM_SET}\n{_CLAIMED}"


CLAIM_ON = tuple(_claim_on(levels) for levels in range(1, MOST_LEVELS + 1))
