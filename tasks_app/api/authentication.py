"""API tokens by knox, looked up once in ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

CACHE_SECONDS = 10.0
MOST_CACHED = 1000


@dataclass(frozen=True, slots=True)
class _Known:
    user: Any
    token: Any
    expiry: datetime | None
    read_at: float


class TokenCache:
    """Tokens found valid, by digest. A revoked token is refused after CACHE_SECONDS at the latest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def get(self, digest: str) -> tuple[Any, Any] | None:
        known = self._known.get(digest)
        if known is None or self._clock() - known.read_at > CACHE_SECONDS:
            return None
        if known.expiry is not None and known.expiry < timezone.now():
            return None
        return known.user, known.token

    def put(self, digest: str, user: Any, token: Any) -> None:
        if len(self._known) >= MOST_CACHED:
            self._known.clear()
        self._known[digest] = _Known(user, token, token.expiry, self._clock())

    def forget(self, digest: str) -> None:
        self._known.pop(digest, None)


token_cache = TokenCache()


class TokenAuthentication(KnoxAuthentication):  # type: ignore[misc]
    """``Authorization: Token …``; knox alone would ask the database twice a request."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        try:
            digest = hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed("Invalid token.") from None
        found = token_cache.get(digest)
        if found is None:
            found = super().authenticate_credentials(token)
            token_cache.put(digest, *found)
        return found


class QuietBasicAuthentication(BasicAuthentication):
    """For fetching a token with a password, without making browsers ask for one."""

    def authenticate_header(self, request: Request) -> str:
        return "Token"

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        if "\x00" in userid:  # PostgreSQL cannot even look for it
            raise AuthenticationFailed("Invalid username/password.")
        return super().authenticate_credentials(userid, password, request)
