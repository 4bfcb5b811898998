"""Huey's no-op, messages and results in Redis, no acknowledgements. Run with arguments, it queues so many."""

from __future__ import annotations

import os
import sys

from huey import RedisHuey

huey = RedisHuey("peer", url=os.environ["REDIS_URL"])


@huey.task()
def noop(number: int) -> int:
    return number


def main() -> None:
    from benchmarks.peers.huey_app import noop as task  # by the name under which the consumer knows it

    for number in range(int(sys.argv[1])):
        task(number)


if __name__ == "__main__":
    main()
