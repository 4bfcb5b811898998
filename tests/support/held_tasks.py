"""A task function that stays until it is let go, and says which process it runs in."""

from __future__ import annotations

import os
import time
from typing import Any

from tasks_app.compat import task
from tests.support.ledger_tasks import note


@task(takes_context=True)
def stays(context: Any, gate: str) -> None:
    """Noted in the ledger with its process; ends once the file exists."""
    note(context, str(os.getpid()))
    while not os.path.exists(gate):
        time.sleep(0.02)
