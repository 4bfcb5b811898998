"""Who takes part: how each queues no-ops, works them off with two processes, and proves what it stored."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import psycopg
import redis

WARM_UP = 0.25  # of the tasks run before the clock starts
TASKDECK = "taskqueue_site.settings"
TASKS_DB = "benchmarks.peers.django_tasks_db_settings"
CELERY = "benchmarks.peers.celery_settings"
WORKER = ("manage.py", "runworker", "--concurrency", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """``stored`` counts results cheaply and often; ``verify`` proves at the end that each one is kept."""

    name: str
    label: str
    count: int
    settings: str = ""
    enqueue: tuple[str, ...]
    workers: tuple[tuple[str, ...], ...]
    stored: Callable[[dict[str, str]], int]
    verify: Callable[[dict[str, str], int], None]
    env: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    is_embedded: bool = False


# How results are counted


def redis_keys(env: dict[str, str]) -> int:
    with redis.Redis.from_url(env["REDIS_URL"]) as client:
        return int(client.dbsize())


def huey_results(env: dict[str, str]) -> int:
    with redis.Redis.from_url(env["REDIS_URL"]) as client:
        return int(client.hlen("huey.results.peer"))


def raw_seen(env: dict[str, str]) -> int:
    with redis.Redis.from_url(env["REDIS_URL"]) as client:
        return int(client.get("seen") or 0)


def rows(query: str) -> Callable[[dict[str, str]], int]:
    def count(env: dict[str, str]) -> int:
        url = env["DATABASE_URL"]
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as found:
                return int(found.execute(query).fetchone()[0])
        row = watcher(url).execute(query).fetchone()
        return int(row[0]) if row else 0

    return count


@cache
def watcher(url: str) -> psycopg.Connection[tuple[int]]:
    """Kept until the servers end: a login for each look would take its processor time from who is watched."""
    return psycopg.connect(url, autocommit=True)


TASKDECK_ROWS = rows("SELECT count(*) FROM taskdeck_task WHERE state = 'succeeded' AND result IS NOT NULL")
TASKS_DB_ROWS = rows(
    "SELECT count(*) FROM django_tasks_database_dbtaskresult"
    " WHERE status = 'SUCCESSFUL' AND return_value IS NOT NULL"
)
CELERY_ROWS = rows("SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'")


def each(*counters: Callable[[dict[str, str]], int]) -> Callable[[dict[str, str], int], None]:
    """Every place holds all results."""

    def verify(env: dict[str, str], count: int) -> None:
        for counter in counters:
            if (found := counter(env)) != count:
                raise SystemExit(f"{found} of {count} results are stored")

    return verify


def by_message(env: dict[str, str], count: int) -> None:
    """All results, and every claim by message but those in the warm-up."""
    each(redis_keys, TASKDECK_ROWS)(env, count)
    deadline = time.monotonic() + 10
    claims = rows("SELECT coalesce(sum(claims_by_message), 0) FROM taskdeck_worker")
    while claims(env) < (1 - WARM_UP) * count:  # the counter follows with the heartbeat
        if time.monotonic() > deadline:
            raise SystemExit(f"only {claims(env)} of {count} tasks were claimed by message")
        time.sleep(0.2)


CELERY_WORKER = (
    *("-m", "celery", "-A", "benchmarks.peers.celery_app", "worker", "--concurrency", "2"),
    *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
)

CONTESTANTS = [
    Contestant(
        name="taskdeck_message",
        label="Taskdeck by message (quorum queue), row and Redis result",
        count=60_000,
        settings=TASKDECK,
        enqueue=("-m", "benchmarks.enqueue_noops"),
        workers=(WORKER,),
        stored=redis_keys,
        verify=by_message,
        env=(("TASKDECK_DIRECT_CLAIM_SECONDS", "30"),),
    ),
    Contestant(
        name="taskdeck_direct",
        label="Taskdeck by direct claim, row and Redis result",
        count=60_000,
        settings=TASKDECK,
        enqueue=("-m", "benchmarks.enqueue_noops"),
        workers=(WORKER,),
        stored=redis_keys,
        verify=each(redis_keys, TASKDECK_ROWS),
        without=("RABBITMQ_URL",),
    ),
    Contestant(
        name="bare_pika",
        label="bare pika pair, prefetch 1, Redis SET (the original design)",
        count=8_000,
        enqueue=("-m", "benchmarks.peers.bare_pika", "publish"),
        workers=(("-m", "benchmarks.peers.bare_pika", "work"),) * 2,
        stored=redis_keys,
        verify=each(redis_keys),
    ),
    Contestant(
        name="celery_redis",
        label="Celery in Django, RabbitMQ, Redis results",
        count=4_000,
        settings=CELERY,
        enqueue=("-m", "benchmarks.peers.celery_app"),
        workers=(CELERY_WORKER,),
        stored=redis_keys,
        verify=each(redis_keys),
        env=(("CELERY_RESULTS", "redis"),),
    ),
    Contestant(
        name="raw_pika",
        label="one pika consumer, prefetch 256, multiple acks, nothing stored",
        count=60_000,
        enqueue=("-m", "benchmarks.peers.bare_pika", "publish"),
        workers=(("-m", "benchmarks.peers.bare_pika", "raw", "60000"),),
        stored=raw_seen,
        verify=each(raw_seen),
    ),
    Contestant(
        name="celery_postgres",
        label="Celery in Django, RabbitMQ, PostgreSQL results, connections reused",
        count=2_000,
        settings=CELERY,
        enqueue=("-m", "benchmarks.peers.celery_app"),
        workers=(CELERY_WORKER,),
        stored=CELERY_ROWS,
        verify=each(CELERY_ROWS),
        env=(("CELERY_RESULTS", "django-db"),),
    ),
    Contestant(
        name="dramatiq",
        label="Dramatiq, RabbitMQ, Redis results, 8 threads",
        count=8_000,
        enqueue=("-m", "benchmarks.peers.dramatiq_app"),
        workers=(("-m", "dramatiq", "benchmarks.peers.dramatiq_app", "--processes", "2", "--threads", "8"),),
        stored=redis_keys,
        verify=each(redis_keys),
    ),
    Contestant(
        name="huey",
        label="Huey, Redis, no acknowledgements",
        count=8_000,
        enqueue=("-m", "benchmarks.peers.huey_app"),
        workers=(
            ("-m", "huey.bin.huey_consumer", "benchmarks.peers.huey_app.huey", "-w", "2", "-k", "process"),
        ),
        stored=huey_results,
        verify=each(huey_results),
    ),
    Contestant(
        name="django_tasks_db",
        label="django-tasks-db, PostgreSQL",
        count=2_000,
        settings=TASKS_DB,
        enqueue=("-m", "benchmarks.enqueue_noops"),
        workers=(("-m", "django", "db_worker", "--interval", "0.01"),) * 2,
        stored=TASKS_DB_ROWS,
        verify=each(TASKS_DB_ROWS),
    ),
    Contestant(
        name="taskdeck_sqlite",
        label="Taskdeck embedded: SQLite and Valkey",
        count=60_000,
        settings=TASKDECK,
        enqueue=("-m", "benchmarks.enqueue_noops"),
        workers=(WORKER,),
        stored=redis_keys,
        verify=each(redis_keys, TASKDECK_ROWS),
        is_embedded=True,
    ),
    Contestant(
        name="django_tasks_db_sqlite",
        label="django-tasks-db, SQLite",
        count=1_000,
        settings=TASKS_DB,
        enqueue=("-m", "benchmarks.enqueue_noops"),
        workers=(("-m", "django", "db_worker", "--interval", "0.01"),) * 2,
        stored=TASKS_DB_ROWS,
        verify=each(TASKS_DB_ROWS),
        is_embedded=True,
    ),
]
