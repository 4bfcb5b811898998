"""Private instances of the real servers, one per test run, that never outlive it."""

from tests.support.servers.common import Home, MissingServer, Server
from tests.support.servers.postgresql import PostgreSQL
from tests.support.servers.rabbitmq import RabbitMQ, RabbitMQCommandError
from tests.support.servers.rabbitmq_cluster import RabbitMQCluster
from tests.support.servers.redis import Redis

__all__ = [
    "Home",
    "MissingServer",
    "PostgreSQL",
    "RabbitMQ",
    "RabbitMQCluster",
    "RabbitMQCommandError",
    "Redis",
    "Server",
]
