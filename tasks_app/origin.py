"""The websocket's origin: only this site's own pages may listen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings

Application = Callable[[Any, Any, Any], Awaitable[Any]]


class SameOriginOnly:
    """Refuse a handshake whose Origin is not the host and port it was sent to, nor a trusted origin.

    ALLOWED_HOSTS alone looks at the host: another program's page on another port of this machine
    would pass. Browsers always send Origin on a websocket handshake (RFC 6455, section 4.1).
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        if _host_of(origin) == headers.get(b"host", "") or origin in settings.CSRF_TRUSTED_ORIGINS:
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def _host_of(origin: str) -> str | None:
    """With its port; None of what is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
