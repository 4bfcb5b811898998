"""The only writer of state. Each write says what it expects and returns what it won.

Rows that do not match are not errors: they are the losers of a race.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks_app.database import Row, Session
from tasks_app.fleet_wire import BlockedBy, LoadDocument
from tasks_app.states import HELD, State
from tasks_app.transitions import heads, postgresql, sqlite
from tasks_app.transitions.dialect import Dialect
from tasks_app.transitions.rows import Changed, Claimed, Outcome, Pulse, Renewal
from tasks_app.wire import StopStep

__all__ = ["Changed", "Claimed", "Outcome", "Pulse", "Renewal"]

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite, "postgresql": postgresql}


def _dialect(session: Session) -> Dialect:
    return DIALECTS[session.vendor]


def _changed(sql: Dialect, rows: Iterable[Row]) -> list[Changed]:
    return [
        Changed(
            id=sql.read_id(id_),
            attempt=attempt,
            state=State(state),
            revision=revision,
            function=function,
            queue=queue,
            owner_id=owner_id,
            batch=sql.read_id(batch) if batch else None,
        )
        for id_, attempt, state, revision, function, queue, owner_id, batch in rows
    ]


def _claimed(sql: Dialect, rows: Iterable[Row]) -> list[Claimed]:
    claimed = [Claimed(sql.read_id(row[0]), *row[1:]) for row in rows]
    claimed.sort(key=lambda c: (-c.priority, c.id))
    return claimed


def claim(
    session: Session,
    *,
    worker_id: str,
    node: str,
    queue: str,
    functions: Sequence[str],
    limit: int,
    oldest: bool = False,
) -> list[Claimed]:
    """Claim up to ``limit`` waiting tasks of one queue, best first; empty unless the worker is alive.

    ``oldest``: the one that waits longest, whatever its priority. Else, on PostgreSQL, a task that begins to
    wait behind younger ones that were claimed already may be passed over for some seconds: see ``heads``.
    """
    sql = _dialect(session)
    params = {
        "worker": sql.written_id(worker_id),
        "node": node,
        "queue": queue,
        "functions": sql.names(functions),
        "limit": limit,
        "now": sql.now(),
    }
    if oldest or not sql.CLAIM_ON:
        return _claimed(sql, session.rows(sql.CLAIM_OLDEST if oldest else sql.CLAIM_NEXT, params))
    head = heads.head_of(session, queue, functions)
    if not head.is_look_due:
        statement = sql.CLAIM_ON[len(head.marks) - 1]
        claimed = _claimed(sql, session.rows(statement, {**params, **head.params()}))
        head.went_on(claimed)
        if claimed:
            return claimed
    started = heads.now()
    claimed = _claimed(sql, session.rows(sql.CLAIM_NEXT, params))
    head.looked(claimed, limit=limit, started=started)
    return claimed


def claim_ids(
    session: Session, *, worker_id: str, node: str, ids: Sequence[str], functions: Sequence[str]
) -> list[Claimed]:
    """Claim those of ``ids`` that wait and whose function is known; the others are left alone."""
    sql = _dialect(session)
    params = {
        "worker": sql.written_id(worker_id),
        "node": node,
        "ids": sql.ids(ids),
        "functions": sql.names(functions),
        "now": sql.now(),
    }
    return _claimed(sql, session.rows(sql.CLAIM_IDS, params))


def finish(session: Session, *, worker_id: str, outcomes: Sequence[Outcome]) -> list[Changed]:
    """Record outcomes, fenced by id, attempt and worker; failures of effective ones get their row."""
    sql = _dialect(session)
    params = {"worker": sql.written_id(worker_id), "now": sql.now(), **sql.outcomes(outcomes)}
    failed = {(o.id, o.attempt): o for o in outcomes if o.is_failure}
    if not failed:
        return _changed(sql, session.rows(sql.FINISH, params))
    with session.transaction():
        changed = _changed(sql, session.rows(sql.FINISH, params))
        effective = [failed[key] for row in changed if (key := (row.id, row.attempt)) in failed]
        if effective:
            session.rows(sql.FAILURES, {"now": params["now"], **sql.failures(effective)})
    return changed


def release(session: Session, *, worker_id: str, held: Iterable[tuple[str, int]]) -> list[Changed]:
    """Give unstarted attempts back, without a loss."""
    sql = _dialect(session)
    params = {"worker": sql.written_id(worker_id), "now": sql.now(), **sql.held(held)}
    return _changed(sql, session.rows(sql.RELEASE, params))


def _record_losses(session: Session, rows: list[Row]) -> list[Changed]:
    sql = _dialect(session)
    changed = _changed(sql, rows)
    if changed:
        session.rows(sql.LOSSES, {"ids": sql.ids(row.id for row in changed), "now": sql.now()})
    return changed


def release_lost(session: Session, *, worker_id: str, held: Iterable[tuple[str, int]]) -> list[Changed]:
    """Give attempts back whose executor died while they ran: each counts a loss."""
    sql = _dialect(session)
    params = {"worker": sql.written_id(worker_id), "now": sql.now(), **sql.held(held)}
    with session.transaction():
        return _record_losses(session, session.rows(sql.RELEASE_LOST, params))


def reap(session: Session, *, lost_id: str, seen: int | None) -> list[Changed] | None:
    """Declare a worker lost if its counter still is ``seen`` (None: known dead) and requeue what it held.

    None when the worker was not taken: it renewed, stopped, or another reaper was first.
    """
    sql = _dialect(session)
    params = {"lost": sql.written_id(lost_id), "seen": seen, "now": sql.now()}
    with session.transaction():
        for statement in sql.MARK_LOST:
            if not session.rows(statement, params):
                return None
        return _record_losses(session, session.rows(sql.REQUEUE_LOST, params))


def sweep(session: Session) -> list[Changed]:
    """Requeue running rows whose worker is not alive."""
    sql = _dialect(session)
    with session.transaction():
        return _record_losses(session, session.rows(sql.SWEEP, {"now": sql.now()}))


def promote_due(session: Session, *, limit: int = 500) -> list[Changed]:
    """Scheduled rows whose time has come go to their queue, at most ``limit``."""
    sql = _dialect(session)
    return _changed(sql, session.rows(sql.PROMOTE_DUE, {"now": sql.now(), "limit": limit}))


def promote_ended(session: Session, *, limit: int = 500) -> list[Changed]:
    """Held rows whose batch has no live task any more go to their queue, each once, at most ``limit``."""
    sql = _dialect(session)
    return _changed(sql, session.rows(sql.PROMOTE_ENDED, {"held": sql.instant(HELD), "limit": limit}))


def end_pauses(session: Session) -> list[str]:
    """Forget the pauses whose end has come; the queues they held back. The claim does not wait for this."""
    sql = _dialect(session)
    return [queue for (queue,) in session.rows(sql.END_PAUSES, {"now": sql.now()})]


def cancel(session: Session, *, ids: Iterable[str]) -> list[Changed]:
    """Cancel waiting tasks at once, ask running ones to stop."""
    sql = _dialect(session)
    return _changed(sql, session.rows(sql.CANCEL, {"ids": sql.ids(ids), "now": sql.now()}))


def retry(
    session: Session, *, ids: Iterable[str], arguments: str | None = None, unique_key: str | None = None
) -> list[Changed]:
    """Send finished tasks back to their queue; the attempt number keeps growing.

    ``arguments``, as JSON text, and ``unique_key`` replace those of the tasks. Raises StatementRefused where
    a live task holds the unique key of one of them.
    """
    sql = _dialect(session)
    params = {"ids": sql.ids(ids), "arguments": arguments, "unique_key": unique_key}
    return _changed(sql, session.rows(sql.RETRY, params))


def report_progress(session: Session, reports: Sequence[dict[str, Any]]) -> None:
    """Keep the newest report of each task; older attempts and numbers change nothing."""
    sql = _dialect(session)
    absent = {"rate": None, "metadata": "{}"}
    rows = [{**absent, **report, "id": sql.written_id(report["id"])} for report in reports]
    session.rows(sql.PROGRESS, {"reports": json.dumps(rows), "now": sql.now()})


def record_step(session: Session, *, task_id: str, attempt: int, step: StopStep) -> None:
    """Keep one step of the way on which a running attempt is made to end."""
    sql = _dialect(session)
    params = {"id": sql.written_id(task_id), "attempt": attempt, "step": json.dumps(step), "now": sql.now()}
    session.rows(sql.STEP, params)


def register(
    session: Session, *, worker_id: str, queues: Sequence[str], async_concurrency: int = 0, **facts: Any
) -> None:
    """A new incarnation. ``facts``: node, host, pid, version, concurrency, lease_seconds."""
    sql = _dialect(session)
    named = {
        "worker": sql.written_id(worker_id),
        "queues": json.dumps(list(queues)),
        "async_concurrency": async_concurrency,
        "now": sql.now(),
    }
    session.rows(sql.REGISTER, {**facts, **named})


def heartbeat(
    session: Session,
    *,
    worker_id: str,
    claims_by_message: int,
    claims_direct: int,
    messages: Mapping[str, int] = {},
    blocked_by: BlockedBy | None = None,
    load: LoadDocument | None = None,
) -> Renewal | None:
    """Renew the lease and note the claims so far. None: this incarnation is over and never comes back.

    ``messages``: as fleet_wire.MessageCounts has them, empty without a broker. ``load``: None keeps the last.
    """
    sql = _dialect(session)
    params = {
        "worker": sql.written_id(worker_id),
        "by_message": claims_by_message,
        "direct": claims_direct,
        "messages": json.dumps(dict(messages)),
        "blocked_by": json.dumps(blocked_by) if blocked_by else None,
        "load": json.dumps(load) if load else None,
        "now": sql.now(),
    }
    found = session.rows(sql.HEARTBEAT, params)
    return Renewal(bool(found[0][1])) if found else None


def alive_others(session: Session, *, worker_id: str) -> dict[str, Pulse]:
    """Other live workers: their counters and leases."""
    sql = _dialect(session)
    rows = session.rows(sql.ALIVE, {"worker": sql.written_id(worker_id)})
    return {sql.read_id(id_): Pulse(beat, lease) for id_, beat, lease in rows}


def held(session: Session, *, worker_id: str) -> dict[tuple[str, int], bool]:
    """What this worker runs according to the table, and whether a cancel was asked."""
    sql = _dialect(session)
    rows = session.rows(sql.HELD, {"worker": sql.written_id(worker_id)})
    return {(sql.read_id(id_), attempt): bool(flag) for id_, attempt, flag in rows}


def cancels(session: Session, *, ids: Iterable[str]) -> list[tuple[str, int]]:
    """The running attempts of these tasks of which a cancel was asked."""
    sql = _dialect(session)
    rows = session.rows(sql.CANCELS, {"ids": sql.ids(ids)})
    return [(sql.read_id(id_), attempt) for id_, attempt in rows]


def drain(session: Session, *, worker_id: str) -> list[Changed]:
    """End this incarnation: whatever it still holds goes back, in one transaction."""
    sql = _dialect(session)
    with session.transaction():
        session.rows(sql.LOCK_WORKER, {"worker": sql.written_id(worker_id)})  # a claim in flight has ended
        released = release(session, worker_id=worker_id, held=held(session, worker_id=worker_id))
        session.rows(sql.STOP, {"worker": sql.written_id(worker_id), "now": sql.now()})
    return released
