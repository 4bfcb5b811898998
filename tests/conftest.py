"""Fixtures every test can ask for."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tasks_app.conf import get_conf
from tasks_app.embedded import EmbeddedValkey
from tests.support.machine import Up
from tests.support.processes import marked_processes


@pytest.fixture(scope="session", autouse=True)
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this test run's own, so that no test touches one that a developer uses."""
    data_dir: Path = tmp_path_factory.mktemp("valkey")
    valkey = EmbeddedValkey(data_dir)
    valkey.start()
    settings.REDIS_URL = valkey.url
    settings.TASKDECK = {**settings.TASKDECK, "REDIS_URL": valkey.url}
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": valkey.url}]},
        }
    }
    get_conf.cache_clear()
    try:
        yield valkey.url
    finally:
        valkey.stop()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    yield running
    for pid in marked_processes(running.marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.process.wait(10)


def assert_all_are_running(up: Up) -> None:
    lines = list(marked_processes(up.marker).values())
    for part in ("manage.py up", "daphne", "valkey-server"):
        assert sum(part in line for line in lines) == 1, lines
    assert sum("runworker" in line for line in lines) == 3, lines  # guard, supervisor, one executor
