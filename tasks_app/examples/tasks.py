"""Four functions to try Taskdeck with, from one field to a picture."""

from __future__ import annotations

import logging
import struct
import zlib
from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from tasks_app.compat import task
from tasks_app.media import Media

log = logging.getLogger(__name__)


@task()
def fibonacci(number: Annotated[int, Field(ge=0, le=40)]) -> int:
    """The n-th Fibonacci number, by the naive recursion: slow on purpose."""
    return _fibonacci(number)


def _fibonacci(number: int) -> int:
    return number if number < 2 else _fibonacci(number - 1) + _fibonacci(number - 2)


@task(takes_context=True)
def count_primes(
    context: Any,
    start: Annotated[int, Field(ge=0, le=10_000_000)] = 0,
    stop: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000,
) -> dict[str, int]:
    """Count the primes from start up to, not including, stop."""
    found = largest = 0
    for number in range(start, stop):
        if number % 1000 == 0:
            context.progress(number - start, max(stop - start, 1), "Counting")
        if number % 10_000 == 0:
            log.info("%d primes from %d to %d", found, start, number)
        if number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            found, largest = found + 1, number
    if not found:
        log.warning("there is no prime from %d to %d", start, stop)
    return {"primes": found, "largest": largest}


@task()
def text_report(text: Annotated[str, Field(min_length=1, max_length=200_000)]) -> list[dict[str, Any]]:
    """The twenty most frequent words of a text, with their share."""
    words = [word.strip(".,;:!?()[]\"'").lower() for word in text.split()]
    counts = Counter(word for word in words if word)
    total = sum(counts.values())
    return [
        {"word": word, "count": count, "share": round(count / total, 4)}
        for word, count in counts.most_common(20)
    ]


@task(takes_context=True)
def mandelbrot(
    context: Any,
    width: Annotated[int, Field(ge=16, le=800)] = 320,
    iterations: Annotated[int, Field(ge=8, le=500)] = 80,
) -> Media:
    """A picture of the Mandelbrot set."""
    height = width * 3 // 4
    rows = []
    for y in range(height):
        context.progress(y, height, "Drawing")
        row = bytearray([0])
        for x in range(width):
            c = complex(-2.2 + 3.0 * x / width, -1.15 + 2.3 * y / height)
            z, steps = 0j, 0
            while abs(z) <= 2 and steps < iterations:
                z, steps = z * z + c, steps + 1
            shade = 0 if steps == iterations else 255 - int(215 * (steps / iterations) ** 0.5)
            row += bytes((shade // 3, shade // 2, shade))
        rows.append(bytes(row))
    return Media(_png(width, height, b"".join(rows)), "image/png")


def _png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels, 9))
        + chunk(b"IEND", b"")
    )
