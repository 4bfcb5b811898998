"""No statement of the hand-over reads the whole table of tasks, on a PostgreSQL with rows in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks_app.transitions.postgresql import CLAIM_ON
from tests.protocol.plans import Explaining, faults, live_through
from tests.support.databases import Database

ROWS = 20_000
FILL = """
INSERT INTO taskdeck_task (id, function, queue, priority, state, attempt, failures, losses, max_attempts,
       max_losses, last_worker, cancel_requested, created_at, finished_at, revision, arguments)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'f', 'default', 0, 'succeeded', 1, 0,
       0, 1, 3, 'w', false, now() - interval '9 days', now() - interval '9 days', 3, '{}'
  FROM generate_series(1, %(rows)s) AS n
"""


@pytest.fixture
def session(postgres: Database) -> Iterator[Explaining]:
    with postgres.session() as own:
        own.rows("ALTER TABLE taskdeck_task DISABLE TRIGGER USER", {})
        own.rows(FILL, {"rows": ROWS})
        own.rows("ALTER TABLE taskdeck_task ENABLE TRIGGER USER", {})
        own.rows("VACUUM ANALYZE taskdeck_task", {})
        yield Explaining(own)


def test_no_statement_reads_all_tasks(session: Explaining) -> None:
    live_through(session)
    found = {sql: told for sql, plan in session.plans.items() if (told := faults(plan))}
    assert found == {}
    assert len(session.plans) > 20
    assert {*CLAIM_ON[:2]} <= session.plans.keys()


def test_a_missing_index_is_seen(session: Explaining) -> None:
    session.rows("DROP INDEX task_held", {})
    live_through(session)
    assert any(faults(plan) for plan in session.plans.values())
