"""Of a refused body enough is read that a proxy in front gets to see the answer."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from tasks_app.api.limits import BodyLimitMiddleware

LIMIT = 256 * 1024
MIB = 1024 * 1024


def refused(stream: BytesIO, **environ: str | bool) -> int:
    """What the middleware answers to the body in this stream."""

    def reached(request: object) -> HttpResponse:
        raise AssertionError("the view was reached")

    base = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/tasks/", "wsgi.input": stream}
    return BodyLimitMiddleware(reached)(WSGIRequest({**base, **environ})).status_code


@pytest.mark.parametrize(("size", "read"), [(LIMIT + 1, LIMIT + 1), (MIB, MIB), (3 * MIB, MIB)])
def test_an_announced_body_is_read_up_to_four_times_the_limit(size: int, read: int) -> None:
    stream = BytesIO(b"x" * size)
    assert refused(stream, CONTENT_LENGTH=str(size)) == 413
    assert stream.tell() == read


def test_a_chunked_body_is_read_on_as_well() -> None:
    stream = BytesIO(b"x" * MIB)
    assert refused(stream, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True}) == 413
    assert stream.tell() == MIB


def test_a_client_that_went_away_is_no_error() -> None:
    class Gone(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    assert refused(Gone(), CONTENT_LENGTH=str(MIB)) == 413
