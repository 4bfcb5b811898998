"""How an error travels from an executor to the recorder."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Sequence
from types import FrameType

import msgpack

TRACEBACK_LIMIT = 16_000
"""Characters, the last ones."""
MESSAGE_LIMIT = 16_000
"""Characters, the first ones: some errors tell the whole of what they could not read."""
_OF_OTHERS = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))


def failure_body(error: BaseException, *, run_seconds: float, delay_seconds: float = 0.0) -> bytes:
    """A msgpack map of what an Outcome holds about a failure, and of the time it ran."""
    message = clean(text_of(error)[:MESSAGE_LIMIT])
    name = type(error).__qualname__
    first_line = next(iter(message.splitlines()), "")
    body: bytes = msgpack.packb(
        {
            "error": clean(f"{name}: {first_line}"[:500].removesuffix(": ")),
            "error_class": clean(f"{type(error).__module__}.{name}".removeprefix("builtins.")),
            "message": message,
            "place": place_of(error),
            "traceback": clean(traceback_of(error)[-TRACEBACK_LIMIT:]),
            "run_seconds": run_seconds,
            "delay_seconds": delay_seconds,
        }
    )
    return body


def text_of(error: BaseException) -> str:
    """What it says of itself; an error that fails at that must not hide what happened, nor its retry."""
    try:
        return str(error)
    except Exception as fault:
        return f"(its text cannot be told: {type(fault).__name__})"


def traceback_of(error: BaseException) -> str:
    """As Python prints it; what it cannot print, as a SyntaxError about bytes, must have an end too."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception as fault:
        return f"(its traceback cannot be told: {type(fault).__name__})"


def place_of(error: BaseException) -> str:
    """Where it was raised: "shop.tasks:42 in charge", "" if it never was."""
    return _own_place(list(traceback.walk_tb(error.__traceback__)))


def place_of_stack(frame: FrameType | None) -> str:
    """Where code is now, in the same words."""
    return _own_place(list(traceback.walk_stack(frame))[::-1] if frame else [])


def _own_place(frames: Sequence[tuple[FrameType, int]]) -> str:
    """The innermost frame outside of the standard library and installed packages, else the innermost of all:
    that is the line its reader can mend.
    """
    own = [(f, line) for f, line in frames if not f.f_code.co_filename.startswith(_OF_OTHERS)]
    if not frames:
        return ""
    frame, line = (own or frames)[-1]
    return clean(f"{frame.f_globals.get('__name__', '?')}:{line} in {frame.f_code.co_name}")


def clean(text: str) -> str:
    """What msgpack and every database can carry: no NUL, no lone surrogates."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
