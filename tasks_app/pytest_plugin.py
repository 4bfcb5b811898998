"""What pytest offers by itself where Taskdeck is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def run_queued_tasks(db: None) -> Callable[..., list[Any]]:
    """``tasks_app.testing.run_queued_tasks``, with the test database of pytest-django."""
    from tasks_app.testing import run_queued_tasks  # needs Django's settings, which pytest-django loads later

    return run_queued_tasks
