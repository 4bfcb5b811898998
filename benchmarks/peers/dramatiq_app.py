"""Dramatiq's no-op, messages in RabbitMQ, results in Redis. Run with arguments, it publishes so many."""

from __future__ import annotations

import os
import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["REDIS_URL"])))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def noop(number: int) -> int:
    return number


def main() -> None:
    for number in range(int(sys.argv[1])):
        noop.send(number)


if __name__ == "__main__":
    main()
