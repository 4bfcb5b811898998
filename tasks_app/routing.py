"""The websocket side of the site: origin, then user, then the one consumer."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from django.urls import path, re_path

from tasks_app.consumers import TaskConsumer
from tasks_app.origin import SameOriginOnly

# Ours first: Channels' own check raises at an Origin that is no address.
websocket_application: Any = SameOriginOnly(
    AllowedHostsOriginValidator(
        AuthMiddlewareStack(
            URLRouter([path("ws/", TaskConsumer.as_asgi()), re_path(r"", WebsocketDenier.as_asgi())])
        )
    )
)
