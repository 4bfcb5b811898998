"""Submit tasks of 1 ms, 100 ms and 5 s at the same instants for each side: ``taskdeck`` or ``celery``."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator

SECONDS = 12
LONG_AT = (0.5, 6.0)  # one at a time: one of the two workers is always free for the rest
SHORT_PER_SECOND = 3.0
MIDDLE_PER_SECOND = 1.0
SEED = 7


def arrivals() -> list[tuple[float, int]]:
    """(seconds from the start, milliseconds of work), in order."""
    chance = random.Random(SEED)
    found = [(at, 5000) for at in LONG_AT]
    for rate, length in ((SHORT_PER_SECOND, 1), (MIDDLE_PER_SECOND, 100)):
        found += [(at, length) for at in instants(chance, rate)]
    return sorted(found)


def instants(chance: random.Random, rate: float) -> Iterator[float]:
    at = chance.expovariate(rate)
    while at < SECONDS:
        yield at
        at += chance.expovariate(rate)


def submitter(side: str) -> Callable[[int], None]:
    if side == "celery":
        from benchmarks.peers.celery_app import pause

        return lambda length: pause.apply_async((length, time.time()), ignore_result=False) and None
    import django

    django.setup()
    from benchmarks.timed_tasks import pause as ours

    return lambda length: ours.enqueue(length, time.time()) and None


def main(side: str) -> None:
    submit = submitter(side)
    for _ in range(2):  # both workers run, and know how long the functions take
        for length in (1, 100):
            submit(length)
    time.sleep(1)
    started = time.monotonic()
    for at, length in arrivals():
        time.sleep(max(0.0, started + at - time.monotonic()))
        submit(length)


if __name__ == "__main__":
    main(sys.argv[1])
