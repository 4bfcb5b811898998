"""Fixtures every test can ask for."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import django
import environ
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from pytest_django import DjangoDbBlocker

from tasks_app.compat import Task
from tasks_app.conf import get_conf
from tasks_app.database import DjangoSession
from tasks_app.embedded import EmbeddedValkey
from tests.support import failed, history
from tests.support.cluster import Cluster, Services
from tests.support.deployment import Deployment, deployed
from tests.support.judge import judge
from tests.support.machine import Up
from tests.support.servers import Home, PostgreSQL, RabbitMQ, Redis
from tests.support.servers.postgresql import DJANGO_ALIAS


def pytest_configure() -> None:
    """A shell starts background jobs with Ctrl-C ignored, and every program under test would inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an orderly end, with every fixture's own


def pytest_report_header() -> str:
    return f"Taskdeck on Django {django.get_version()}, tasks by {Task.__module__.rpartition('.')[0]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the machines of a failed test logged last."""
    report = yield
    if report.failed:
        report.sections.extend(failed.logs(item))
    return report


@pytest.fixture(scope="session", autouse=True)
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this test run's own, so that no test touches one that a developer uses."""
    data_dir: Path = tmp_path_factory.mktemp("valkey")
    valkey = EmbeddedValkey(data_dir)
    valkey.start()
    settings.REDIS_URL = valkey.url
    settings.TASKDECK = {**settings.TASKDECK, "REDIS_URL": valkey.url}
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": valkey.url}]},
        }
    }
    get_conf.cache_clear()
    try:
        yield valkey.url
    finally:
        valkey.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Every write to a task row is recorded."""
    with django_db_blocker.unblock():
        for alias in connections:
            history.install(DjangoSession(alias))


@pytest.fixture(autouse=True)
def judged(request: pytest.FixtureRequest) -> Iterator[None]:
    """Judge what a test with a database wrote."""
    mark = request.node.get_closest_marker("django_db")
    sessions = (
        [DjangoSession(alias) for alias in mark.kwargs.get("databases", [DEFAULT_DB_ALIAS])] if mark else []
    )
    for session in sessions:
        history.forget(session)
    yield
    for session in sessions:
        assert judge(history.read(session)) == []


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    yield running
    faults = running.judged()
    running.end()
    assert faults == []


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    home = Home()
    yield home
    home.end()


@pytest.fixture(scope="session")
def session_postgresql(home: Home) -> PostgreSQL:
    return PostgreSQL(home)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest, django_db_modify_db_settings: None) -> None:
    """Name the test run's PostgreSQL as a second database where a test asks for it.

    pytest-django then creates its test database beside the default one's.
    """
    marks = [mark for item in request.session.items for mark in item.iter_markers("django_db")]
    if any(DJANGO_ALIAS in mark.kwargs.get("databases", ()) for mark in marks):
        server = request.getfixturevalue("session_postgresql")
        server.start()
        config = environ.Env.db_url_config(server.url)
        connections.settings[DJANGO_ALIAS] = connections.configure_settings({DEFAULT_DB_ALIAS: config})[
            DEFAULT_DB_ALIAS
        ]


@pytest.fixture(scope="session")
def session_rabbitmq(home: Home) -> RabbitMQ:
    return RabbitMQ(home)


@pytest.fixture(scope="session")
def session_redis(home: Home) -> Redis:
    return Redis(home)


@pytest.fixture
def postgresql(session_postgresql: PostgreSQL) -> PostgreSQL:
    """The test run's PostgreSQL, started at the first need and again after a test that stopped it."""
    session_postgresql.start()
    return session_postgresql


@pytest.fixture
def rabbitmq(session_rabbitmq: RabbitMQ) -> RabbitMQ:
    """The test run's RabbitMQ, started at the first need and again after a test that stopped it."""
    session_rabbitmq.start()
    return session_rabbitmq


@pytest.fixture
def redis_server(session_redis: Redis) -> Redis:
    """The test run's Redis (the embedded Valkey is another), empty."""
    session_redis.start()
    session_redis.flush()
    return session_redis


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of this test's own."""
    url = postgresql.fresh_database()
    yield url
    postgresql.start()
    postgresql.drop(url)


@pytest.fixture(scope="session")
def deployment(
    home: Home, session_postgresql: PostgreSQL, session_rabbitmq: RabbitMQ
) -> Iterator[Deployment]:
    """Everything that docker-compose.yml starts, healthy."""
    session_postgresql.start()
    session_rabbitmq.start()
    with deployed(home, session_postgresql, session_rabbitmq) as deployment:
        yield deployment


@pytest.fixture
def services(database_url: str, redis_server: Redis, rabbitmq: RabbitMQ) -> Services:
    """Real servers of this test's own: a database, an empty Redis, a virtual host of RabbitMQ."""
    return Services(database_url, redis_server.url, rabbitmq.url_of(rabbitmq.fresh_vhost()))


@pytest.fixture
def cluster(tmp_path: Path, services: Services) -> Iterator[Cluster]:
    """The web process on these servers, ready; the test starts the workers."""
    cluster = Cluster(tmp_path, services)
    try:
        cluster.wait_until_ready()
        yield cluster
    finally:
        cluster.end()
    assert cluster.judged() == []
