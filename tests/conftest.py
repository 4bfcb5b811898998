"""Fixtures every test can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tasks_app.conf import get_conf
from tasks_app.embedded import EmbeddedValkey


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
