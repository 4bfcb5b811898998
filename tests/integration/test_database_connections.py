"""PostgreSQL connections of the web processes: kept under gunicorn, bounded under daphne, READ COMMITTED."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import RemoteDisconnected

import psycopg
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.support.deployment import Deployment, fetch
from tests.support.processes import wait_until
from tests.support.servers import Home

POOL = 8  # as taskqueue_site/asgi.py asks for
SERIALIZABLE = "ALTER DATABASE {} SET default_transaction_isolation TO 'serializable'"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
ENTRIES = {"web": "taskqueue_site.wsgi", "live": "taskqueue_site.asgi"}
READ_LEVEL = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SHOW transaction_isolation")
    print("level:", cursor.fetchone()[0])
"""


@pytest.fixture
def site(home: Home, database_url: str) -> Iterator[Deployment]:
    """A database of this test's own; broker and Valkey are away, which a web process survives."""
    variables = {"POSTGRES_PASSWORD": "unused", "TASKDECK_ANONYMOUS": "operate", "WEB_CONCURRENCY": "2"}
    deployment = Deployment(home, {}, variables)
    for name in ("web", "live"):
        deployment.services[name]["environment"]["DATABASE_URL"] = database_url
    yield deployment
    deployment.stop_all()


Backends = Callable[[], set[int]]


@pytest.fixture
def backends(database_url: str) -> Iterator[Backends]:
    """The server processes that serve this database, apart from the one that answers.

    One connection asks always: the process of a closed one stays for a moment and would be counted.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:

        def look() -> set[int]:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return {pid for (pid,) in rows}

        yield look


def ask_often(url: str, times: int) -> set[int]:
    """Many requests at once that read from the database; their statuses."""
    with ThreadPoolExecutor(24) as threads:
        return set(threads.map(lambda _: fetch(f"{url}/api/tasks/")[0], range(times)))


def test_gunicorn_keeps_one_connection_per_process(site: Deployment, backends: Backends) -> None:
    site.start("web")
    assert ask_often(site.url("web"), 50) == {200}
    before = backends()
    assert ask_often(site.url("web"), 200) == {200}
    after = backends()
    assert 1 <= len(before) <= len(after) <= 2
    assert before <= after


def test_daphne_never_has_more_than_its_pool(site: Deployment, backends: Backends) -> None:
    site.start("live")
    most = 0
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask_often, site.url("live"), 300)
        while not asking.done():
            most = max(most, len(backends()))
        assert asking.result() == {200}
    assert 1 <= most <= POOL
    assert 1 <= len(backends()) <= POOL


def test_daphne_ends_with_an_open_socket_and_a_request_under_way(site: Deployment, database_url: str) -> None:
    """Its event loop stops with the socket; a request that goes back to the loop would wait for ever."""
    site.start("live")
    with psycopg.connect(database_url) as writer, ThreadPoolExecutor(1) as thread:
        writer.execute("LOCK TABLE taskdeck_task")
        asking = thread.submit(fetch, f"{site.url('live')}/api/tasks/")
        with (
            psycopg.connect(database_url, autocommit=True) as looker,
            connect(f"{site.url('live').replace('http', 'ws')}/ws/", origin=Origin(site.url("live"))),
        ):
            wait_until(lambda: looker.execute(WAITING).fetchone() == (1,), seconds=60, what="a request waits")
            site.processes["live"].terminate()
            with pytest.raises((ConnectionError, RemoteDisconnected)):
                asking.result(30)
            writer.rollback()
            assert site.processes["live"].wait(60) == 0


@pytest.mark.parametrize("name", ["web", "live"])
def test_the_isolation_is_read_committed_whatever_the_database_says(
    site: Deployment, database_url: str, name: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SERIALIZABLE.format(database_url.rpartition("/")[2]))  # type: ignore[arg-type]
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("serializable",)
    answer = site.call(name, ["python", "-c", f"import {ENTRIES[name]}\n{READ_LEVEL}"])
    assert "level: read committed" in answer.stdout, answer.stderr
