"""Requests that may be sent again: the same key and the same body are answered as before, for a day.

After the draft of the HTTP API working group, draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from tasks_app.errors import FieldError, IdempotencyConflict, InvalidArguments
from tasks_app.models import IdempotencyKey

KEPT = timedelta(hours=24)
MOST_LETTERS = 255
FORGOTTEN_AT_ONCE = 20
HEADER = "Idempotency-Key"


def once(
    act: Callable[[], dict[str, Any]], *, owner_id: int | None, key: str | None, request: Any
) -> dict[str, Any]:
    """What ``act`` returns, a JSON document, or what it returned when the owner sent this key before.

    ``request`` is what must be the same again. One transaction holds the key and what ``act`` stores, so a
    call that comes meanwhile waits for the first. Raises InvalidArguments for a bad key, IdempotencyConflict
    for another request under it, and what ``act`` raises.
    """
    if key is None:
        return act()
    if not 0 < len(key) <= MOST_LETTERS or not key.isascii() or not key.isprintable():
        message = f"must have 1 to {MOST_LETTERS} printable ASCII characters"
        raise InvalidArguments([FieldError(HEADER, message)])
    now = datetime.now(UTC)
    digest, body = _digest(f"{owner_id or 0}:{key}"), _digest(json.dumps(request, sort_keys=True))
    with transaction.atomic():
        _forget(now)
        kept, is_new = IdempotencyKey.objects.get_or_create(
            digest=digest, defaults={"body": body, "created_at": now}
        )
        if not is_new:
            if kept.body != body:
                raise IdempotencyConflict(key)
            return dict(kept.answer)
        kept.answer = act()
        kept.save(update_fields=["answer"])
    return dict(kept.answer)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _forget(now: datetime) -> None:
    """A few of the expired; each new key makes room for more than itself."""
    expired = IdempotencyKey.objects.filter(created_at__lt=now - KEPT).order_by("created_at")
    if old := list(expired.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        IdempotencyKey.objects.filter(pk__in=old).delete()
