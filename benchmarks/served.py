"""Web sites under load: the same gunicorn for each, a database and a queue of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pika
import psycopg

from benchmarks.services import ROOT, Services, cpu_seconds, python, running
from tests.support.processes import free_port, wait_until

PROCESSES, THREADS = 2, 4
"""Threads, because one that waits for a commit, a confirm or a connection should not keep a process idle."""
LOOK_EVERY_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """``queue`` and, where rows are kept, ``count_rows`` hold as many tasks as were accepted."""

    name: str
    application: str
    settings: str
    queue: str
    count_rows: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """One slice. ``rate`` of tasks accepted and in the queue; ``cpu_us`` of site and servers for each."""

    rate: float
    cpu_us: float
    site_cpu_us: float
    """Of it, without the servers."""
    client_share: float
    """Of one processor, used by the client."""
    load: float


class Served:
    def __init__(
        self, site: Site, env: dict[str, str], servers: Services, port: int, pids: list[int], token: str
    ) -> None:
        self._site, self._env, self._servers = site, env, servers
        self._port, self._pids, self._token = port, pids, token
        self._accepted = 0

    def sessions(self) -> int:
        """Connections made to the site's database since it exists."""
        query = "SELECT sessions FROM pg_stat_database WHERE datname = %s"
        name = self._env["DATABASE_URL"].rpartition("/")[2].partition("?")[0]
        with psycopg.connect(self._servers.postgresql.url) as connection:
            row = connection.execute(query, [name]).fetchone()
        if row is None:
            raise SystemExit(f"PostgreSQL has no database {name}")
        return int(row[0])

    def slice(self, path: str, body: str, seconds: float, tasks: int) -> Load:
        """Post ``body``, of so many ``tasks``, for some seconds, and wait until all are in the queue.

        Raises SystemExit when a task is missing.
        """
        before, before_servers = cpu_seconds(self._pids), cpu_seconds(self._servers.pids())
        arguments = [str(self._port), path, self._token, str(seconds), body]
        said = json.loads(output("-m", "benchmarks.load_client", *arguments, env=self._env))
        ended = time.perf_counter()
        accepted = said["accepted"] * tasks
        self._accepted += accepted
        wait_for_messages(self._env, self._site.queue, self._accepted)
        took = said["seconds"] + time.perf_counter() - ended
        self._verify_rows()
        site = cpu_seconds(self._pids) - before
        used = site + cpu_seconds(self._servers.pids()) - before_servers
        return Load(
            rate=accepted / took,
            cpu_us=1e6 * used / accepted,
            site_cpu_us=1e6 * site / accepted,
            client_share=round(said["cpu_seconds"] / said["seconds"], 3),
            load=os.getloadavg()[0],
        )

    def _verify_rows(self) -> None:
        if not self._site.count_rows:
            return
        with psycopg.connect(self._env["DATABASE_URL"]) as connection:
            row = connection.execute(self._site.count_rows).fetchone()
        if row is None or row[0] != self._accepted:
            raise SystemExit(f"{self._site.name}: {row} rows of {self._accepted} accepted tasks")


def output(*arguments: str, env: dict[str, str]) -> str:
    """The last line that a Python process prints."""
    ended = subprocess.run(
        python(*arguments), env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return ended.stdout.splitlines()[-1]


def wait_for_messages(env: dict[str, str], queue: str, count: int) -> None:
    """Until the queue holds ``count`` messages, by passive declare."""
    with pika.BlockingConnection(pika.URLParameters(env["RABBITMQ_URL"])) as connection:
        channel = connection.channel()

        def depth() -> int:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

        deadline = time.monotonic() + 60
        while (found := depth()) < count:
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_EVERY_SECONDS)
        if found != count:
            raise SystemExit(f"{queue} holds {found} messages of {count} accepted tasks")


@contextlib.contextmanager
def served(site: Site, servers: Services) -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | servers.fresh() | {"TASKDECK_DATA_DIR": folder, "LOG_LEVEL": "WARNING"}
        env |= {"TASKDECK_MODULES": "benchmarks.noop_tasks", "CELERY_RESULTS": servers.redis.url}
        token = ""
        if site.settings:
            env["DJANGO_SETTINGS_MODULE"] = site.settings
            token = output("-m", "benchmarks.submit_token", env=env)
        port = free_port()
        command = python(
            *("-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket"),
            *("--workers", str(PROCESSES), "--worker-class", "gthread", "--threads", str(THREADS)),
            *("--keep-alive", "60", "--log-level", "warning", site.application),
        )
        log = Path(folder) / "gunicorn.log"
        with running([command], env, log) as pids:
            wait_until(lambda: answers(port), seconds=30, what=f"{site.name} answers")
            yield Served(site, env, servers, port, pids, token)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
