"""``python -m benchmarks.beside``: what a worker does for each task beside writing its row.

Counting for the charts, the events of a claim and a finish, the result in Redis: each alone, in batches of
BATCH, with the processor time of this process and of the server. Nobody watches the events.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from uuid_utils.compat import uuid7

from benchmarks.life import NOOP, cpu_ms
from benchmarks.services import ROOT, Services, python, services

BATCH = 200
BATCHES = 50
ROUNDS = 7
Work = Callable[[list[Any]], Awaitable[None]]
"""What is done for a batch of held attempts."""


def held_ones() -> list[Any]:
    from tasks_app.transitions import Claimed
    from worker.held import pack

    made = [
        pack(Claimed(str(uuid7()), 1, 2, 0, NOOP, "default", '{"number": 1}', 0, 0, 1, None))
        for _ in range(BATCH)
    ]
    for held in made:
        held.claimed_at = time.time()
    return made


async def spent(work: Work, server: int) -> tuple[float, float]:
    """Microseconds for each task, here and in the server process."""
    here, there = [], []
    for _ in range(ROUNDS):
        batches = [held_ones() for _ in range(BATCHES)]
        mine, its = time.process_time(), cpu_ms(server)
        for batch in batches:
            await work(batch)
        tasks = BATCH * BATCHES
        here.append((time.process_time() - mine) * 1e6 / tasks)
        there.append((cpu_ms(server) - its) * 1000 / tasks)
    return statistics.median(here), statistics.median(there)


async def measure(redis_pid: int) -> list[tuple[str, float, float]]:
    from tasks_app.conf import get_conf
    from tasks_app.functions import registry
    from tasks_app.live import News, event_of
    from tasks_app.redis_client import RedisLink
    from tasks_app.states import State
    from tasks_app.transitions import Changed, Outcome
    from worker.lanes import Lane
    from worker.outcomes import end_facts
    from worker.tallying import Tallies

    lane, link = Lane("beside"), RedisLink(get_conf().redis_url)
    news, tallies = News(link, None), Tallies(str(uuid.uuid4()), lane)
    [(backend,)] = await lane.run(lambda session: session.rows("SELECT pg_backend_pid()", {}))

    async def count(batch: list[Any]) -> None:
        for held in batch:
            tallies.learn(held, "succeeded", 0.001)

    async def write(batch: list[Any]) -> None:
        await count(batch)
        await tallies.write()

    async def tell(batch: list[Any]) -> None:
        now = datetime.now(UTC)
        for held in batch:
            news.put(
                {
                    "id": held.task.id,
                    "owner_id": None,
                    "revision": 2,
                    "state": "running",
                    "attempt": 1,
                    "function": registry.slug_of(NOOP),
                    "queue": "default",
                    "worker": "n",
                    "started_at": now.isoformat(),
                }
            )
        await news.send_all(0)
        for held in batch:
            row = Changed(held.task.id, 1, State.SUCCEEDED, 3, NOOP, "default", None)
            outcome = Outcome(id=row.id, attempt=1, kind="succeeded", result="1")
            news.put(event_of(row, **end_facts(row, outcome, now), worker="n"))
        await news.send_all(0)

    async def keep(batch: list[Any]) -> None:
        await link.store_results([(held.task.id, 1, "1") for held in batch], 3600)

    found = [
        ("counted for the charts", *await spent(count, backend)),
        ("one write of the counts, for each of 200 tasks", *await spent(write, backend)),
        ("events of a claim and a finish", *await spent(tell, redis_pid)),
        ("the result in Redis", *await spent(keep, redis_pid)),
    ]
    if news.lost:
        raise SystemExit(f"{news.lost} events were not sent")
    await link.close()
    lane.close()
    return found


def beside(servers: Services, folder: str) -> None:
    env = servers.fresh() | {"TASKDECK_DATA_DIR": folder, "TASKDECK_MODULES": "benchmarks.noop_tasks"}
    del env["RABBITMQ_URL"]
    os.environ.update(env | {"DJANGO_SETTINGS_MODULE": "taskqueue_site.settings", "LOG_LEVEL": "WARNING"})
    subprocess.run(python("manage.py", "migrate", "-v", "0"), cwd=ROOT, check=True)
    import django

    django.setup()
    assert servers.redis.process
    rows = asyncio.run(measure(servers.redis.process.pid))
    print("| for each task | µs in the worker | µs in the server |\n|---|---|---|")
    for name, here, there in rows:
        print(f"| {name} | {here:.1f} | {there:.1f} |")
    print(f"load {os.getloadavg()[0]:.1f}")


def main() -> None:
    with services() as servers, tempfile.TemporaryDirectory() as folder:
        beside(servers, folder)


if __name__ == "__main__":
    main()
