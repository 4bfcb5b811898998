"""Dramatiq's functions, by RabbitMQ and Redis. ``N`` or ``spin NUMBER N`` publishes so many."""

from __future__ import annotations

import os
import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks import timed

broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"])
broker.add_middleware(Results(backend=RedisBackend(url=os.environ["REDIS_URL"])))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def noop(number: int) -> int:
    return number


spin = dramatiq.actor(timed.spin, store_results=True)


def main() -> None:
    match sys.argv[1:]:
        case ["spin", number, count]:
            for _ in range(int(count)):
                spin.send(int(number))
        case [count]:
            for number in range(int(count)):
                noop.send(number)


if __name__ == "__main__":
    main()
