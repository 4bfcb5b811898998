"""How events reach the group of those who watch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import get_channel_layer
from django.conf import settings

from tasks_app.redis_client import RedisLink
from tasks_app.wire import GROUP, GroupMessage

PUB_SUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
Send = Callable[[GroupMessage], Awaitable[None]]


def sender_to_watchers(link: RedisLink | None) -> Send | None:
    """None where nobody can watch: without Redis, or without a channel layer.

    The pub-sub layer with no further options would PUBLISH what ``link`` publishes as well, but brings
    cryptography into a process that only sends: 9 MiB. Any other layer, and any option, is the layer's own.
    """
    given: dict[str, Any] | None = getattr(settings, "CHANNEL_LAYERS", {}).get(DEFAULT_CHANNEL_LAYER)
    if link is None or given is None:
        return None
    if given["BACKEND"] == PUB_SUB and given.get("CONFIG") in plain_configs(link.url):
        return partial(link.send_to_group, GROUP)
    return partial(get_channel_layer().group_send, GROUP)


def plain_configs(url: str) -> list[dict[str, Any]]:
    """The ways to write a layer's CONFIG that names one server and nothing else."""
    return [{"hosts": [url]}, {"hosts": [{"address": url}]}]
