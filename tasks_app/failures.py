"""How an error travels from an executor to the recorder."""

from __future__ import annotations

import traceback

import msgpack

TRACEBACK_LIMIT = 16_000
"""Characters, the last ones."""


def failure_body(error: BaseException, *, run_seconds: float, delay_seconds: float = 0.0) -> bytes:
    """A msgpack map of what an Outcome holds about a failure, and of the time it ran."""
    message = clean(str(error))
    name = type(error).__qualname__
    first_line = next(iter(message.splitlines()), "")
    body: bytes = msgpack.packb(
        {
            "error": f"{name}: {first_line}"[:500].removesuffix(": "),
            "error_class": f"{type(error).__module__}.{name}".removeprefix("builtins."),
            "message": message,
            "traceback": clean("".join(traceback.format_exception(error))[-TRACEBACK_LIMIT:]),
            "run_seconds": run_seconds,
            "delay_seconds": delay_seconds,
        }
    )
    return body


def clean(text: str) -> str:
    """What msgpack and every database can carry: no NUL, no lone surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
