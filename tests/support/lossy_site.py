"""The site with a channel layer that loses every fifth group message, and counts them in a file."""

from __future__ import annotations

import os
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

from taskqueue_site.settings import *  # noqa: F403 - a site on top of the site
from taskqueue_site.settings import CHANNEL_LAYERS, DATA_DIR

LOST_OF = 5
LOST_FILE = DATA_DIR / "lost-messages"

for layer in CHANNEL_LAYERS.values():
    layer["BACKEND"] = "tests.support.lossy_site.LossyLayer"


class LossyLayer(RedisPubSubChannelLayer):
    sent = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """The second of each five is lost, so that a process's very first one arrives."""
        LossyLayer.sent += 1
        if LossyLayer.sent % LOST_OF == 2:
            with LOST_FILE.open("a") as lost:
                lost.write(f"{os.getpid()}\n")
            return
        await super().group_send(group, message)
