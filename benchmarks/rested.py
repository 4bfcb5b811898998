"""``python -m benchmarks.rested``: what the single steps of a lone task cost by the clock in an idle system.

Each step is timed after a rest of every process, and in other turns soon after the one before. The statements
are timed without ``synchronous_commit`` as well, for the comparison only: the difference is the disk.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import IO, Any, TypeVar

import redis

from benchmarks.life import Life, life
from benchmarks.services import services

TURNS = 150
RESTS_SECONDS = (0.02, 0.002)
BLOCK = b"x" * 8192
"""PostgreSQL writes its log in blocks of so many bytes."""
T = TypeVar("T")


class Turn:
    """The steps of one task, one after the other; milliseconds by name of the step."""

    def __init__(self, rest_seconds: float) -> None:
        self._rest_seconds = rest_seconds
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def run(self, one: Life, client: redis.Redis, file: IO[bytes]) -> None:
        self._time("8 KiB written, and `fdatasync`", lambda: write(file))
        self._time("Redis, `GET`", lambda: client.get("nothing"))
        self._time("PostgreSQL, `SELECT 1`", lambda: one.session.rows("SELECT 1", {}))
        for setting, note in (("off", ", not durable"), ("on", "")):
            one.session.rows(f"SET synchronous_commit = {setting}", {})
            ids = self._time(f"insert of a task{note}", lambda: one.store(1))
            claimed = self._claim(one, ids, note)
            self._finish(one, claimed, note)

    def _claim(self, one: Life, ids: list[str], note: str) -> list[Any]:
        return self._time(f"its claim by id{note}", lambda: one.claim_ids(ids))

    def _finish(self, one: Life, claimed: list[Any], note: str) -> None:
        self._time(f"its finish{note}", lambda: one.finish(claimed))

    def _time(self, name: str, step: Callable[[], T]) -> T:
        time.sleep(self._rest_seconds)
        started = time.perf_counter()
        found = step()
        self.times[name].append(1000 * (time.perf_counter() - started))
        return found


def write(file: IO[bytes]) -> None:
    os.pwrite(file.fileno(), BLOCK, 0)
    os.fdatasync(file.fileno())


def main() -> None:
    turns = [Turn(seconds) for seconds in RESTS_SECONDS]
    with services() as servers, tempfile.NamedTemporaryFile() as file:
        os.environ.update(servers.fresh() | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings"})
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        one, client = life(os.environ["DATABASE_URL"]), redis.Redis.from_url(servers.redis.url)
        for _ in range(TURNS):
            for turn in turns:
                turn.run(one, client, file)
        one.session.close()
    rests = " | ".join(f"after {1000 * seconds:g} ms of rest" for seconds in RESTS_SECONDS)
    print(f"| step, ms (p50 of {TURNS}) | {rests} |\n|---|{'---|' * len(turns)}")
    for name in turns[0].times:
        print(f"| {name} | {' | '.join(f'{statistics.median(turn.times[name]):.2f}' for turn in turns)} |")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
