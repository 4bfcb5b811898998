"""The original design: a blocking pika consumer with prefetch 1, a Redis SET, then the ack.

``publish N`` fills the queue; ``work`` consumes one by one; ``raw N`` only consumes, 256 ahead, one ack for
many: the ceiling of a pika consumer without any task behind it.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

import pika
import redis

QUEUE = "original"


def channel() -> Any:
    opened = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"])).channel()
    opened.queue_declare(QUEUE, durable=True)
    return opened


def publish(count: int) -> None:
    out = channel()
    for number in range(count):
        body = json.dumps({"task_id": str(uuid.uuid4()), "number": number})
        out.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2))
    out.connection.close()


def work() -> None:
    store = redis.Redis.from_url(os.environ["REDIS_URL"])
    source = channel()
    source.basic_qos(prefetch_count=1)

    def run(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        message = json.loads(body)
        result = json.dumps({"status": "complete", "result": message["number"]})
        store.set(f"task:{message['task_id']}", result, ex=86400)
        channel.basic_ack(method.delivery_tag)

    source.basic_consume(QUEUE, run)
    source.start_consuming()


def consume_raw(count: int) -> None:
    store = redis.Redis.from_url(os.environ["REDIS_URL"])
    source = channel()
    source.basic_qos(prefetch_count=256)
    seen = 0

    def run(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen % 128 == 0 or seen == count:
            channel.basic_ack(method.delivery_tag, multiple=True)
            store.set("seen", seen)

    source.basic_consume(QUEUE, run)
    source.start_consuming()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["publish", count]:
            publish(int(count))
        case ["raw", count]:
            consume_raw(int(count))
        case _:
            work()
