"""How large a request body may be, whichever way its length is told."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from django.http import HttpRequest, HttpResponseBase

from tasks_app.api.parsers import most_body_bytes
from tasks_app.api.problems import answer, problem_of
from tasks_app.errors import BodyTooLarge

PIECE_BYTES = 64 * 1024
DISCARDED_TIMES = 4
"""Of a refused body, this many times the limit are read and thrown away.

A server that closes a connection with unread bytes resets it, and a proxy that is still sending then
sees a broken site instead of the answer. What is larger still, the proxy refuses by itself.
"""


class BodyLimitMiddleware:
    """Refuse large bodies with 413 in JSON, before Django's own limit answers 400 in HTML."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = most_body_bytes(request.path)
        try:
            if _announced_bytes(request) > limit:
                _discard(request.read, limit * DISCARDED_TIMES)
                raise BodyTooLarge(limit)
            if "Transfer-Encoding" in request.headers:
                _take_in_chunked(request, limit)
        except BodyTooLarge as error:
            return answer(request, problem_of(error))
        return self.get_response(request)


def _announced_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _take_in_chunked(request: Any, limit: int) -> None:
    """Read a body of unknown length, and give it one: DRF takes a request without length for empty."""
    environ = getattr(request, "environ", {})
    terminated = environ.get("wsgi.input_terminated", False)
    source: IO[bytes] = environ["wsgi.input"] if terminated else request._stream
    body = source.read(limit + 1)
    if len(body) > limit:
        _discard(source.read, limit * DISCARDED_TIMES)
        raise BodyTooLarge(limit)
    request._stream = BytesIO(body)
    request.META["CONTENT_LENGTH"] = str(len(body))


def _discard(read: Callable[[int], bytes], most_bytes: int) -> None:
    while most_bytes > 0:
        try:
            piece = read(min(most_bytes, PIECE_BYTES))
        except OSError:  # the client has gone: nobody waits for the answer
            return
        if not piece:
            return
        most_bytes -= len(piece)
