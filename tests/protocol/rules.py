"""Taking a rule away from the product, in the test process only; and the proof that it was needed.

A test that is marked ``with_and_without_the_rule`` runs twice: with the product as it is, and with one rule
patched away. The second run must go wrong in the way that the rule prevents.
"""

from __future__ import annotations

import re

import pytest

from tasks_app.transitions import DIALECTS
from tests.support.databases import Database

with_and_without_the_rule = pytest.mark.parametrize(
    "is_kept", [True, False], ids=["with-the-rule", "without"]
)

LIVE_OWNER = (
    r"\s+AND EXISTS \(SELECT 1 FROM (me|taskdeck_worker WHERE id = %\(worker\)s AND state = 'alive')\)"
)
STILL_WAITS = r"(t\.)?state \|\| '' = 'queued'"
KNOWN = (
    r"(t\.)?function (= ANY\(%\(functions\)s::text\[\]\)"
    r"|IN \(SELECT value FROM json_each\(%\(functions\)s\)\))"
)
FENCE_ATTEMPT = r" AND (\w+)\.attempt = o\.attempt"
FENCE_WORKER = r" +AND (\w+)\.worker_id = %\(worker\)s(::uuid)?"
CANCEL_WINS = r"WHEN (t\.)?cancel_requested THEN 'cancelled'"
NO_FURTHER_TRY = r" AND NOT (t\.)?cancel_requested"


def rewrite(
    patch: pytest.MonkeyPatch, database: Database, statement: str, pattern: str, replacement: str
) -> None:
    """Change one statement of the product. A pattern that is not there is a fault of the test."""
    dialect = DIALECTS[database.vendor]
    text, count = re.subn(pattern, replacement, getattr(dialect, statement))
    assert count, f"{statement} has no {pattern}"
    patch.setattr(dialect, statement, text)
