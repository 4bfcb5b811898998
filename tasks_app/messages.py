"""The message of one waiting task: what travels through RabbitMQ, and the queue it travels to.

Body ``{"v":1,"id":"<uuid>"}``; the properties repeat the id as ``message_id`` and name the function as
``type``. Arguments stay in the row, so a message can be stale or doubled but never wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

VERSION = 1
MOST_NAME_BYTES = 255  # AMQP's short strings: queue names, routing keys and types
_PREFIX = "task_queue."
_BODY = re.compile(rb'\{"v":1,"id":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"\}')


class Message(NamedTuple):
    """A task that waits: ``queue`` without prefix, ``function`` as a module path."""

    id: str
    queue: str
    function: str


class MalformedMessage(ValueError):
    """The body is not one that Taskdeck writes."""


def encode(task_id: str) -> bytes:
    return b'{"v":%d,"id":"%s"}' % (VERSION, task_id.encode())


def decode(body: bytes) -> str:
    """The task id of a message's body. Raises MalformedMessage."""
    found = _BODY.fullmatch(body)
    if found is None:
        raise MalformedMessage(f"the body is not a message of version {VERSION}")
    return found[1].decode()


def broker_queue(queue: str) -> str:
    """The name in RabbitMQ of a queue."""
    return _PREFIX + queue


@lru_cache
def fits(queue: str, function: str = "") -> bool:
    """Whether both names are short enough for AMQP; what is not waits for the direct claim."""
    names = (broker_queue(queue), function)
    return all(len(name.encode()) <= MOST_NAME_BYTES for name in names)
