"""The tests' own servers: they start, break, come back and never outlive the test run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from tests.support.machine import ROOT
from tests.support.processes import FIRST_EPHEMERAL_PORT, marked_processes, wait_until
from tests.support.servers import MissingServer, PostgreSQL, RabbitMQ, RabbitMQCommandError, Redis, Server
from tests.support.servers.common import accepts, program

START_ALL = """
import sys
from tests.support.servers import Home, PostgreSQL, RabbitMQ, Redis
home = Home()
for kind in (Redis, PostgreSQL, RabbitMQ):
    kind(home).start()
print(home.marker, home.directory, flush=True)
sys.stdin.read()
"""


def assert_goes_and_comes_back(server: Server) -> None:
    for end in (server.stop, server.kill):
        end()
        assert not server.is_running
        assert not accepts(server.port)
        server.start()
        assert accepts(server.port)


def test_redis_goes_and_comes_back_empty(redis_server: Redis) -> None:
    with redis_server.client() as client:
        client.set("a", "b")
        redis_server.flush()
        assert client.get("a") is None
        client.set("a", "b")
    assert_goes_and_comes_back(redis_server)
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("a") is None


def test_postgresql_goes_and_comes_back_with_its_rows(postgresql: PostgreSQL, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SELECT count(*) FROM taskdeck_task").fetchone() == (0,)
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (7)")
    assert_goes_and_comes_back(postgresql)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_rabbitmq_goes_and_comes_back_with_its_queues(rabbitmq: RabbitMQ) -> None:
    vhost = rabbitmq.fresh_vhost()
    declare = f"""
        Name = rabbit_misc:r(<<"{vhost}">>, queue, <<"kept">>),
        {{new, _}} = rabbit_amqqueue:declare(Name, true, false, [], none, <<"guest">>), ok."""
    rabbitmq.rabbitmqctl("eval", declare)
    assert_goes_and_comes_back(rabbitmq)
    assert rabbitmq.list_queues("name", "durable", vhost=vhost) == [{"name": "kept", "durable": True}]
    with pytest.raises(RabbitMQCommandError, match="nonsense are not supported"):
        rabbitmq.rabbitmqctl("list_queues", "nonsense")


def test_ports_stay_below_those_of_outgoing_connections(redis_server: Redis) -> None:
    assert redis_server.port < FIRST_EPHEMERAL_PORT


def test_a_missing_program_names_its_debian_package() -> None:
    with pytest.raises(MissingServer, match=r"nonesuch-server is not installed.* apt-get install nonesuch$"):
        program("nonesuch-server", "nonesuch")


def test_no_server_outlives_a_killed_test_run() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", START_ALL], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    marker, directory = run.stdout.readline().split()
    lines = " ".join(marked_processes(marker).values())
    for name in ("redis-server", "postgres", "beam.smp", "epmd"):
        assert name in lines

    run.kill()
    run.communicate()

    wait_until(lambda: not marked_processes(marker), seconds=60, what="every server has ended")
    wait_until(lambda: not Path(directory).exists(), seconds=60, what="the directory is gone")
